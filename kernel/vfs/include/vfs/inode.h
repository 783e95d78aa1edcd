/*
 * Files as the kernel sees them. An inode is a file, whatever its names; a dentry is a name in a directory (or the knowledge that
 * there is none); a mount puts a file system's tree at a dentry. A file system is a table of inode operations; tmpfs, devfs
 * and procfs are in kernel/fs/, disk file systems will be services behind the same table.
 *
 * Life cycle of an inode: in memory while it has references (dentries, and what the file system itself holds); when the last
 * goes, ops->evict lets go of its data, and its memory follows after a grace period. A dentry without references stays
 * in the cache until memory is wanted, the ones not used lately first; a deleted one goes with its last reference.
 *
 * Locking: inode->lock (rwlock: directory contents, size changes, attributes). Names, parents and mounts change under
 * dentry_lock (vfs_impl.h) and are read under RCU and namespace_seq. Order: parent directory before child.
 */
#pragma once

#include <lib/list.h>
#include <object/object.h>
#include <sync/seqcount.h>
#include <vm/page_cache.h>
#include <wait/rcu.h>
#include <wait/rwlock.h>

struct dentry;
struct file;
struct file_locks;
struct inode;
struct kstatfs;
struct file_system;
struct mount;
struct path;
struct super;
struct xattrs;

#define NAME_MAX_LEN 255
#define PATH_MAX_LEN 4096 /* with the NUL */

struct name {
	const char *text; /* not terminated */
	uint32_t len;
	uint64_t hash;
};

/* Names of up to so many bytes are their hash: those with the same hash are the same. */
#define NAME_HASHED_WHOLE 7

/* Of a name: what struct name needs. */
uint64_t name_hash(const char *text, size_t len);
static inline struct name name_of(const char *text, size_t len)
{
	return (struct name){.text = text, .len = (uint32_t)len, .hash = name_hash(text, len)};
}

/* Whether it is a number as it is printed: no sign, no zeroes in front; at most nine digits. */
bool name_number(const struct name *name, uint32_t *number);

/* Positions in a directory: of ".", of "..", of the first entry of the file system's own. */
enum { LIST_SELF, LIST_PARENT, LIST_FIRST };

/* Returns false to stop: the entry was not taken. next_pos is where to go on behind it. */
typedef bool (*list_emit_t)(
    void *ctx, const char *name, size_t len, uint64_t ino, unsigned type, uint64_t next_pos);

/*
 * NULL operations mean "not permitted here": EPERM for those that change a directory, EINVAL for read_link. The directory's lock is
 * held for writing by create, link, unlink, symlink, rmdir, rename; for reading by lookup and list. Permissions, existing
 * names and kinds of files have been checked by the caller.
 */
struct inode_ops {
	/* 0 and *inode with a reference, or -ENOENT. The result is cached either way, unless the directory is_volatile. */
	int (*lookup)(struct inode *dir, const struct name *name, struct inode **inode);
	/* By S_IFMT in mode: file, directory, device, fifo, socket. *inode with a reference. Name len 0: a file without a name (O_TMPFILE). */
	int (*create)(struct inode *dir, const struct name *name, uint32_t mode, uint64_t rdev,
	    struct inode **inode);
	int (*link)(struct inode *dir, const struct name *name, struct inode *inode);
	int (*unlink)(struct inode *dir, const struct name *name, struct inode *inode);
	int (*rmdir)(
	    struct inode *dir, const struct name *name, struct inode *inode); /* -ENOTEMPTY */
	int (*symlink)(
	    struct inode *dir, const struct name *name, const char *target, struct inode **inode);
	/* replaced: what has the new name, or NULL; with RENAME_EXCHANGE it gets the old name. -ENOTEMPTY. */
	int (*rename)(struct inode *old_dir, const struct name *old_name, struct inode *inode,
	    struct inode *new_dir, const struct name *new_name, struct inode *replaced,
	    unsigned flags);
	/* For symlinks without link_target: the length of the target copied into buf (PATH_MAX_LEN, NUL-terminated), or, of a "magic"
	 * link, 0 and *jump, a place with references. jump is NULL when only the text is wanted. May sleep. */
	int (*read_link)(struct inode *inode, char *buf, struct path *jump);
	/* Entries from *pos on, which is advanced behind each that was taken. Positions 0 and 1 are "." and "..", which the
	 * generic code emits: here *pos begins at 2. */
	int (*list)(struct inode *dir, uint64_t *pos, list_emit_t emit, void *ctx);
	/* Called for changes of mode, owner, size, times: after the permission checks, before the generic code stores them. */
	int (*set_attributes)(struct inode *inode, const struct kstat *to, unsigned which);
	int (*stat)(struct inode *inode,
	    struct kstat *stat); /* beyond what the inode's fields say; may sleep */
	int (*open)(struct inode *inode, struct file *file); /* may replace file->object.ops */
	void (*evict)(struct inode *
		inode); /* the last reference is gone: free private data that no lock-free reader uses */
};

struct inode {
	uint32_t refs;     /* a */
	uint32_t mode;     /* lock to change, atomic to read: S_IF… and permissions */
	uint32_t uid, gid; /* lock to change, atomic to read */
	uint32_t nlink;    /* lock of the inode or of the directory; atomic to read */
	bool is_volatile;  /* I: a directory whose names are looked up each time (procfs) */
	bool is_dead;      /* lock: a directory that was removed: nothing can be created in it */
	bool is_unnamed;   /* a: made by O_TMPFILE: may get a first name */
	uint8_t
	    seals; /* lock, and that of the cache's areas: F_SEAL_…, what cannot be done to a cached file any more */
	uint64_t ino;                                   /* I */
	uint64_t rdev;                                  /* I */
	uint64_t size;                                  /* lock to change, atomic to read */
	int64_t atime_ns, mtime_ns, ctime_ns, btime_ns; /* a */
	const struct inode_ops *ops;                    /* I */
	const struct object_ops *file_ops;              /* I: of an open file */
	struct super *super;                            /* I */
	char *
	    link_target; /* I: of a symlink, kmalloc'ed, freed with the inode; NULL: ops->read_link */
	int32_t
	    writers; /* a: opens for writing; negative: running programs that forbid it (ETXTBSY) */
	void *data;  /* the file system's */
	struct file_locks *locks; /* flock and fcntl locks */
	struct xattrs *xattrs;    /* lock; NULL: none */
	/* So far a new inode is zeroed; what follows has functions of its own to make it ready. */
	struct rwlock lock;
	struct page_cache cache;
	struct rcu_head rcu;
};

/* With one reference; times are now, owner 0, nlink 1, a number of its own, ops and file_ops the caller's. NULL: out of memory. */
struct inode *inode_create(struct super *super, uint32_t mode);
struct inode *inode_get(struct inode *inode);
void inode_put(struct inode *inode);
/* For mmap with PROT_EXEC of programs: 0 or -ETXTBSY; undone by inode_allow_write. And the other side. */
MUST_USE int inode_deny_write(struct inode *inode);
void inode_allow_write(struct inode *inode);
MUST_USE int inode_begin_write(struct inode *inode);
void inode_end_write(struct inode *inode);

/* A name as it was given; replaced as a whole by rename, freed after a grace period. */
struct dentry_name {
	struct rcu_head rcu;
	uint32_t len;
	char text[]; /* NUL-terminated */
};

#define DENTRY_INLINE_NAME 40 /* with the NUL */

enum dentry_flags {
	DENTRY_MOUNT_POINT = 1 << 0, /* something is mounted here, in some mount */
	DENTRY_USED = 1 << 1,        /* since the reclaimer last looked */
	DENTRY_DELETED = 1 << 2,     /* the name was removed */
};

/* In refs, beside the count. */
#define DENTRY_DEAD     (1u << 31) /* about to be freed, cannot be taken any more */
#define DENTRY_UNHASHED (1u << 30) /* not in the cache: gone with its last reference */

struct dentry {
	/* What a walk touches comes first. */
	struct dentry *hash_next;       /* RCU; dentry lock */
	struct dentry *parent;          /* RCU; reference; a root is its own, without one */
	struct inode *inode;            /* RCU; reference; NULL: negative; never changes once set */
	const struct dentry_name *name; /* RCU; dentry lock */
	uint64_t hash;                  /* dentry lock: of the name */
	uint32_t flags;                 /* a */
	uint32_t refs;                  /* a */
	struct dentry **hash_prev;      /* dentry lock */
	struct list children, sibling;  /* dentry lock */
	struct list cache_link;         /* dentry lock: all that there are */
	struct super *super;            /* I */
	struct mount *mounted; /* RCU; dentry lock: the latest of those mounted here, as a hint */
	struct rcu_head rcu;
	struct dentry_name own_name; /* where `name` points at first, when it is short */
};

/* A mounted instance of a file system. */
struct super {
	const struct file_system *type;
	struct inode *root;
	struct dentry
	    *root_dentry; /* made by the generic code from `root`, whose reference it takes over */
	uint64_t dev;
	uint64_t next_ino; /* a */
	uint32_t flags;    /* MS_RDONLY, MS_NOSUID, … */
	uint32_t block_size, name_max, magic;
	uint32_t refs; /* mount lock: mounts of it */
	void *data;
	struct rcu_head rcu;
};

/* Zeroed but for a device number and usual sizes, or NULL. */
struct super *super_create(const struct file_system *type, uint32_t flags);
void super_destroy(struct super *super); /* when `mount` fails after all */

struct file_system {
	const char *name;
	bool needs_device;
	bool keeps_xattrs; /* with the inodes */
	/* Memory for extended attributes comes: 0 or -ENOSPC; or goes: never fails. With keeps_xattrs. */
	int (*charge_xattrs)(struct super *super, int64_t bytes);
	/* options: mount(2)'s data string, may be NULL. */
	int (*mount)(const struct file_system *type, const char *source, uint32_t flags,
	    const char *options, struct super **super);
	/* The root inode has been put; `data` is to be freed, the super itself is not. */
	void (*unmount)(struct super *super);
	int (*statfs)(
	    struct super *super, struct kstatfs *stat); /* beyond what the super's fields say */
	int (*remount)(struct super *super, uint32_t flags, const char *options);
};

struct kstatfs {
	uint64_t type, block_size, blocks, free, available, files, files_free, name_max, flags;
};

struct mount {
	struct super *super;
	struct mount *parent; /* RCU; NULL: the root of all, or unmounted */
	struct dentry *root;  /* I */
	struct dentry *point; /* RCU: in the parent; NULL for the root */
	uint32_t flags;       /* a: MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME */
	uint32_t refs;        /* a: of users; the tree itself holds one */
	uint32_t writers; /* a: files open for writing; only without them it becomes read-only */
	unsigned id;      /* I */
	char *source;     /* I */
	struct list link; /* mount lock: all, in order of mounting */
	struct mount *next_left; /* of those that mounts_end_left() ends */
	struct rcu_head rcu;
};

/* A place in the tree. Holding one holds both references. */
struct path {
	struct mount *mount;
	struct dentry *dentry;
};

/* An open file of an inode. */
struct file {
	struct object object; /* first: an object is cast to its file by container_of */
	struct path path;
	struct inode *inode; /* the path's dentry holds the reference */
	void *data;
	bool is_writer;  /* counted in inode->writers */
	bool is_created; /* by this open: F_CREATED_QUERY */
};

static inline struct file *file_of(struct object *object)
{
	return container_of(object, struct file, object);
}

/* An open file of an inode, whatever its operations: for all operations that an inode's open() puts in must come with these, or call them. */
void file_release(struct object *object);
void file_free(struct object *object);
int file_stat(struct object *object, struct kstat *stat);
/* Files in memory have nowhere to be brought. */
int file_sync(struct object *object, bool data_only);
