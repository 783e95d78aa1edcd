/* What stat shows and chmod, chown, utimensat and truncate change. */
#include "vfs_impl.h"

#include <credentials/credentials.h>
#include <wait/interruptible.h>

#define STAT_BLOCK 512u

static ALWAYS_INLINE void fill_stat(
    const struct inode *inode, const struct mount *mount, struct kstat *stat)
{
	const struct super *super = inode->super;
	stat->dev = super->dev;
	stat->ino = inode->ino;
	stat->rdev = inode->rdev;
	stat->size = atomic_load(&inode->size);
	stat->blocks = atomic_load(&inode->cache.count) * (PAGE_SIZE / STAT_BLOCK);
	stat->mode = atomic_load(&inode->mode);
	stat->nlink = atomic_load(&inode->nlink);
	stat->uid = atomic_load(&inode->uid);
	stat->gid = atomic_load(&inode->gid);
	stat->block_size = super->block_size;
	stat->atime_ns = atomic_load(&inode->atime_ns);
	stat->mtime_ns = atomic_load(&inode->mtime_ns);
	stat->ctime_ns = atomic_load(&inode->ctime_ns);
	stat->btime_ns = inode->btime_ns;
	stat->attributes = 0;
	stat->attributes_mask = 0;
	stat->mount_id = mount->id;
}

int vfs_stat(const struct path *path, struct kstat *stat)
{
	struct inode *inode = path->dentry->inode;
	fill_stat(inode, path->mount, stat);
	return unlikely(inode->ops->stat) ? inode->ops->stat(inode, stat) : 0;
}

static int stat_visit(const struct walk_end *end, void *ctx)
{
	const struct inode *inode = end->at.dentry->inode;
	if (unlikely(inode->ops->stat))
		return end->is_counted ? vfs_stat(&end->at, ctx) : WALK_NEEDS_REFERENCES;
	fill_stat(inode, end->at.mount, ctx);
	return 0;
}

int vfs_stat_at(int dir_fd, const char *path, unsigned flags, struct kstat *stat)
{
	struct walk_request request = {.dir_fd = dir_fd, .path = path, .flags = flags};
	return walk(&request, stat_visit, stat);
}

struct access_request {
	const struct credentials *creds;
	unsigned mask;
};

static int access_visit(const struct walk_end *end, void *ctx)
{
	const struct access_request *access = ctx;
	const struct inode *inode = end->at.dentry->inode;
	if (!access->mask)
		return 0;
	uint32_t kind = inode->mode & S_IFMT;
	if (access->mask & MAY_EXEC && kind == S_IFREG && end->at.mount->flags & MS_NOEXEC)
		return -EACCES;
	int err = everybody_may(inode, access->mask)
		      ? 0
		      : inode_permission_as(access->creds, inode, access->mask);
	if (!err && access->mask & MAY_WRITE && path_is_read_only(&end->at) &&
	    (kind == S_IFREG || kind == S_IFDIR || kind == S_IFLNK))
		err = -EROFS;
	return err;
}

int vfs_access_at(
    int dir_fd, const char *path, unsigned flags, const struct credentials *creds, unsigned mask)
{
	struct walk_request request = {.dir_fd = dir_fd, .path = path, .flags = flags};
	struct access_request access = {.creds = creds, .mask = mask};
	return walk(&request, access_visit, &access);
}

static int may_change_owner(const struct inode *inode, const struct kstat *to, unsigned which)
{
	const struct credentials *creds = current_credentials();
	if (has_power(POWER_CHOWN))
		return 0;
	bool is_owner = creds->fsuid == inode->uid;
	if (which & SET_UID && (!is_owner || to->uid != inode->uid))
		return -EPERM;
	if (which & SET_GID &&
	    (!is_owner || (to->gid != inode->gid && !credentials_in_group(creds, to->gid))))
		return -EPERM;
	return 0;
}

static int may_set_times(const struct inode *inode, unsigned which)
{
	if (inode_is_ours(inode))
		return 0;
	/* Whoever may write to it may set its times to the present one. */
	return which & SET_TO_NOW ? inode_permission(inode, MAY_WRITE) : -EPERM;
}

static int may_set(const struct inode *inode, const struct kstat *to, unsigned which)
{
	int err = 0;
	if (which & (SET_UID | SET_GID))
		err = may_change_owner(inode, to, which);
	if (!err && which & SET_MODE && !inode_is_ours(inode))
		err = -EPERM;
	if (which & SET_MODE && inode->seals & F_SEAL_EXEC && (to->mode ^ inode->mode) & 0111)
		err = -EPERM;
	if (!err && which & (SET_ATIME | SET_MTIME))
		err = may_set_times(inode, which);
	return err;
}

/* A change of owner takes set-id bits away, and a group that is not ours cannot be put in force. */
static uint32_t mode_after(const struct inode *inode, const struct kstat *to, unsigned which)
{
	uint32_t mode = inode->mode;
	if (which & (SET_UID | SET_GID) && !S_IS(mode, S_IFDIR)) {
		mode &= ~(uint32_t)S_ISUID;
		if (mode & 0010)
			mode &= ~(uint32_t)S_ISGID;
	}
	if (which & SET_MODE) {
		mode = (mode & S_IFMT) | (to->mode & 07777);
		uint32_t gid = which & SET_GID ? to->gid : inode->gid;
		if (!credentials_in_group(current_credentials(), gid) && !has_power(POWER_FSETID))
			mode &= ~(uint32_t)S_ISGID;
	}
	return mode;
}

static void store(struct inode *inode, const struct kstat *to, unsigned which)
{
	atomic_store(&inode->mode, mode_after(inode, to, which));
	if (which & SET_UID)
		atomic_store(&inode->uid, to->uid);
	if (which & SET_GID)
		atomic_store(&inode->gid, to->gid);
	if (which & SET_ATIME)
		inode_touch(&inode->atime_ns, to->atime_ns);
	if (which & SET_MTIME)
		inode_touch(&inode->mtime_ns, to->mtime_ns);
	inode_touch(&inode->ctime_ns, time_now());
}

static int set_size_checked(struct inode *inode, uint64_t size)
{
	if (S_IS(inode->mode, S_IFDIR))
		return -EISDIR;
	if (!S_IS(inode->mode, S_IFREG))
		return -EINVAL;
	int err = inode_set_size_locked(inode, size);
	if (!err) {
		inode_drop_set_id(inode);
		inode_changed(inode);
	}
	return err;
}

int vfs_set_attributes(const struct path *path, struct kstat *to, unsigned which)
{
	struct inode *inode = path->dentry->inode;
	if (path_is_read_only(path))
		return -EROFS;
	if (rwlock_write_lock_killable(&inode->lock))
		return -EINTR;
	int err = may_set(inode, to, which);
	if (!err && inode->ops->set_attributes)
		err = inode->ops->set_attributes(inode, to, which);
	if (!err && which & SET_SIZE)
		err = set_size_checked(inode, to->size);
	if (!err && which & ~(unsigned)SET_SIZE)
		store(inode, to, which);
	rwlock_write_unlock(&inode->lock);
	return err;
}

int vfs_truncate(const struct path *path, uint64_t size)
{
	struct inode *inode = path->dentry->inode;
	if (S_IS(inode->mode, S_IFDIR))
		return -EISDIR;
	if (!S_IS(inode->mode, S_IFREG))
		return -EINVAL;
	int err = path_permission(path, MAY_WRITE);
	if (!err)
		err = inode_begin_write(inode);
	if (err)
		return err;
	if (unlikely(atomic_load(&inode->locks)))
		err = leases_break(inode, true, false);
	if (!err)
		err = vfs_set_attributes(path, &(struct kstat){.size = size}, SET_SIZE);
	inode_end_write(inode);
	return err;
}
