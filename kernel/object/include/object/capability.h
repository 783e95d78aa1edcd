/*
 * The table of capabilities that a process holds: what Linux calls its file descriptors. An entry is {object, rights, flags}; an fd is an
 * index. A lookup is a bounds check, a load and a test of rights, without lock: tables are replaced, not resized, and
 * old ones and objects go by RCU. A thread that shares its table with nobody, not even with another of its process, does not
 * count references either: nobody else can close what it uses.
 *
 * Locking: table->lock for changes. Context: thread.
 */
#pragma once

#include <object/object.h>
#include <sched/thread.h>
#include <wait/rcu.h>

enum right {
	RIGHT_READ = 1 << 0,
	RIGHT_WRITE = 1 << 1,
	RIGHT_SEEK = 1 << 2,
	RIGHT_STAT = 1 << 3,
	RIGHT_MAP = 1 << 4,
	RIGHT_IOCTL = 1 << 5,
	RIGHT_SYNC = 1 << 6,
	RIGHT_TRUNCATE = 1 << 7,
	RIGHT_LIST = 1 << 8,    /* directories: getdents */
	RIGHT_LOOKUP = 1 << 9,  /* directories: as the start of a path */
	RIGHT_CHANGE = 1 << 10, /* fchmod, fchown, utimens */
	RIGHT_POLL = 1 << 11,
	RIGHT_EXEC = 1 << 12,
	RIGHT_GRANT = 1 << 13, /* may be handed on: dup, fork, passing */
	RIGHTS_ALL = (1 << 14) - 1,
	/* What O_PATH leaves. */
	RIGHTS_PATH = RIGHT_STAT | RIGHT_LOOKUP | RIGHT_GRANT | RIGHT_EXEC,
};

#define CAP_CLOEXEC (1u << 0)

struct capability {
	struct object *object; /* NULL: free */
	uint32_t rights;       /* none in a free entry */
	uint32_t flags;
};

/* The entries and the bitmap, replaced as a whole when it grows. Only kernel/object looks inside. */
struct cap_array {
	struct rcu_head rcu;
	unsigned size;
	uint64_t *used; /* table->lock: a bit per entry that is open */
	struct capability entries[];
};

struct cap_table {
	uint32_t refs; /* a: threads that use it, of one process or of several (CLONE_FILES) */
	struct spinlock lock;
	struct cap_array *array; /* RCU; lock to change */
	unsigned next_free;      /* lock: no free index is lower */
};

MUST_USE struct cap_table *cap_table_create(void);
MUST_USE struct cap_table *cap_table_clone(struct cap_table *from); /* fork */
struct cap_table *cap_table_get(struct cap_table *table);
void cap_table_put(struct cap_table *table); /* the last one closes everything */
void cap_table_close_on_exec(struct cap_table *table);

/* Hooks of the process module: RLIMIT_NOFILE of the current process; and a table that it shares with no other process. */
unsigned current_fd_limit(void);
MUST_USE int unshare_capabilities(void);

static inline struct cap_table *current_capabilities(void)
{
	return current_thread()->capabilities;
}

/* A looked-up object: borrowed from an unshared table, or with a reference of its own. */
struct cap_ref {
	struct object *object; /* NULL: see err */
	int err; /* -EBADF: no such fd, or (Linux's errno for it) not opened for this */
	bool counted;
};

/* The current thread's entries when no other thread can change them meanwhile, otherwise NULL. */
static inline const struct cap_array *cap_own_entries(void)
{
	struct cap_table *table = current_capabilities();
	if (unlikely(atomic_load(&table->refs) != 1))
		return NULL;
	ASSUME(table->array);
	return table->array;
}

/* NULL: no such fd, or not opened for this. */
static inline struct object *cap_own_lookup(const struct cap_array *array, int fd, uint32_t rights)
{
	size_t index = (unsigned)fd;
	if (unlikely(index >= array->size))
		return NULL;
	const struct capability *cap = &array->entries[index];
	if (unlikely((cap->rights & rights) != rights))
		return NULL;
	ASSUME(cap->object || !rights); /* a free entry has none */
	return cap->object;
}

/* Both in one: NULL also when it must be asked for with a reference. */
static ALWAYS_INLINE struct object *cap_borrow(int fd, uint32_t rights)
{
	struct cap_table *table = current_capabilities();
	return likely(atomic_load(&table->refs) == 1) ? cap_own_lookup(table->array, fd, rights)
						      : NULL;
}

struct cap_ref cap_lookup_any(int fd, uint32_t rights);

/* `rights`: all of them are needed. In the current thread's table. */
static ALWAYS_INLINE MUST_USE struct cap_ref cap_lookup(int fd, uint32_t rights)
{
	struct object *object = cap_borrow(fd, rights);
	if (likely(object))
		return (struct cap_ref){.object = object};
	struct cap_ref ref = cap_lookup_any(fd, rights);
	ASSUME(ref.object || ref.err);
	return ref;
}

static inline void cap_release(struct cap_ref ref)
{
	if (unlikely(ref.counted))
		object_put(ref.object);
}

/* Installs an object (taking over the caller's reference) at the lowest free index >= min. The fd, or -EMFILE (limit is the
 * process's RLIMIT_NOFILE), -ENOMEM; then the reference is still the caller's. */
MUST_USE int cap_install(struct object *object, uint32_t rights, uint32_t flags, int min);
/* The same for an object that the caller has just made: it has the rights of what was opened with these O_… flags, and goes when there is no index,
 * or when there are too many objects (-ENFILE). */
MUST_USE int cap_install_new(struct object *object, unsigned open_flags, uint32_t flags);
/* Whether a new object would find a place now: 0, -EMFILE, -ENFILE; other threads may take it. */
MUST_USE int cap_check_room(void);
/* Rights from O_RDONLY/O_WRONLY/O_RDWR/O_PATH. */
uint32_t cap_rights_of_open(unsigned open_flags, bool is_directory);
MUST_USE int64_t cap_close(int fd);
MUST_USE int cap_close_range(unsigned first, unsigned last, unsigned flags);
MUST_USE int64_t cap_dup(int fd);                               /* dup */
MUST_USE int64_t cap_dup_from(int fd, int min, uint32_t flags); /* F_DUPFD */
MUST_USE int cap_dup_to(int fd, int new_fd, uint32_t flags);    /* dup2, dup3 */
MUST_USE int cap_get_flags(int fd);
MUST_USE int cap_set_flags(int fd, uint32_t flags);
/* For /proc/PID/fd: calls fn for each, with a reference held during the call. */
void cap_for_each(struct cap_table *table,
    bool (*fn)(void *ctx, int fd, const struct capability *cap), void *ctx);
/* An entry, with a reference to its object, which is other threads' too from now on. Context: as below. */
MUST_USE bool cap_copy(struct cap_table *table, int fd, struct capability *capability);
/* How many it has room for. */
unsigned cap_table_size(struct cap_table *table);
/* Which entry is the first at or behind *fd, which is set; false: none. Context: any lock below RANK_CAPABILITIES. */
MUST_USE bool cap_next(struct cap_table *table, int *fd);
