/* The life of inodes, and what their generic fields mean. */
#include "vfs_impl.h"

#include <credentials/credentials.h>
#include <lib/string.h>
#include <log/assert.h>
#include <mm/slab.h>

static struct slab_cache *inodes;

void inode_init(void)
{
	inodes = slab_cache_create("inode", sizeof(struct inode), 0);
	if (!inodes)
		panic("no memory for inodes");
}

struct inode *inode_create(struct super *super, uint32_t mode)
{
	struct inode *inode = slab_alloc(inodes, 0);
	if (!inode)
		return NULL;
	int64_t now = time_now();
	memset(inode, 0, offsetof(struct inode, lock));
	inode->refs = 1;
	inode->mode = mode;
	inode->nlink = 1;
	inode->ino = atomic_fetch_add(&super->next_ino, 1);
	inode->atime_ns = inode->mtime_ns = inode->ctime_ns = inode->btime_ns = now;
	inode->super = super;
	rwlock_init(&inode->lock, "inode", RANK_INODE);
	page_cache_init(&inode->cache, NULL, inode);
	inode->cache.size = &inode->size;
	return inode;
}

struct inode *inode_get(struct inode *inode)
{
	__atomic_fetch_add(&inode->refs, 1, __ATOMIC_RELAXED);
	return inode;
}

/* Lock-free walks may still read its fields and the target of a link. */
static void free_inode(struct rcu_head *head)
{
	struct inode *inode = container_of(head, struct inode, rcu);
	kfree(inode->link_target);
	file_locks_free(inode);
	inode_free_xattrs(inode);
	slab_free(inodes, inode);
}

void inode_put(struct inode *inode)
{
	if (atomic_fetch_sub(&inode->refs, 1) != 1)
		return;
	if (unlikely(inode->xattrs))
		inode_uncharge_xattrs(inode);
	if (inode->ops->evict)
		inode->ops->evict(inode);
	page_cache_destroy(&inode->cache);
	rcu_call(&inode->rcu, free_inode);
}

void inode_set_owner(struct inode *inode, const struct inode *dir)
{
	const struct credentials *creds = current_credentials();
	inode->uid = creds->fsuid;
	inode->gid = creds->fsgid;
	if (dir->mode & S_ISGID) {
		inode->gid = dir->gid;
		if (S_IS(inode->mode, S_IFDIR))
			inode->mode |= S_ISGID;
		else if ((inode->mode & (S_ISGID | 0010)) == (S_ISGID | 0010) &&
			 !credentials_in_group(creds, inode->gid) && !has_power(POWER_FSETID))
			inode->mode &= ~(uint32_t)S_ISGID;
	}
}

/* One side or the other: the sign of the count says which. */
static int count_away_from_zero(int32_t *count, int32_t step)
{
	int32_t now = atomic_load(count);
	do {
		if (step > 0 ? now < 0 : now > 0)
			return -ETXTBSY;
	} while (!atomic_cas(count, &now, now + step));
	return 0;
}

int inode_begin_write(struct inode *inode)
{
	return count_away_from_zero(&inode->writers, 1);
}

void inode_end_write(struct inode *inode)
{
	atomic_fetch_sub(&inode->writers, 1);
}

int inode_deny_write(struct inode *inode)
{
	return count_away_from_zero(&inode->writers, -1);
}

void inode_allow_write(struct inode *inode)
{
	atomic_fetch_add(&inode->writers, 1);
}
