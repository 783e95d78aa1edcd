/* The operations of tmpfs, and its limits. */
#include "tmpfs_impl.h"

#include <lib/string.h>
#include <log/assert.h>
#include <mm/slab.h>
#include <tmpfs/tmpfs.h>

#define TMPFS_MAGIC    0x01021994
#define LONG_TARGET    128 /* of a symbolic link */
#define BYTES_OF_INODE KiB /* what its limit allows of memory for each, as on Linux */

static struct tmpfs *tmpfs_of(const struct inode *inode)
{
	return inode->super->data;
}

/* Never beyond the limit, not even for a moment: others may ask just then, and there is room for them. */
static ALWAYS_INLINE int charge(uint64_t *used, const uint64_t *limit, uint64_t count)
{
	uint64_t now = atomic_load(used), most = atomic_load(limit);
	do
		if (most && unlikely(now + count > most))
			return -ENOSPC;
	while (!atomic_cas(used, &now, now + count));
	return 0;
}

/* How many inodes extended attributes stand for. */
static uint64_t inodes_of(uint64_t xattr_bytes)
{
	return DIV_ROUND_UP(xattr_bytes, BYTES_OF_INODE);
}

static int charge_inode(struct tmpfs *fs)
{
	uint64_t most = atomic_load(&fs->inode_limit),
		 taken = inodes_of(atomic_load(&fs->xattr_bytes));
	if (unlikely(taken && most)) {
		if (taken >= most)
			return -ENOSPC;
		most -= taken;
	}
	return charge(&fs->inodes, &most, 1);
}

static int charge_xattrs(struct super *super, int64_t bytes)
{
	struct tmpfs *fs = super->data;
	uint64_t now = atomic_load(&fs->xattr_bytes), next;
	do {
		uint64_t most = atomic_load(&fs->inode_limit);
		next = now + (uint64_t)bytes;
		if (bytes > 0 && most && atomic_load(&fs->inodes) + inodes_of(next) > most)
			return -ENOSPC;
	} while (!atomic_cas(&fs->xattr_bytes, &now, next));
	return 0;
}

static int charge_pages(struct page_cache *cache, uint64_t pages)
{
	struct tmpfs *fs = tmpfs_of(cache->owner);
	return charge(&fs->pages, &fs->page_limit, pages);
}

static void uncharge_pages(struct page_cache *cache, uint64_t pages)
{
	atomic_fetch_sub(&tmpfs_of(cache->owner)->pages, pages);
}

static const struct page_cache_ops cache_ops = {.charge = charge_pages, .uncharge = uncharge_pages};
static const struct inode_ops file_inode_ops, directory_inode_ops, link_inode_ops;

/* With one reference; a name is the caller's to add. */
static int make_inode(struct super *super, uint32_t mode, struct inode **result)
{
	struct tmpfs *fs = super->data;
	int err = charge_inode(fs);
	if (err)
		return err;
	struct inode *inode = inode_create(super, mode);
	struct tmpfs_dir *dir = inode && S_IS(mode, S_IFDIR) ? tmpfs_dir_create() : NULL;
	if (!inode || (S_IS(mode, S_IFDIR) && !dir)) {
		atomic_fetch_sub(&fs->inodes, 1);
		if (inode) {
			inode->ops = &(const struct inode_ops){0};
			inode_put(inode);
		}
		return -ENOMEM;
	}
	inode->ops = dir                   ? &directory_inode_ops
		     : S_IS(mode, S_IFLNK) ? &link_inode_ops
					   : &file_inode_ops;
	inode->file_ops = dir ? &directory_ops : &cached_file_ops;
	inode->cache.ops = &cache_ops;
	inode->seals = F_SEAL_SEAL;
	inode->data = dir;
	if (dir)
		inode->nlink = 2;
	*result = inode;
	return 0;
}

/* What a link says is memory, too: if it is long it counts as a page, as on Linux. */
static uint64_t pages_of_target(uint64_t len)
{
	return len >= LONG_TARGET;
}

static void evict(struct inode *inode)
{
	/* Its pages are still counted: they go with the cache, before anything else of the file system. */
	if (S_IS(inode->mode, S_IFDIR))
		tmpfs_dir_destroy(inode->data);
	if (S_IS(inode->mode, S_IFLNK))
		atomic_fetch_sub(&tmpfs_of(inode)->pages, pages_of_target(inode->size));
	atomic_fetch_sub(&tmpfs_of(inode)->inodes, 1);
}

static int lookup(struct inode *dir, const struct name *name, struct inode **inode)
{
	const struct tmpfs_entry *entry = tmpfs_find(dir->data, name);
	if (!entry)
		return -ENOENT;
	*inode = inode_get(entry->inode);
	return 0;
}

static int create(
    struct inode *dir, const struct name *name, uint32_t mode, uint64_t rdev, struct inode **result)
{
	struct inode *inode;
	int err = make_inode(dir->super, mode, &inode);
	if (err)
		return err;
	inode->rdev = S_IS(mode, S_IFCHR) || S_IS(mode, S_IFBLK) ? rdev : 0;
	if (!name->len)
		inode->nlink = 0;
	else if ((err = tmpfs_add(dir->data, name, inode)))
		goto out_put;
	if (S_IS(mode, S_IFDIR))
		atomic_fetch_add(&dir->nlink, 1);
	*result = inode;
	return 0;
out_put:
	inode_put(inode);
	return err;
}

static int symlink(
    struct inode *dir, const struct name *name, const char *target, struct inode **result)
{
	struct tmpfs *fs = tmpfs_of(dir);
	size_t len = strlen(target);
	int err = charge(&fs->pages, &fs->page_limit, pages_of_target(len));
	if (err)
		return err;
	char *copy = kmalloc(len + 1);
	struct inode *inode;
	err = copy ? make_inode(dir->super, S_IFLNK | 0777, &inode) : -ENOMEM;
	if (err) {
		atomic_fetch_sub(&fs->pages, pages_of_target(len));
		kfree(copy);
		return err;
	}
	memcpy(copy, target, len + 1);
	inode->link_target = copy;
	inode->size = len;
	err = tmpfs_add(dir->data, name, inode);
	if (err)
		inode_put(inode);
	else
		*result = inode;
	return err;
}

/* Each name but a file's last takes as much of the limit as a file: it is memory, too. */
static int link(struct inode *dir, const struct name *name, struct inode *inode)
{
	struct tmpfs *fs = tmpfs_of(dir);
	bool is_charged = atomic_load(&inode->nlink); /* not the first of O_TMPFILE's */
	int err = is_charged ? charge_inode(fs) : 0;
	if (err)
		return err;
	err = tmpfs_add(dir->data, name, inode);
	/* Other names may have come or gone meanwhile, in other directories. */
	bool is_first = !err && !atomic_fetch_add(&inode->nlink, 1);
	if (is_charged && (err || is_first))
		atomic_fetch_sub(&fs->inodes, 1);
	else if (!is_charged && !err && !is_first)
		atomic_fetch_add(&fs->inodes, 1);
	return err;
}

static void drop_link(struct inode *inode)
{
	if (atomic_fetch_sub(&inode->nlink, 1) > 1)
		atomic_fetch_sub(&tmpfs_of(inode)->inodes, 1);
}

static int unlink(struct inode *dir, const struct name *name, struct inode *inode)
{
	drop_link(inode);
	tmpfs_remove(dir->data, tmpfs_find(dir->data, name));
	return 0;
}

static int rmdir(struct inode *dir, const struct name *name, struct inode *inode)
{
	if (((struct tmpfs_dir *)inode->data)->count)
		return -ENOTEMPTY;
	tmpfs_remove(dir->data, tmpfs_find(dir->data, name));
	atomic_store(&inode->nlink, 0);
	atomic_fetch_sub(&dir->nlink, 1);
	return 0;
}

static int exchange(struct inode *old_dir, const struct name *old_name, struct inode *inode,
    struct inode *new_dir, const struct name *new_name, struct inode *other)
{
	struct tmpfs_entry *old = tmpfs_find(old_dir->data, old_name),
			   *new = tmpfs_find(new_dir->data, new_name);
	old->inode = other;
	new->inode = inode;
	int moved = S_IS(inode->mode, S_IFDIR) - S_IS(other->mode, S_IFDIR);
	atomic_fetch_add(&new_dir->nlink, moved);
	atomic_fetch_sub(&old_dir->nlink, moved);
	return 0;
}

static int rename(struct inode *old_dir, const struct name *old_name, struct inode *inode,
    struct inode *new_dir, const struct name *new_name, struct inode *replaced, unsigned flags)
{
	if (flags & RENAME_EXCHANGE)
		return exchange(old_dir, old_name, inode, new_dir, new_name, replaced);
	bool is_directory = S_IS(inode->mode, S_IFDIR);
	if (replaced && is_directory && ((struct tmpfs_dir *)replaced->data)->count)
		return -ENOTEMPTY;
	struct tmpfs_entry *entry = tmpfs_find(old_dir->data, old_name);
	if (replaced) {
		/* Who lists the directory sees the name where it was. */
		tmpfs_find(new_dir->data, new_name)->inode = inode_get(inode);
		tmpfs_remove(old_dir->data, entry);
		if (is_directory)
			atomic_fetch_sub(&replaced->nlink, 2);
		else
			drop_link(replaced);
		inode_put(replaced);
	} else {
		int err = tmpfs_move(old_dir->data, entry, new_dir->data, new_name);
		if (err)
			return err;
	}
	if (is_directory) {
		atomic_fetch_sub(&old_dir->nlink, 1);
		if (!replaced)
			atomic_fetch_add(&new_dir->nlink, 1);
	}
	return 0;
}

static const struct inode_ops file_inode_ops = {.evict = evict};
static const struct inode_ops link_inode_ops = {.evict = evict};
static const struct inode_ops directory_inode_ops = {
    .lookup = lookup,
    .create = create,
    .link = link,
    .unlink = unlink,
    .rmdir = rmdir,
    .symlink = symlink,
    .rename = rename,
    .list = tmpfs_list,
    .evict = evict,
};

static int mount(const struct file_system *type, const char *source, uint32_t flags,
    const char *text, struct super **result)
{
	(void)source;
	struct tmpfs_options options = tmpfs_default_options();
	int err = tmpfs_parse_options(text, &options);
	if (err)
		return err;
	struct super *super = super_create(type, flags & 1);
	struct tmpfs *fs = kzalloc(sizeof(*fs));
	if (!super || !fs) {
		err = -ENOMEM;
		goto out_free;
	}
	fs->page_limit = options.pages;
	fs->inode_limit = options.inodes;
	super->data = fs;
	super->magic = TMPFS_MAGIC;
	err = make_inode(super, S_IFDIR | (options.mode & 07777), &super->root);
	if (err)
		goto out_free;
	super->root->uid = options.uid;
	super->root->gid = options.gid;
	*result = super;
	return 0;
out_free:
	kfree(fs);
	if (super)
		super_destroy(super);
	return err;
}

static void unmount(struct super *super)
{
	kfree(super->data);
}

static int remount(struct super *super, uint32_t flags, const char *text)
{
	(void)flags;
	struct tmpfs *fs = super->data;
	struct tmpfs_options options = {.pages = fs->page_limit, .inodes = fs->inode_limit};
	int err = tmpfs_parse_options(text, &options);
	if (err)
		return err;
	if ((options.pages && options.pages < atomic_load(&fs->pages)) ||
	    (options.inodes && options.inodes < atomic_load(&fs->inodes)))
		return -EINVAL;
	atomic_store(&fs->page_limit, options.pages);
	atomic_store(&fs->inode_limit, options.inodes);
	return 0;
}

static int statfs(struct super *super, struct kstatfs *stat)
{
	struct tmpfs *fs = super->data;
	uint64_t pages = atomic_load(&fs->pages),
		 inodes = atomic_load(&fs->inodes) + inodes_of(atomic_load(&fs->xattr_bytes));
	stat->blocks = fs->page_limit;
	stat->free = stat->available = fs->page_limit > pages ? fs->page_limit - pages : 0;
	stat->files = fs->inode_limit;
	stat->files_free = fs->inode_limit > inodes ? fs->inode_limit - inodes : 0;
	return 0;
}

static const struct file_system tmpfs = {
    .name = "tmpfs",
    .keeps_xattrs = true,
    .charge_xattrs = charge_xattrs,
    .mount = mount,
    .unmount = unmount,
    .statfs = statfs,
    .remount = remount,
};

void tmpfs_register(void)
{
	file_system_register(&tmpfs);
}
