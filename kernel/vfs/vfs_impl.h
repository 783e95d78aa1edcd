/*
 * What the parts of the VFS share.
 *
 *   name.[hc]      hashing and comparing names, cutting paths into names
 *   dentry.c       the cache of names
 *   walk.c         from a path to a place, with walk_step.c and walk_link.c (walk_impl.h); lookup.c: who asks for one
 *   open.c         open(2); open_create.c: and what is not there yet; file.c, cached_file.c, directory.c: what is opened
 *   namespace.c    names made and removed; rename.c: and moved
 *   handle.c       files by number instead of by name
 *   mount.c        the life of mounts; mount_tree.c: what is mounted where
 *   anonymous.c    places of what has no name; memory_file.c: files without one, and what can be sealed
 *   path_name.c    from a place back to a path
 *   inode.c        the life of inodes; attributes.c, permission.c, xattr.c: what they say; locks.c, leases.c: who locked them
 *   context.c      where a process's paths start
 *   registry.c     kinds of file systems, numbers of devices; initramfs.c: what the root begins with
 */
#pragma once

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/mount.h>
#include <lib/atomic.h>
#include <sync/spinlock.h>
#include <time/clock.h>
#include <vfs/vfs.h>
#include <wait/interruptible.h>

#include "name.h"

#define WALK_LINKS_MAX 40 /* symbolic links on the way of one path */

#define MOUNT_FLAGS                                                                                \
	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME)

static inline bool name_is_dot(const struct name *name)
{
	return name->len == 1 && name->text[0] == '.';
}

static inline bool name_is_dot_dot(const struct name *name)
{
	return name->len == 2 && name->text[0] == '.' && name->text[1] == '.';
}

/*
 * dentry.c. dentry_lock guards the shape of the tree of names and of mounts. Whoever changes what a walk has already
 * passed (names, parents, mounts) does it inside namespace_seq, so that lock-free walks notice.
 */
extern struct spinlock dentry_lock;
extern struct seqcount namespace_seq;

void dentry_init(void);
extern struct dentry **dentry_buckets;
extern unsigned dentry_bucket_shift; /* 64 - log2 of their number */

/* Both are spread before they meet: addresses and short names alike differ in few, low bits. */
static inline struct dentry **dentry_bucket(const struct dentry *parent, uint64_t hash)
{
	uint64_t mixed = ((uintptr_t)parent * NAME_FACTOR ^ hash) * NAME_FACTOR;
	return &dentry_buckets[mixed >> dentry_bucket_shift];
}

/* RCU, no reference. Who goes on from there marks it as used. */
static ALWAYS_INLINE struct dentry *dentry_find(
    const struct dentry *parent, const struct name *name)
{
	struct dentry *dentry = rcu_dereference(*dentry_bucket(parent, name->hash));
	for (; dentry; dentry = rcu_dereference(dentry->hash_next))
		if (atomic_load(&dentry->hash) == name->hash &&
		    rcu_dereference(dentry->parent) == parent &&
		    (likely(!(name->hash & NAME_LONG)) ||
			likely(name_is_long(rcu_dereference(dentry->name), name))))
			return dentry;
	return NULL;
}

/* So that the reclaimer leaves it for another round. */
static inline void dentry_mark_used(struct dentry *dentry)
{
	if (unlikely(!(atomic_load(&dentry->flags) & DENTRY_USED)))
		atomic_fetch_or(&dentry->flags, DENTRY_USED);
}

/* False: it is going away. RCU. */
MUST_USE bool dentry_try_get(struct dentry *dentry);
/* With a reference, or NULL: not in the cache. */
struct dentry *dentry_find_get(struct dentry *parent, const struct name *name);
static inline struct dentry *dentry_get(struct dentry *dentry)
{
	__atomic_fetch_add(&dentry->refs, 1, __ATOMIC_RELAXED);
	return dentry;
}
/* Of one that is in no cache: may have to go. */
void dentry_put_unhashed(struct dentry *dentry);
/* False: it is in no cache, and was not let go of. What is in it stays, also without references, and is not touched after the store. */
static ALWAYS_INLINE bool dentry_try_put_cached(struct dentry *dentry)
{
	uint32_t refs = atomic_load(&dentry->refs);
	while (likely(!(refs & DENTRY_UNHASHED)))
		if (likely(atomic_cas(&dentry->refs, &refs, refs - 1)))
			return true;
	return false;
}
static inline void dentry_put(struct dentry *dentry)
{
	if (unlikely(!dentry_try_put_cached(dentry)))
		dentry_put_unhashed(dentry);
}
/* The root of a file system; takes over the inode's reference. It stays until its creator's reference is put by dentry_put_root. */
struct dentry *dentry_create_root(struct super *super, struct inode *inode);
void dentry_put_root(struct dentry *dentry);
/* Puts a name into the cache (with inode's reference; NULL: negative) or finds that it is there: then inode is put. With a reference.
 * The directory's lock is held. NULL: out of memory; inode's reference is gone all the same. */
struct dentry *dentry_add(struct dentry *parent, const struct name *name, struct inode *inode);
/* A dentry that is in no cache: for volatile directories and files without a name. */
struct dentry *dentry_create_private(
    struct dentry *parent, const struct name *name, struct inode *inode);
/* A negative name comes to life. Takes over the reference. The directory's lock is held. */
void dentry_instantiate(struct dentry *dentry, struct inode *inode);
/* The name was deleted: out of the cache; gone with its last reference. */
void dentry_delete(struct dentry *dentry);
/* The children nobody uses, when a directory is removed. */
void dentry_forget_children(struct dentry *dentry);
/* rename: `fresh` is the new name, which was allocated before. With exchange the other dentry gets our old place and name `other_fresh`. */
struct dentry_name *dentry_name_create(const struct name *name);
void dentry_move(
    struct dentry *dentry, struct dentry *new_parent, struct dentry_name *fresh, uint64_t hash);
void dentry_exchange(
    struct dentry *a, struct dentry_name *fresh_a, struct dentry *b, struct dentry_name *fresh_b);
size_t dentry_cache_forget(size_t count, const struct super *super);

/* walk.c */
#define WALK_NEEDS_REFERENCES 4096 /* cannot be done without sleeping */
struct walk_end {
	struct path at; /* the place; with LOOKUP_PARENT the directory */
	struct name last;
	bool has_trailing_slash; /* behind `last` */
	bool is_counted; /* references are held, and sleeping is fine; otherwise under RCU */
	/* is_counted: where `last` lies, or NULL: in the request's path. The visitor may take it, and leave NULL. */
	char **composed;
};
/* What is done at the end of a walk. WALK_NEEDS_REFERENCES when it must be called again with is_counted. */
typedef int (*walk_visit_t)(const struct walk_end *end, void *ctx);
/* base: where a relative path starts if not NULL, else dir_fd. */
struct walk_request {
	const struct path *base;
	int dir_fd;
	unsigned flags;
	const char *path;
};
MUST_USE int walk(const struct walk_request *request, walk_visit_t visit, void *ctx);
/* lookup.c: the name in the directory, whose lock is held, by cache or file system: with a reference, maybe negative. */
MUST_USE int lookup_locked(struct dentry *dir, const struct name *name, struct dentry **result);
/* The same for who needs no negative name: *result may be NULL. A negative one that is cached is found all the same. */
MUST_USE int lookup_existing_locked(
    struct dentry *dir, const struct name *name, struct dentry **result);
/* As lookup_locked, taking the lock. Parent must be a searchable directory. */
MUST_USE int lookup_in(struct dentry *dir, const struct name *name, struct dentry **result);

/* lookup.c. Visitors: references to the place (struct path); to the directory, with the last name (struct last_place). */
int walk_take(const struct walk_end *end, void *ctx);
int take_last(const struct walk_end *end, void *ctx);
struct last_place {
	struct path dir;
	struct name last; /* in the request's path or in `text`; empty for "/" */
	bool has_trailing_slash;
	char *text; /* or NULL */
};
void last_place_put(struct last_place *place);
static inline bool last_is_special(const struct last_place *place)
{
	return !place->last.len || name_is_dot(&place->last) || name_is_dot_dot(&place->last);
}

/* With references. */
MUST_USE int vfs_lookup_from(const struct walk_request *request, struct path *result);

uint32_t mode_for_new(uint32_t mode); /* by the umask */

/* open.c: takes over the references to the place. is_new: made by this open. */
MUST_USE int open_place(
    const struct path *path, unsigned flags, bool is_new, struct object **object);

/* open_create.c: with O_CREAT, from a walk to the parent; with O_TMPFILE, in the directory. */
MUST_USE int open_create(
    const struct walk_request *first, const struct open_request *open, struct object **object);
MUST_USE int open_unnamed(
    const struct path *dir, const struct open_request *open, struct object **object);
/* A regular file, device, ... under a negative name. The directory's lock is held for writing; may_create was asked. */
MUST_USE int create_locked(const struct path *dir, struct dentry *negative, const struct name *name,
    uint32_t mode, uint64_t rdev);

/* locks.c: all locks and leases of all files are under one mutex. */
extern struct mutex file_locks_mutex;
struct file_locks {
	struct list held, leases;
};
MUST_USE struct file_locks *file_locks_of(struct inode *inode); /* made with the first lock */
void file_locks_announce(void);    /* to those who wait: something has changed */
uint32_t file_locks_changes(void); /* so far */
/* Until there are other changes, the deadline, or a signal. */
void file_locks_wait(uint32_t seen, nsec_t deadline);
/* leases.c */
bool leases_release(struct file *file); /* whether it had one; mutex held */
/* Mutex held. */
void leases_for_each(void (*fn)(void *ctx, const struct file_lock_look *look), void *ctx);
/* Until none is in the way of opening or cutting the file; 0, -EAGAIN (nonblock), -ERESTARTSYS. Context: may sleep; no locks. */
MUST_USE int leases_break(struct inode *inode, bool writes, bool nonblock);

void locks_init(void);
void file_locks_free(struct inode *inode);
void inode_free_xattrs(struct inode *inode);
/* It has some, and nobody else has it any more; its file system is there still. */
void inode_uncharge_xattrs(const struct inode *inode);
void file_locks_release(struct file *file); /* flock and open-file-description locks */
/* A descriptor is closed: the POSIX locks of its table end. */
int file_close(struct object *object, const struct cap_table *from);
int64_t file_control(struct object *object, int command, uint64_t arg);

/* context.c: also in kernel threads, which share one. */
struct file_context *context_of_current(void);
void file_context_init(struct mount *root);
/* Without references, under RCU: while the context's count stands still. */
static inline struct path path_peek(const struct path *which)
{
	return (struct path){atomic_load(&which->mount), atomic_load(&which->dentry)};
}

static inline struct path context_peek(struct file_context *context, const struct path *which)
{
	for (;;) {
		uint32_t seq = seq_read_begin(&context->seq);
		struct path path = path_peek(which);
		if (likely(!seq_read_retry(&context->seq, seq)))
			return path;
	}
}

/* mount.c */
extern struct mount *root_mount;
MUST_USE bool mount_try_get(struct mount *mount);
void mount_put(struct mount *mount);
/* A file there is opened for writing: 0 or -EROFS. */
MUST_USE int mount_begin_write(const struct path *path);
void mount_end_write(struct mount *mount);
/* Of a place found under RCU. Whoever could not get it calls mounts_end_left when it may sleep again. */
MUST_USE bool path_try_get(const struct path *path);
void mounts_end_left(void);
static inline void mount_get(struct mount *mount)
{
	__atomic_fetch_add(&mount->refs, 1, __ATOMIC_RELAXED);
}

void mount_init(void); /* mount_tree.c: the root */
/* A new instance of a file system with a first mount, in no tree yet. */
MUST_USE int mount_make(const char *source, const struct file_system *type, uint32_t flags,
    const char *options, struct mount **result);
/* Nobody but the tree and the caller has it: then nobody gets it any more, and it ends with the caller's reference. */
MUST_USE bool mount_end_unused(struct mount *mount);
/* In no tree yet, or never. References the root; mounts_lock, or at boot. */
struct mount *mount_create(
    struct super *super, struct dentry *root, uint32_t flags, const char *source);

/* anonymous.c */
void anonymous_init(void);
/* Takes the reference to the inode, also when it fails. */
MUST_USE int anonymous_place_of(struct inode *inode, const char *text, struct path *path);
/* For an inode of the anonymous file system. NULL: out of memory. */
struct inode *anonymous_inode(uint32_t mode);
bool path_is_anonymous(const struct path *path);

/* What is mounted at this place, if anything. RCU. */
struct mount *mount_at(const struct mount *mount, const struct dentry *dentry);
/* Up into whatever is mounted here, to the top. RCU. */
static inline void cross_mounts(struct path *at)
{
	while (unlikely(atomic_load(&at->dentry->flags) & DENTRY_MOUNT_POINT)) {
		struct mount *mount = mount_at(at->mount, at->dentry);
		if (!mount)
			return;
		at->mount = mount;
		at->dentry = mount->root;
	}
}

static inline bool path_equal(const struct path *a, const struct path *b)
{
	return a->mount == b->mount && a->dentry == b->dentry;
}

static inline bool path_is_read_only(const struct path *path)
{
	return (path->mount->flags | path->mount->super->flags) & MS_RDONLY;
}

/* file.c */
void file_init(void);
/* Takes over the references to the place, also when it fails: NULL, out of memory. */
MUST_USE struct file *file_create(
    const struct path *path, const struct object_ops *ops, unsigned flags);
/* Sets size under the held lock, drops pages, and clears set-id bits. */
MUST_USE int inode_set_size_locked(struct inode *inode, uint64_t size);
/* After a write by who may not keep them. */
void inode_drop_set_id_now(struct inode *inode);
static inline void inode_drop_set_id(struct inode *inode)
{
	if (unlikely(inode->mode & (S_ISUID | S_ISGID)))
		inode_drop_set_id_now(inode);
}

/* rename.c */
void rename_init(void);

/* Another inode's lock while one is held: the order is parents first, then by address. 0, or -EINTR for who is killed. */
MUST_USE static inline int inode_lock_second(struct inode *inode)
{
	return rwlock_write_lock_second_killable(&inode->lock);
}

static inline void inode_unlock_second(struct inode *inode)
{
	rwlock_write_unlock(&inode->lock);
}

/* inode.c */
void inode_init(void);
/* The owner and group of a new file in a directory, and its final mode. */
void inode_set_owner(struct inode *inode, const struct inode *dir);
/* Times in nanoseconds since 1970. */
static inline int64_t time_now(void)
{
	return (int64_t)unix_time_ns();
}
static inline void inode_touch(int64_t *time, int64_t now)
{
	atomic_store(time, now);
}
/* ctime and mtime: of directories, and of what was written. */
static inline void inode_changed_at(struct inode *inode, int64_t now)
{
	inode_touch(&inode->mtime_ns, now);
	inode_touch(&inode->ctime_ns, now);
}
static inline void inode_changed(struct inode *inode)
{
	inode_changed_at(inode, time_now());
}

/* permission.c */
MUST_USE int may_create(const struct path *dir);
/* Owner, group and others alike: no need to ask who we are. */
static inline bool everybody_may(const struct inode *inode, unsigned mask)
{
	uint32_t all = mask * 0111;
	return (atomic_load(&inode->mode) & all) == all;
}
MUST_USE int may_delete(const struct inode *dir, const struct inode *victim, bool want_directory);
static inline int may_search(const struct inode *dir)
{
	uint32_t mode = atomic_load(&dir->mode);
	if (unlikely(!S_IS(mode, S_IFDIR)))
		return -ENOTDIR;
	/* Everybody may: no need to ask who we are. */
	if (likely((mode & 0111) == 0111))
		return 0;
	return inode_permission(dir, MAY_EXEC);
}

/* memory_file.c */
int64_t inode_control_seals(struct object *object, int command, uint64_t arg);
/* A mapping of a file to which seals can be put, or were. 0 or -EPERM. */
MUST_USE int inode_map_sealable(struct inode *inode, struct area *area);
/* inode->lock held. How much of a write there is left to do, or -EPERM. */
MUST_USE int64_t inode_clip_to_seals(const struct inode *inode, uint64_t pos, uint64_t len);
