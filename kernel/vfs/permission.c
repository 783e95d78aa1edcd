/* Who may do what: POSIX's owner, group and others, and Linux's powers over them. */
#include "vfs_impl.h"

#include <credentials/credentials.h>

static bool creds_have(const struct credentials *creds, enum root_power power)
{
	return creds->cap_effective >> power & 1;
}

static bool power_over_file(const struct credentials *creds, uint32_t mode, unsigned mask)
{
	bool is_directory = S_IS(mode, S_IFDIR);
	/* Even root executes only what somebody may. */
	if ((is_directory || !(mask & MAY_EXEC) || mode & 0111) &&
	    creds_have(creds, POWER_DAC_OVERRIDE))
		return true;
	bool only_looks = is_directory ? !(mask & MAY_WRITE) : mask == MAY_READ;
	return only_looks && creds_have(creds, POWER_DAC_READ_SEARCH);
}

int inode_permission_as(const struct credentials *creds, const struct inode *inode, unsigned mask)
{
	uint32_t mode = atomic_load(&inode->mode), bits = mode;
	if (creds->fsuid == atomic_load(&inode->uid))
		bits = mode >> 6;
	else if ((mode >> 3 & 7) != (mode & 7) &&
		 credentials_in_group(creds, atomic_load(&inode->gid)))
		bits = mode >> 3;
	if (likely((bits & mask) == mask) || power_over_file(creds, mode, mask))
		return 0;
	return -EACCES;
}

int inode_permission(const struct inode *inode, unsigned mask)
{
	if (likely(everybody_may(inode, mask)))
		return 0;
	return inode_permission_as(current_credentials(), inode, mask);
}

int path_permission(const struct path *path, unsigned mask)
{
	const struct inode *inode = path->dentry->inode;
	uint32_t kind = inode->mode & S_IFMT;
	if (mask & MAY_WRITE && path_is_read_only(path) &&
	    (kind == S_IFREG || kind == S_IFDIR || kind == S_IFLNK))
		return -EROFS;
	if (mask & MAY_EXEC && kind == S_IFREG && path->mount->flags & MS_NOEXEC)
		return -EACCES;
	return inode_permission(inode, mask);
}

bool path_may_set_id(const struct path *path)
{
	return !(path->mount->flags & MS_NOSUID);
}

bool inode_is_ours(const struct inode *inode)
{
	return current_credentials()->fsuid == atomic_load(&inode->uid) || has_power(POWER_FOWNER);
}

int may_create(const struct path *dir)
{
	return path_is_read_only(dir) ? -EROFS
				      : inode_permission(dir->dentry->inode, MAY_WRITE | MAY_EXEC);
}

/* In a sticky directory only who owns the file or the directory may remove it. */
int may_delete(const struct inode *dir, const struct inode *victim, bool want_directory)
{
	const struct credentials *creds = current_credentials();
	int err = inode_permission_as(creds, dir, MAY_WRITE | MAY_EXEC);
	if (err)
		return err;
	uint32_t uid = creds->fsuid;
	if (dir->mode & S_ISVTX && victim->uid != uid && dir->uid != uid &&
	    !has_power(POWER_FOWNER))
		return -EPERM;
	bool is_directory = S_IS(victim->mode, S_IFDIR);
	if (want_directory && !is_directory)
		return -ENOTDIR;
	return !want_directory && is_directory ? -EISDIR : 0;
}
