/*
 * Everything a process can touch is an object; everything it holds is a capability. An object has a reference count and a table of
 * operations; whoever adds a kind of thing adds an object_ops and nothing else learns about it. What Linux calls an open file
 * description is an object too: the status flags and the position live here, because dup and fork share them.
 *
 * Life cycle: created with one reference; object_get/object_put; the last put calls ops->release, which lets go of everything the object
 * holds, at once; then ops->free, which frees the memory — after a grace period if the object was ever in a table that several threads
 * share, because a look-up without lock may still be reading its reference count.
 * ops->close is called each time a descriptor that names it is closed (POSIX locks, flush errors), before the put.
 */
#pragma once

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <lib/atomic.h>
#include <lib/fmt.h>
#include <object/io.h>
#include <wait/mutex.h>
#include <wait/rcu.h>
#include <wait/wait_queue.h>

struct object;
struct poll_table;
struct cap_table;
struct kstat;
struct area;
struct path;

enum object_type {
	OBJECT_FILE, /* regular file, directory, device node: has an inode */
	OBJECT_PIPE,
	OBJECT_TTY,
	OBJECT_EVENT,
	OBJECT_TIMER,
	OBJECT_SIGNALS,
	OBJECT_POLL_SET,
	OBJECT_PROCESS, /* pidfd */
	OBJECT_SOCKET,
	OBJECT_MEMORY,
};

/*
 * Every operation may be NULL: the generic caller then answers the errno that Linux does (EINVAL for read and write, ENOTTY
 * for ioctl, ESPIPE for seek, …). read and write get the position to use and advance; *pos is NULL for objects that
 * have none (is_stream).
 */
struct object_ops {
	enum object_type type;
	bool is_stream;                         /* no position: lseek and pread are ESPIPE */
	void (*release)(struct object *object); /* may be NULL */
	void (*free)(struct object *object);
	/* `from`: the table whose descriptor is gone. */
	int (*close)(struct object *object, const struct cap_table *from);
	int64_t (*read)(struct object *object, struct io *io, uint64_t *pos);
	int64_t (*write)(struct object *object, struct io *io, uint64_t *pos);
	/* Never NULL: object_always_ready for regular files and the like. Ready events now; with a table, also registers for wake-ups. See
	 * <object/poll.h>. */
	unsigned (*poll)(struct object *object, struct poll_table *table);
	int64_t (*ioctl)(struct object *object, uint64_t request, uaddr_t arg);
	int64_t (*seek)(struct object *object, int64_t offset, int whence); /* not of streams */
	int (*stat)(struct object *object, struct kstat *stat);             /* sets all of it */
	/* Of what is no file but can be opened again through /proc/PID/fd: a path to it, with references. */
	int (*place)(struct object *object, struct path *path);
	/* Checks and completes a mapping: sets area->ops, area->object (taking a reference). */
	int (*map)(struct object *object, struct area *area);
	/* One entry per call of emit until it returns false; for directories. */
	int64_t (*list)(struct object *object, uint64_t *pos,
	    bool (*emit)(void *ctx, const char *name, size_t len, uint64_t ino, unsigned type,
		uint64_t next_pos),
	    void *ctx);
	int (*sync)(struct object *object, bool data_only);
	int (*truncate)(struct object *object, uint64_t size);
	int (*allocate)(struct object *object, unsigned mode, uint64_t offset, uint64_t len);
	/* Lines of its own in /proc/PID/fdinfo. */
	void (*describe)(struct object *object, fmt_sink_t sink, void *ctx);
	/* fcntl commands beyond flags: locks, pipe sizes, owners, seals. NULL: EINVAL. */
	int64_t (*control)(struct object *object, int command, uint64_t arg);
	bool tells_by_signal; /* knows O_ASYNC: its queues tell of all that changes */
};

/* Letters: I immutable, a atomic, p pos_lock */
struct object {
	uint32_t refs;  /* a */
	uint32_t flags; /* a: O_APPEND, O_NONBLOCK, O_DIRECT, …, access mode in the low bits */
	const struct object_ops *ops; /* I */
	bool is_shared;               /* a: free after a grace period */
	bool is_watched;              /* a: object_forget… are to be called */
	uint64_t pos;                 /* p */
	struct mutex pos_lock;        /* taken only when others share the object */
	void *data;                   /* I: the kind's own */
	struct io_signal *io_signal;  /* a: <process/io_signal.h>; NULL: none */
	struct rcu_head rcu;
};

/*
 * How many objects there may be: ENFILE, /proc/sys/fs/file-max. Whoever is about to make one for a descriptor asks first, and is told -ENFILE;
 * what makes itself known to nobody is counted, but not refused.
 */
MUST_USE int objects_check_room(void);
uint64_t objects_count(void);
uint64_t objects_max(void);
void objects_set_max(uint64_t max);
/* A hook of the process module: who administers the system is let through. */
bool current_may_exceed_objects(void);

unsigned object_always_ready(struct object *object, struct poll_table *table);
void object_init(struct object *object, const struct object_ops *ops, unsigned flags);

static inline struct object *object_get(struct object *object)
{
	__atomic_fetch_add(&object->refs, 1, __ATOMIC_RELAXED);
	return object;
}

void object_put(struct object *object);
/* A hook of whoever set is_watched: nobody has the object any more. Before it is released. */
void object_forget(struct object *object);
void object_forget_signals(struct object *object);

/* Linux's stat, before it is packed for a caller. */
struct kstat {
	uint64_t dev, ino, rdev, size, blocks;
	uint32_t mode, nlink, uid, gid, block_size;
	int64_t atime_ns, mtime_ns, ctime_ns, btime_ns; /* since 1970 */
	uint64_t attributes, attributes_mask, mount_id; /* statx */
};
/* ops->stat of what has no inode. */
int object_stat_nameless(struct object *object, struct kstat *stat);

/* By its flags, or in this call alone. */
static inline bool object_must_not_wait(const struct object *object, const struct io *io)
{
	return io->nonblock || atomic_load(&object->flags) & O_NONBLOCK;
}

/* Generic entry points: look at rights first, then these. They handle NULL operations, O_APPEND, positions and their lock. */
int64_t object_read(struct object *object, struct io *io);
int64_t object_write(struct object *object, struct io *io);
int64_t object_pread(struct object *object, struct io *io, uint64_t pos);
int64_t object_pwrite(struct object *object, struct io *io, uint64_t pos);
int64_t object_seek(struct object *object, int64_t offset, int whence);
/* Up to `len` bytes from one to the other; both positions advance (out_pos: NULL for streams). Fewer at the end, a signal, or when no more fits. */
int64_t object_copy(
    struct object *in, uint64_t *in_pos, struct object *out, uint64_t *out_pos, size_t len);
/* lseek over a position with a known end; for ops->seek. */
int64_t object_seek_in(struct object *object, int64_t offset, int whence, uint64_t end);
