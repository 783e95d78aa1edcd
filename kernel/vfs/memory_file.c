/*
 * Files in memory without a name, and seals: promises about such a file that nobody can take back, so that whoever gets it from a stranger can
 * rely on them. Files of tmpfs have the seal that forbids all others. A seal against writing and a mapping that could write exclude one another:
 * both are decided under the lock of the cache's areas.
 */
#include "vfs_impl.h"

#include <credentials/credentials.h>
#include <lib/fmt.h>
#include <vm/address_space.h>

#define SEALS_KNOWN                                                                                \
	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE |          \
	    F_SEAL_EXEC)
#define SEALS_AGAINST_WRITING (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

int vfs_create_memory_file(const char *name, uint32_t mode, unsigned seals, struct object **object)
{
	char text[sizeof("/memfd:") + MEMORY_FILE_NAME_MAX];
	struct path path;
	struct inode *inode = anonymous_inode(S_IFREG | mode);
	if (!inode)
		return -ENOMEM;
	const struct credentials *creds = current_credentials();
	inode->uid = creds->fsuid;
	inode->gid = creds->fsgid;
	inode->nlink = 0;
	inode->file_ops = &cached_file_ops;
	inode->seals = (uint8_t)seals;
	snprintf(text, sizeof(text), "/memfd:%s", name);
	int err = anonymous_place_of(inode, text, &path);
	if (err)
		return err;
	atomic_fetch_or(&path.dentry->flags, DENTRY_DELETED);
	struct file *file = file_create(&path, &cached_file_ops, O_RDWR | O_LARGEFILE);
	if (!file)
		return -ENOMEM;
	*object = &file->object;
	return 0;
}

/* Lock held. */
static int add_seals(struct inode *inode, unsigned seals)
{
	if (inode->seals & F_SEAL_SEAL)
		return -EPERM;
	/* What may be run and stay so must stay what it is. */
	if (seals & F_SEAL_EXEC && inode->mode & 0111)
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | SEALS_AGAINST_WRITING;
	int err = 0;
	page_cache_lock_areas(&inode->cache);
	if (seals & ~inode->seals & F_SEAL_WRITE && page_cache_may_be_written_locked(&inode->cache))
		err = -EBUSY;
	else
		atomic_store(&inode->seals, inode->seals | (uint8_t)seals);
	page_cache_unlock_areas(&inode->cache);
	return err;
}

int64_t inode_control_seals(struct object *object, int command, uint64_t arg)
{
	struct inode *inode = file_of(object)->inode;
	bool is_sealable = object->ops == &cached_file_ops;
	if (command == F_GET_SEALS)
		return is_sealable ? atomic_load(&inode->seals) : -EINVAL;
	if (arg > UINT32_MAX)
		return -EINVAL;
	if ((object->flags & O_ACCMODE) == O_RDONLY)
		return -EPERM;
	if (!is_sealable || arg & ~(uint64_t)SEALS_KNOWN)
		return -EINVAL;
	if (rwlock_write_lock_killable(&inode->lock))
		return -EINTR;
	int err = add_seals(inode, (unsigned)arg);
	rwlock_write_unlock(&inode->lock);
	return err;
}

int inode_map_sealable(struct inode *inode, struct area *area)
{
	int err = 0;
	if (!(area->flags & AREA_SHARED))
		return 0;
	page_cache_lock_areas(&inode->cache);
	if (!(inode->seals & SEALS_AGAINST_WRITING))
		/* From now on whoever wants to seal it sees the area. */
		list_push_back(&inode->cache.areas, &area->mapping_link);
	else if (area->prot & VM_WRITE)
		err = -EPERM;
	else
		area->max_prot &= ~(uint32_t)VM_WRITE;
	page_cache_unlock_areas(&inode->cache);
	return err;
}

int64_t inode_clip_to_seals(const struct inode *inode, uint64_t pos, uint64_t len)
{
	if (inode->seals & SEALS_AGAINST_WRITING)
		return -EPERM;
	if (!(inode->seals & F_SEAL_GROW) || pos + len <= inode->size)
		return (int64_t)len;
	/* As on Linux, which goes page by page. */
	uint64_t end = ALIGN_DOWN(inode->size, PAGE_SIZE);
	return pos < end ? (int64_t)(end - pos) : -EPERM;
}
