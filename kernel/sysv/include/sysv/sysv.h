/*
 * System V IPC: message queues, sets of semaphores and segments of shared memory. An object is found by a key and then named by its number
 * until somebody removes it; its permissions are its own. See sysvipc(7).
 *
 * Life cycle: the table holds a reference, and so does everybody who works with an object or sleeps on it; removing takes it off the
 * table at once, and wakes the sleepers, who answer EIDRM. A segment stays until it is attached nowhere.
 *
 * Locking: the table's mutex guards its objects and all that they hold. User memory is not touched under it. A waiter sleeps without it,
 * on `changed`, until `changes` has moved on.
 */
#pragma once

#include <wait/mutex.h>

/* Linux's flags and commands. */
#define IPC_PRIVATE 0
#define IPC_CREAT   01000u
#define IPC_EXCL    02000u
#define IPC_NOWAIT  04000u
#define IPC_RMID    0
#define IPC_SET     1
#define IPC_STAT    2
#define IPC_INFO    3

#define SYSV_SLOTS       1024u /* objects of a kind */
#define SYSV_MESSAGE_MAX 8192u /* bytes of a message */
#define SYSV_QUEUE_BYTES 16384u
#define SYSV_SET_MAX     32000u /* semaphores of a set */
#define SYSV_OPS_MAX     500u   /* operations of one semop */
#define SYSV_VALUE_MAX   32767
/* What a segment's mode tells beside its permissions. */
#define SYSV_SEGMENT_DYING  01000u /* removed, but attached */
#define SYSV_SEGMENT_LOCKED 02000u

struct sysv_object {
	uint32_t refs; /* a */
	int key, id;
	uint32_t uid, gid, cuid, cgid, mode;
	bool is_removed;
	uint64_t changes; /* a; lock to change */
	struct wait_queue changed;
	int64_t change_time; /* seconds since 1970 */
	void (*free)(struct sysv_object *object);
};

struct sysv_table {
	struct mutex lock;
	struct sysv_object *slots[SYSV_SLOTS];
	unsigned used;
	uint64_t max;        /* a: objects; up to SYSV_SLOTS */
	uint32_t generation; /* of the number of the next object */
	int next_id;         /* that number itself, if it can be had; negative: any */
	const char *name;
};
extern struct sysv_table sysv_messages, sysv_semaphores, sysv_segments;

/* What IPC_STAT tells, and IPC_SET takes: uid, gid and mode of it. */
struct sysv_permissions {
	int key;
	uint32_t uid, gid, cuid, cgid, mode;
	unsigned generation;
};

struct sysv_queue_info {
	struct sysv_permissions permissions;
	int64_t send_time, receive_time, change_time;
	uint64_t bytes, messages, bytes_max;
	uint32_t last_sender, last_receiver;
};
/* The queue's number, or -errno. */
MUST_USE int sysv_queue_get(int key, unsigned flags);
/* text: a kernel copy. 0 or -errno. */
MUST_USE int sysv_send(int id, int64_t type, const void *text, size_t len, unsigned flags);
/* *text: the message's, to be freed with kfree; the length given, or -errno. */
struct sysv_message;
MUST_USE int64_t sysv_receive(
    int id, size_t size, int64_t type, unsigned flags, struct sysv_message **message);
int64_t sysv_message_type(const struct sysv_message *message);
const void *sysv_message_text(const struct sysv_message *message);
void sysv_message_free(struct sysv_message *message);
/* by_index: `id` is a slot's number, and the answer is the object's; any_reader: without asking for permission. */
MUST_USE int sysv_queue_stat(int id, bool by_index, bool any_reader, struct sysv_queue_info *info);
MUST_USE int sysv_queue_set(int id, const struct sysv_queue_info *info);
struct sysv_totals {
	unsigned objects;
	uint64_t parts, bytes; /* messages or semaphores, and what they hold */
};
/* The highest slot in use, 0 when none is. */
int sysv_queue_totals(struct sysv_totals *totals);

struct sysv_operation { /* Linux's sembuf */
	uint16_t number;
	int16_t change;
	int16_t flags;
};
struct sysv_set_info {
	struct sysv_permissions permissions;
	int64_t operation_time, change_time;
	uint64_t count;
};
MUST_USE int sysv_set_get(int key, int count, unsigned flags);
MUST_USE int sysv_operate(
    int id, const struct sysv_operation *operations, size_t count, nsec_t deadline);
MUST_USE int sysv_set_stat(int id, bool by_index, bool any_reader, struct sysv_set_info *info);
MUST_USE int sysv_set_set(int id, const struct sysv_permissions *permissions);
enum sysv_question { SYSV_VALUE, SYSV_LAST_PID, SYSV_WAIT_FOR_MORE, SYSV_WAIT_FOR_ZERO };
MUST_USE int sysv_ask(int id, int number, enum sysv_question question);
/* All values from 0 on, or with number >= 0 that one. -ERANGE. */
MUST_USE int sysv_set_values(int id, int number, const uint16_t *values, size_t count);
MUST_USE int sysv_get_values(int id, uint16_t *values, size_t count);
int sysv_set_totals(struct sysv_totals *totals);

struct sysv_segment_info {
	struct sysv_permissions permissions;
	uint64_t size, resident_pages, attached;
	int64_t attach_time, detach_time, change_time;
	uint32_t creator, last_user; /* processes */
};
struct address_space;
/* Limits, which root may change: bytes of a segment, pages of all. */
extern uint64_t sysv_segment_max, sysv_segment_pages_max; /* a */
MUST_USE int sysv_segment_get(int key, size_t size, unsigned flags);
#define SHM_RDONLY 010000u
#define SHM_RND    020000u
#define SHM_REMAP  040000u
#define SHM_EXEC   0100000u
/* The address, or -errno. */
MUST_USE int64_t sysv_attach(struct address_space *space, int id, uintptr_t addr, unsigned flags);
MUST_USE int sysv_detach(struct address_space *space, uintptr_t addr);
MUST_USE int sysv_segment_stat(
    int id, bool by_index, bool any_reader, struct sysv_segment_info *info);
MUST_USE int sysv_segment_set(int id, const struct sysv_permissions *permissions);
MUST_USE int sysv_segment_lock(int id, bool lock);
MUST_USE int sysv_segment_remove(int id);
/* parts: pages; bytes: of those that are there. */
int sysv_segment_totals(struct sysv_totals *totals);
void sysv_segment_look(struct sysv_object *object, struct sysv_segment_info *info);

MUST_USE int sysv_remove(struct sysv_table *table, int id);
/* Calls fn for each object, with the lock held. */
void sysv_for_each(
    struct sysv_table *table, void (*fn)(void *ctx, struct sysv_object *object), void *ctx);
void sysv_queue_look(struct sysv_object *object, struct sysv_queue_info *info);
void sysv_set_look(struct sysv_object *object, struct sysv_set_info *info);

void sysv_init(void); /* boot */
