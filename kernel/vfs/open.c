/*
 * open(2). What exists is found by a walk without lock and opened; only what must be made takes the directory's lock (open_create.c).
 *
 * The references to a place go from the walk to the open file, or are let go of where it fails: open_place takes them over.
 */
#include "vfs_impl.h"

#define TMPFILE_BIT (O_TMPFILE & ~O_DIRECTORY)

/* What is kept of the flags: F_GETFL shows it. */
#define FLAGS_KEPT                                                                                 \
	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_SYNC | O_ASYNC | O_DIRECT | O_LARGEFILE |           \
	    O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_PATH)

static inline unsigned mask_of(unsigned flags)
{
	static const uint8_t masks[] = {
	    MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE};
	return masks[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);
}

/* What can be opened so, of all that is no regular file. */
static NOINLINE int check_kind(const struct path *path, unsigned flags)
{
	switch (path->dentry->inode->mode & S_IFMT) {
	case S_IFLNK: return -ELOOP;
	case S_IFDIR: return mask_of(flags) & MAY_WRITE || flags & O_CREAT ? -EISDIR : 0;
	case S_IFBLK:
	case S_IFCHR:
		if (path->mount->flags & MS_NODEV)
			return -EACCES;
		break;
	case S_IFSOCK: return -ENXIO;
	default: break;
	}
	return flags & O_DIRECTORY ? -ENOTDIR : 0;
}

/* is_new: whoever makes a file may open it in any way. */
static ALWAYS_INLINE int may_open(const struct path *path, unsigned flags, bool is_new)
{
	const struct inode *inode = path->dentry->inode;
	unsigned mask = mask_of(flags);
	int err = 0;
	if (likely(S_IS(inode->mode, S_IFREG))) {
		if (unlikely(flags & O_DIRECTORY))
			return -ENOTDIR;
	} else {
		err = check_kind(path, flags);
		if (!(flags & O_ACCMODE))
			mask = MAY_READ; /* O_TRUNC means nothing then */
	}
	if (likely(!err && !is_new))
		err = path_permission(path, mask);
	if (unlikely(!err && flags & O_NOATIME && !inode_is_ours(inode)))
		err = -EPERM;
	return err;
}

/* Where a file's operations come from that are not its file system's. */
static int open_special(struct inode *inode, struct file *file)
{
	if (S_IS(inode->mode, S_IFIFO))
		return vfs_open_fifo(inode, file);
	if (inode->ops->open) /* of a file system that is about devices */
		return inode->ops->open(inode, file);
	const struct device_node *node = device_node_find(inode->mode, inode->rdev);
	if (!node)
		return -ENXIO;
	file->object.ops = node->ops;
	return node->open ? node->open(inode, file) : 0;
}

/* A regular file, to write to or to cut. */
static NOINLINE int start_writing(struct file *file, unsigned flags)
{
	int err = inode_begin_write(file->inode);
	if (err)
		return err;
	err = mount_begin_write(&file->path);
	if (err) {
		inode_end_write(file->inode);
		return err;
	}
	file->is_writer = true;
	if (unlikely(atomic_load(&file->inode->locks)))
		err = leases_break(file->inode, true, flags & O_NONBLOCK);
	if (!err && file->inode->ops->open)
		err = file->inode->ops->open(file->inode, file);
	if (!err && flags & O_TRUNC)
		err = vfs_set_attributes(&file->path, &(struct kstat){.size = 0}, SET_SIZE);
	return err;
}

static ALWAYS_INLINE int start_file(struct file *file, uint32_t kind, unsigned flags)
{
	struct inode *inode = file->inode;
	if (unlikely(kind == S_IFIFO || kind == S_IFCHR || kind == S_IFBLK))
		return open_special(inode, file);
	if (kind == S_IFREG && mask_of(flags) & MAY_WRITE)
		return start_writing(file, flags);
	if (unlikely(atomic_load(&inode->locks))) {
		int err = leases_break(inode, false, flags & O_NONBLOCK);
		if (err)
			return err;
	}
	return unlikely(inode->ops->open) ? inode->ops->open(inode, file) : 0;
}

/* Permissions have been looked at. Takes over the references to the place. */
static ALWAYS_INLINE int open_allowed(
    const struct path *path, unsigned flags, struct object **object)
{
	const struct inode *inode = path->dentry->inode;
	uint32_t kind = inode->mode & S_IFMT;
	const struct object_ops *ops =
	    kind == S_IFREG || kind == S_IFDIR ? inode->file_ops : &path_ops;
	struct file *file = file_create(path, ops, (flags & (FLAGS_KEPT | O_NOCTTY)) | O_LARGEFILE);
	if (unlikely(!file))
		return -ENOMEM;
	int err = start_file(file, kind, flags);
	if (unlikely(err)) {
		object_put(&file->object);
		return err;
	}
	file->object.flags &= ~(unsigned)O_NOCTTY; /* was for the terminal's open only */
	*object = &file->object;
	return 0;
}

int open_place(const struct path *path, unsigned flags, bool is_new, struct object **object)
{
	int err = may_open(path, flags, is_new);
	if (likely(!err))
		return open_allowed(path, flags, object);
	path_put(path);
	return err;
}

int vfs_open_program(const struct path *path, struct object **object)
{
	uint32_t mode = path->dentry->inode->mode;
	if (!S_IS(mode, S_IFREG))
		return S_IS(mode, S_IFLNK) ? -ELOOP : -EACCES;
	int err = path_permission(path, MAY_EXEC);
	if (err)
		return err;
	path_get(path);
	return open_allowed(path, O_RDONLY, object);
}

/* Only the place, whatever is there. Takes over its references. */
static NOINLINE int open_as_path(const struct path *path, unsigned flags, struct object **object)
{
	if (flags & O_DIRECTORY && !S_IS(path->dentry->inode->mode, S_IFDIR)) {
		path_put(path);
		return -ENOTDIR;
	}
	struct file *file = file_create(path, &path_ops, flags & FLAGS_KEPT);
	if (!file)
		return -ENOMEM;
	*object = &file->object;
	return 0;
}

int vfs_open_path(const struct path *path, unsigned flags, struct object **object)
{
	path_get(path);
	return flags & O_PATH ? open_as_path(path, flags, object)
			      : open_place(path, flags, false, object);
}

static int open_existing(
    const struct walk_request *request, const struct open_request *open, struct object **object)
{
	struct path path;
	int err = vfs_lookup_from(request, &path);
	if (unlikely(err))
		return err;
	if (likely(!(open->flags & (TMPFILE_BIT | O_PATH))))
		return open_place(&path, open->flags, false, object);
	if (open->flags & O_PATH)
		return open_as_path(&path, open->flags, object);
	err = open_unnamed(&path, open, object);
	path_put(&path);
	return err;
}

/* Without what makes no sense together, as Linux removes it; or -EINVAL. */
static int check_flags(unsigned flags)
{
	if (unlikely(flags & O_PATH))
		flags &= O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
	if (unlikely(flags & TMPFILE_BIT)) {
		unsigned access = flags & O_ACCMODE;
		if ((flags & O_TMPFILE) != O_TMPFILE || (access != O_WRONLY && access != O_RDWR) ||
		    flags & O_CREAT)
			return -EINVAL;
	} else if (unlikely((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))) {
		return -EINVAL;
	}
	return (int)flags;
}

/* With O_CREAT. */
static int open_or_create(
    struct walk_request *request, struct open_request *open, struct object **object)
{
	if (open->flags & O_EXCL) {
		open->flags |= O_NOFOLLOW;
	} else if (unlikely(open->lookup)) {
		/* What is there is found by openat2's rules; a link to nothing is not followed to make something. */
		int err = open_existing(request, open, object);
		if (err != -ENOENT)
			return err;
		open->flags |= O_NOFOLLOW;
	}
	request->flags = open->lookup | LOOKUP_PARENT;
	return open_create(request, open, object);
}

int vfs_open(
    int dir_fd, const char *path, const struct open_request *request, struct object **object)
{
	int flags = check_flags(request->flags);
	if (unlikely(flags < 0))
		return flags;
	struct open_request open = {(unsigned)flags, request->mode, request->lookup};
	struct walk_request walk_request = {.dir_fd = dir_fd, .path = path, .flags = open.lookup};
	if (!(flags & O_NOFOLLOW))
		walk_request.flags |= LOOKUP_FOLLOW;
	if (flags & O_DIRECTORY)
		walk_request.flags |= LOOKUP_DIRECTORY;
	return likely(!(flags & O_CREAT)) ? open_existing(&walk_request, &open, object)
					  : open_or_create(&walk_request, &open, object);
}

int vfs_open_in(const struct path *dir, const char *name, const struct open_request *request,
    struct object **object)
{
	struct walk_request walk_request = {.base = dir, .path = name};
	if (!(request->flags & O_CREAT))
		return open_existing(&walk_request, request, object);
	walk_request.flags = LOOKUP_PARENT;
	return open_create(&walk_request, request, object);
}
