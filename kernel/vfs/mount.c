/*
 * The life of mounts and of the file systems in them; mount_tree.c puts them into places. A mount that is in the tree has a reference for that,
 * and one for each mount upon it; paths have the others. When the last goes, so does the mount, and with its last mount the super.
 */
#include "vfs_impl.h"

#include <lib/string.h>
#include <mm/slab.h>

struct mount *root_mount;

static unsigned last_id;     /* a */
static uint32_t last_device; /* a */

struct super *super_create(const struct file_system *type, uint32_t flags)
{
	struct super *super = kzalloc(sizeof(*super));
	if (!super)
		return NULL;
	super->type = type;
	super->flags = flags;
	uint64_t number = atomic_fetch_add(&last_device, 1) + 1;
	super->dev = DEVICE_NUMBER(0, number);
	super->next_ino = 1;
	super->block_size = PAGE_SIZE;
	super->name_max = NAME_MAX_LEN;
	return super;
}

static void free_super(struct rcu_head *head)
{
	kfree(container_of(head, struct super, rcu));
}

/* A walk may still look at its flags and numbers. */
void super_destroy(struct super *super)
{
	rcu_call(&super->rcu, free_super);
}

/* No mount of it is left. */
static void super_end(struct super *super)
{
	dentry_cache_forget(SIZE_MAX, super);
	if (super->root_dentry)
		dentry_put_root(super->root_dentry);
	if (super->type->unmount)
		super->type->unmount(super);
	super_destroy(super);
}

static void free_mount(struct rcu_head *head)
{
	struct mount *mount = container_of(head, struct mount, rcu);
	kfree(mount->source);
	kfree(mount);
}

/* In refs: unmounted while nobody used it, and who finds it now is too late. Not after MNT_DETACH. */
#define MOUNT_GONE (1u << 31)

bool mount_try_get(struct mount *mount)
{
	uint32_t refs = atomic_load(&mount->refs);
	while (likely(refs && !(refs & MOUNT_GONE)))
		if (likely(atomic_cas(&mount->refs, &refs, refs + 1)))
			return true;
	return false;
}

/* It is out of the tree, and nobody uses it. */
static void mount_end(struct mount *mount)
{
	struct super *super = mount->super;
	dentry_put(mount->root);
	if (atomic_fetch_sub(&super->refs, 1) == 1)
		super_end(super);
	rcu_call(&mount->rcu, free_mount);
}

/* True: that was the last reference. */
static inline bool drop_reference(struct mount *mount)
{
	return (atomic_fetch_sub(&mount->refs, 1) & ~MOUNT_GONE) == 1;
}

void mount_put(struct mount *mount)
{
	if (unlikely(drop_reference(mount)))
		mount_end(mount);
}

bool mount_end_unused(struct mount *mount)
{
	uint32_t unused = 2;
	return atomic_cas(&mount->refs, &unused, MOUNT_GONE | 1);
}

void path_get(const struct path *path)
{
	mount_get(path->mount);
	dentry_get(path->dentry);
}

/* Unmounted just when somebody found them who may not sleep, and so could not end them. */
static struct mount *left_mounts; /* a */

static void leave_for_later(struct mount *mount)
{
	struct mount *first = atomic_load(&left_mounts);
	do
		mount->next_left = first;
	while (!atomic_cas(&left_mounts, &first, mount));
}

void mounts_end_left(void)
{
	struct mount *mount = atomic_load(&left_mounts) ? atomic_swap(&left_mounts, NULL) : NULL;
	while (mount) {
		struct mount *next = mount->next_left;
		mount_end(mount);
		mount = next;
	}
}

bool path_try_get(const struct path *path)
{
	struct mount *mount = path->mount;
	if (!mount_try_get(mount))
		return false;
	if (likely(dentry_try_get(path->dentry)))
		return true;
	/* It may have been unmounted meanwhile, and ours be the last reference; here nothing may sleep. */
	if (drop_reference(mount))
		leave_for_later(mount);
	return false;
}

void path_put(const struct path *path)
{
	dentry_put(path->dentry);
	mount_put(path->mount);
}

struct mount *mount_create(
    struct super *super, struct dentry *root, uint32_t flags, const char *source)
{
	struct mount *mount = kzalloc(sizeof(*mount));
	size_t len = strlen(source) + 1;
	char *copy = kmalloc(len);
	if (!mount || !copy) {
		kfree(mount);
		kfree(copy);
		return NULL;
	}
	memcpy(copy, source, len);
	mount->super = super;
	mount->root = dentry_get(root);
	mount->flags = flags & MOUNT_FLAGS;
	mount->refs = 1;
	mount->id = atomic_fetch_add(&last_id, 1) + 1;
	mount->source = copy;
	atomic_fetch_add(&super->refs, 1);
	return mount;
}

int mount_make(const char *source, const struct file_system *type, uint32_t flags,
    const char *options, struct mount **result)
{
	struct super *super;
	int err = type->mount(type, source, flags, options, &super);
	if (err)
		return err;
	if (!super->root_dentry) /* unless it is a file system that there is only one of */
		super->root_dentry = dentry_create_root(super, super->root);
	if (!super->root_dentry) {
		inode_put(super->root);
		super_end(super);
		return -ENOMEM;
	}
	*result = mount_create(super, super->root_dentry, flags, source);
	if (*result)
		return 0;
	if (!atomic_load(&super->refs))
		super_end(super);
	return -ENOMEM;
}

int vfs_mount_private(const char *type_name, struct path *root)
{
	const struct file_system *type = file_system_find(type_name);
	struct mount *mount;
	int err = type ? mount_make("none", type, 0, "", &mount) : -ENODEV;
	if (!err)
		*root = (struct path){mount, dentry_get(mount->root)};
	return err;
}

int mount_begin_write(const struct path *path)
{
	atomic_fetch_add(&path->mount->writers, 1);
	/* Either we see that it becomes read-only, or who makes it so sees us. */
	if (likely(!path_is_read_only(path)))
		return 0;
	mount_end_write(path->mount);
	return -EROFS;
}

void mount_end_write(struct mount *mount)
{
	atomic_fetch_sub(&mount->writers, 1);
}

int vfs_statfs(const struct path *path, struct kstatfs *stat)
{
	struct super *super = path->mount->super;
	*stat = (struct kstatfs){
	    .type = super->magic,
	    .block_size = super->block_size,
	    .name_max = super->name_max,
	    .flags = path->mount->flags | (super->flags & MS_RDONLY),
	};
	return super->type->statfs ? super->type->statfs(super, stat) : 0;
}

void vfs_init(void)
{
	inode_init();
	dentry_init();
	file_init();
	rename_init();
	locks_init();
	mount_init();
	anonymous_init();
	file_context_init(root_mount);
}
