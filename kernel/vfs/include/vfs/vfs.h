/*
 * Paths and what is done with them. A lookup walks the dentry cache without locks or references (RCU and sequence counts) and only falls back to
 * taking references when a name is not cached.
 */
#pragma once

#include <vfs/inode.h>

/* Where relative paths start, and what the process may see. Shared by CLONE_FS. */
struct file_context {
	uint32_t refs; /* a */
	struct spinlock lock;
	struct seqcount seq;   /* lock; lets walks read both without it */
	struct path cwd, root; /* lock */
	uint32_t umask;        /* a */
};

/* A hook of the process module: the current process's. */
struct file_context *current_file_context(void);
struct file_context *file_context_create(void); /* cwd and root: the root mount; umask 022 */
struct file_context *file_context_get(struct file_context *context);
struct file_context *file_context_clone(struct file_context *from);
void file_context_put(struct file_context *context);
/* chdir and chroot: `which` is one of the two places. Takes references of its own. */
void file_context_set(struct file_context *context, struct path *which, const struct path *to);
/* With references. */
struct path file_context_path(struct file_context *context, const struct path *which);

enum lookup_flags {
	LOOKUP_FOLLOW = 1 << 0,      /* a symlink at the end too */
	LOOKUP_PARENT = 1 << 1,      /* stop at the directory; the last name is in *last */
	LOOKUP_EMPTY = 1 << 2,       /* "" is the start itself (AT_EMPTY_PATH) */
	LOOKUP_DIRECTORY = 1 << 3,   /* -ENOTDIR otherwise */
	LOOKUP_NO_SYMLINKS = 1 << 4, /* openat2's RESOLVE_… */
	LOOKUP_BENEATH = 1 << 5,
	LOOKUP_IN_ROOT = 1 << 6,
	LOOKUP_NO_MAGIC = 1 << 7,
	LOOKUP_NO_MOUNTS = 1 << 8,
	LOOKUP_CACHED = 1 << 9, /* openat2: -EAGAIN rather than ask the file system */
};

/* dir_fd: AT_FDCWD or a directory. `path` is a kernel string. */
MUST_USE int vfs_lookup(int dir_fd, const char *path, unsigned flags, struct path *result);
/* Copies a user's path and looks it up. -EFAULT, -ENAMETOOLONG, -ENOENT for "". */
MUST_USE int vfs_lookup_user(int dir_fd, uaddr_t path, unsigned flags, struct path *result);
void path_get(const struct path *path);
void path_put(const struct path *path);

/* A program's path, copied once. Nearly all are short and lie in here; others in a buffer of PATH_MAX_LEN. */
#define USER_PATH_SHORT 112
struct user_path {
	char *text;
	char own[USER_PATH_SHORT];
};
/* On failure there is nothing to free. -EFAULT, -ENAMETOOLONG, -ENOMEM. */
MUST_USE int user_path_copy_long(struct user_path *path, uaddr_t user);
static ALWAYS_INLINE MUST_USE int user_path_copy(struct user_path *path, uaddr_t user)
{
	path->text = path->own;
	return likely(strncpy_from_user(path->own, user, sizeof(path->own)) >= 0)
		   ? 0
		   : user_path_copy_long(path, user);
}
static inline void user_path_set_empty(struct user_path *path)
{
	path->text = path->own;
	path->own[0] = '\0';
}
void user_path_free_long(struct user_path *path);
static inline void user_path_free(struct user_path *path)
{
	if (unlikely(path->text != path->own))
		user_path_free_long(path);
}

struct open_request {
	unsigned flags; /* O_…, checked here */
	uint32_t mode;
	unsigned lookup; /* extra LOOKUP_ flags (openat2) */
};
/* An object with one reference. */
MUST_USE int vfs_open(
    int dir_fd, const char *path, const struct open_request *request, struct object **object);
MUST_USE int vfs_open_path(const struct path *path, unsigned flags, struct object **object);
/* To run it: that takes the right to execute, not to read. */
MUST_USE int vfs_open_program(const struct path *path, struct object **object);
/* A file by number, as long as it has a name: which it is in which file system. -EOPNOTSUPP, -ESTALE. */
struct vfs_handle {
	uint64_t ino, dev;
};
MUST_USE int vfs_handle_of(const struct path *path, struct vfs_handle *handle);
/* place: anywhere in the file system. */
MUST_USE int vfs_open_handle(const struct path *place, const struct vfs_handle *handle,
    unsigned flags, struct object **object);
MUST_USE int vfs_create(int dir_fd, const char *path, uint32_t mode, uint64_t rdev);
MUST_USE int vfs_mkdir(int dir_fd, const char *path, uint32_t mode);
MUST_USE int vfs_unlink(int dir_fd, const char *path, bool directory);
MUST_USE int vfs_rename(
    int old_dir, const char *old, int new_dir, const char *new_path, unsigned flags);
MUST_USE int vfs_link(
    int old_dir, const char *old, int new_dir, const char *new_path, unsigned flags);
MUST_USE int vfs_symlink(const char *target, int dir_fd, const char *path);
MUST_USE int vfs_read_link(const struct path *path, char *buf, size_t size);

enum {
	SET_MODE = 1,
	SET_UID = 2,
	SET_GID = 4,
	SET_SIZE = 8,
	SET_ATIME = 16,
	SET_MTIME = 32,
	SET_TO_NOW = 128
};
/* Checks permission as chmod, chown, utimensat and truncate do, by `which`. */
MUST_USE int vfs_set_attributes(const struct path *path, struct kstat *to, unsigned which);
MUST_USE int vfs_stat(const struct path *path, struct kstat *stat);

/* stat(2) and access(2) of a path: no reference is taken where nothing must sleep. */
MUST_USE int vfs_stat_at(int dir_fd, const char *path, unsigned flags, struct kstat *stat);
struct credentials;
MUST_USE int vfs_access_at(
    int dir_fd, const char *path, unsigned flags, const struct credentials *creds, unsigned mask);
MUST_USE int vfs_truncate(const struct path *path, uint64_t size);
/* Extended attributes, by Linux's rules of who may. size 0: only how long the value or the list would be; too small a size is -ERANGE.
 * A list is of names, each with its NUL. */
#define XATTR_CREATE  1u
#define XATTR_REPLACE 2u
MUST_USE int vfs_set_xattr(
    const struct path *path, const char *name, const void *value, size_t size, unsigned flags);
MUST_USE int vfs_remove_xattr(const struct path *path, const char *name);
MUST_USE int64_t vfs_get_xattr(const struct path *path, const char *name, void *value, size_t size);
MUST_USE int64_t vfs_list_xattrs(const struct path *path, char *list, size_t size);

/* MAY_READ 4, MAY_WRITE 2, MAY_EXEC 1: 0, -EACCES or -EROFS. By the fs ids of the current thread; _as: by others (access(2)). */
enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4 };
MUST_USE int inode_permission(const struct inode *inode, unsigned mask);
MUST_USE int inode_permission_as(
    const struct credentials *creds, const struct inode *inode, unsigned mask);
/* The same for a place: a mount may be read-only or noexec. */
MUST_USE int path_permission(const struct path *path, unsigned mask);
/* Whether the set-id bits of a program there count. */
bool path_may_set_id(const struct path *path);
/* Owner, or with the power over files. */
bool inode_is_ours(const struct inode *inode);

/* The absolute path as the current root sees it, written at the end of buf; returns its start, or NULL and *err: -ENAMETOOLONG. What was deleted
 * ends in " (deleted)", what the root does not reach begins with "(unreachable)", as in Linux's /proc. */
char *vfs_path_name(const struct path *path, char *buf, size_t size, int *err);
/* The path from the root of its file system, wherever that is mounted, at the end of buf; "//deleted" behind what was. NULL: it does not fit. */
char *vfs_name_in_file_system(const struct dentry *dentry, char *buf, size_t size);

/* getcwd: the length with the NUL, *start inside buf; -ENOENT when it was deleted. */
MUST_USE int64_t vfs_cwd_name(char *buf, size_t size, char **start);

/* A place of something that has no name, shown as "kind:[ino]". */
struct anonymous_file {
	const char *kind;
	uint64_t ino;
	uint32_t mode, uid, gid;
	const struct inode_ops *ops; /* evict lets go of data */
	void *data;                  /* taken over on success */
};
/* With references. */
MUST_USE int anonymous_place(const struct anonymous_file *file, struct path *path);

/* Where what has no path at all counts as being. */
unsigned anonymous_mount_id(void);

/* A file in memory without a name, open for reading and writing; `name` is for /proc only. seals: F_SEAL_SEAL if there can be none. */
#define MEMORY_FILE_NAME_MAX 249 /* without the NUL */
MUST_USE int vfs_create_memory_file(
    const char *name, uint32_t mode, unsigned seals, struct object **object);

/* flags: MS_…, the file-system type by name. */
MUST_USE int vfs_mount(const char *source, const char *target, const char *type,
    unsigned long flags, const char *options);
MUST_USE int vfs_unmount(const char *target, unsigned flags);
/* A file system that no path leads to; its root, with references. Context: boot. */
MUST_USE int vfs_mount_private(const char *type, struct path *root);
/* A name in such a directory, which is no path. */
MUST_USE int vfs_open_in(const struct path *dir, const char *name,
    const struct open_request *request, struct object **object);
MUST_USE int vfs_unlink_in(const struct path *dir, const char *name);
/* For /proc/mounts: in order of mounting. Under a lock: fn must not sleep. */
void mount_for_each(bool (*fn)(void *ctx, struct mount *mount), void *ctx);
MUST_USE int vfs_statfs(const struct path *path, struct kstatfs *stat);

/* The type stays registered for ever. Context: boot. */
void file_system_register(const struct file_system *type);
const struct file_system *file_system_find(const char *name);
void file_system_for_each(void (*fn)(void *ctx, const struct file_system *type), void *ctx);

/* As programs see them, in stat and mknod: twelve bits of major number between the minor number's lowest eight and its others. */
#define DEVICE_NUMBER(major, minor)                                                                \
	((uint64_t)((minor)&0xff) | (uint64_t)(major) << 8 | (uint64_t)((minor)&0xfff00) << 12)
#define DEVICE_MAJOR(number) ((uint32_t)((number) >> 8) & 0xfff)
#define DEVICE_MINOR(number) ((uint32_t)((number)&0xff) | ((uint32_t)((number) >> 12) & 0xfff00))
/* Device numbers to operations: devfs and mknod go through this table. */
struct device_node {
	const char *name; /* below /dev, may contain '/' */
	uint32_t mode;    /* S_IFCHR | permissions */
	uint64_t number;
	const struct object_ops *ops; /* with file_release and file_free */
	int (*open)(
	    struct inode *inode, struct file *file); /* optional; may replace file->object.ops */
};
/* The node stays. -EEXIST. */
MUST_USE int device_node_register(const struct device_node *node);
const struct device_node *device_node_find(uint32_t mode, uint64_t number);
void device_node_for_each(void (*fn)(void *ctx, const struct device_node *node), void *ctx);
/* A hook, defined over the pipes: what opening a FIFO does. */
int vfs_open_fifo(struct inode *inode, struct file *file);
/* flock(2) on an open file. */
MUST_USE int vfs_flock(struct object *object, int operation);
/* What is told of a lock or a lease, and of who waits for it: he comes right behind it. */
struct file_lock_look {
	enum { LOCK_IS_POSIX, LOCK_IS_OPEN_FILE, LOCK_IS_FLOCK, LOCK_IS_LEASE } kind;
	int type;            /* F_RDLCK, F_WRLCK, F_UNLCK */
	int pid;             /* who took it; -1: an open file */
	bool is_breaking;    /* a lease: somebody waits for it to become less */
	bool waits;          /* it is wanted only */
	uint64_t start, end; /* both belong to it; INT64_MAX: to the end */
	const struct inode *inode;
	const void *owner; /* the open file's object, or a table of capabilities */
};
/* Of all files. fn may sleep for memory, and takes no locks of files. */
void file_locks_for_each(void (*fn)(void *ctx, const struct file_lock_look *look), void *ctx);
/* fcntl's leases on an open file: F_RDLCK, F_WRLCK, F_UNLCK. */
MUST_USE int file_set_lease(struct object *object, int type);
int file_get_lease(struct object *object);
extern uint64_t lease_break_seconds; /* a: how long its holder has to give one up */
/* A hook of the process module: the lease that is held by this object is in somebody's way. Context: may sleep. */
void object_tell_owner(struct object *object);
/* A hook of the process module: whom F_GETLK names. */
uint32_t vfs_current_pid(void);
/* A hook of the signal code: a write went beyond RLIMIT_FSIZE. */
void vfs_signal_file_size(void);

/* The page-cache read and write that regular files of the kernel's own file systems use. */
extern const struct object_ops cached_file_ops;
extern const struct object_ops directory_ops;
/* O_PATH: a place, not a file. */
extern const struct object_ops path_ops;

/* Forgets names that nobody uses (at most `count`): gives memory back. Returns how many. Context: may sleep. */
size_t dentry_cache_trim(size_t count);

void vfs_init(void); /* the root tmpfs; file system types have been registered */
/* Fills the root from the initial ram disk. Damaged entries are left out with a message. */
void vfs_unpack_initramfs(void);
