/* ioctl(PROCMAP_QUERY) on /proc/PID/maps: one area, without a text that has to be taken apart. Identities of builds are not looked for. */
#include "procfs_impl.h"

#include <abi/errno.h>
#include <arch/user_copy.h>
#include <lib/string.h>
#include <mm/slab.h>

#define PROCMAP_QUERY  0xc0686611u
#define QUERY_RIGHTS   0x0fu /* readable, writable, executable, shared: as in vma_flags */
#define QUERY_OR_NEXT  0x10u
#define QUERY_FILES    0x20u
#define QUERY_MIN_SIZE 24

struct linux_query {
	uint64_t size, flags, address;
	uint64_t start, end, rights, page_size, offset, inode;
	uint32_t dev_major, dev_minor, name_size, build_id_size;
	uint64_t name, build_id;
};
static_assert(sizeof(struct linux_query) == 104, "Linux's ABI");

/* What is behind the known part must be zero. */
static int get_query(uaddr_t from, struct linux_query *query)
{
	uint64_t size;
	if (copy_from_user(&size, from, sizeof(size)))
		return -EFAULT;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < QUERY_MIN_SIZE)
		return -EINVAL;
	memset(query, 0, sizeof(*query));
	if (copy_from_user(query, from, min(size, sizeof(*query))))
		return -EFAULT;
	for (uint64_t at = sizeof(*query); at < size; at++) {
		uint8_t byte;
		if (copy_from_user(&byte, uaddr_add(from, at), 1))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	query->size = size;
	if (query->flags & ~(uint64_t)(QUERY_RIGHTS | QUERY_OR_NEXT | QUERY_FILES) ||
	    !query->name_size != !query->name || !query->build_id_size != !query->build_id)
		return -EINVAL;
	return 0;
}

static const struct file *file_mapped(const struct area *area)
{
	return area->object && area->object->ops->stat == file_stat ? file_of(area->object) : NULL;
}

static uint32_t rights_of(const struct area *area)
{
	return (area->prot & VM_READ ? 1u : 0) | (area->prot & VM_WRITE ? 2u : 0) |
	       (area->prot & VM_EXEC ? 4u : 0) | (area->flags & AREA_SHARED ? 8u : 0);
}

/* The first that will do, or NULL. space->lock held. */
static const struct area *find(struct address_space *space, const struct linux_query *query)
{
	uint64_t wanted = query->flags & QUERY_RIGHTS;
	for (struct rb_node *node = rb_first(&space->areas); node; node = rb_next(node)) {
		const struct area *area = rb_entry(node, struct area, node);
		bool may_be = query->flags & QUERY_OR_NEXT || area->start <= query->address;
		if (area->end <= query->address)
			continue;
		if (!may_be)
			return NULL;
		if ((rights_of(area) & wanted) == wanted &&
		    (!(query->flags & QUERY_FILES) || file_mapped(area)))
			return area;
	}
	return NULL;
}

/* *name: in buf, or NULL. */
static int answer(
    struct address_space *space, struct linux_query *query, char *buf, const char **name)
{
	const struct area *area = find(space, query);
	if (!area)
		return -ENOENT;
	const struct file *file = file_mapped(area);
	uint64_t dev = file ? file->inode->super->dev : 0;
	query->start = area->start;
	query->end = area->end;
	query->rights = rights_of(area);
	query->page_size = PAGE_SIZE;
	query->offset = area->object ? area->offset : 0;
	query->inode = file ? file->inode->ino : 0;
	query->dev_major = (uint32_t)DEVICE_MAJOR(dev);
	query->dev_minor = (uint32_t)DEVICE_MINOR(dev);
	query->build_id_size = 0;
	int err = 0;
	*name = file ? vfs_path_name(&file->path, buf, PATH_MAX_LEN, &err) : area->name;
	return err;
}

static int put_answer(uaddr_t to, struct linux_query *query, const char *name)
{
	size_t len = name ? strlen(name) + 1 : 0;
	if (query->name_size && len > query->name_size)
		return -ENAMETOOLONG;
	if (query->name_size && len && copy_to_user((uaddr_t){query->name}, name, len))
		return -EFAULT;
	if (query->name_size)
		query->name_size = (uint32_t)len;
	return copy_to_user(to, query, min(query->size, sizeof(*query)));
}

static int query_space(struct address_space *space, uaddr_t arg)
{
	struct linux_query query;
	const char *name = NULL;
	int err = get_query(arg, &query);
	if (err)
		return err;
	char *buf = kmalloc(PATH_MAX_LEN);
	if (!buf)
		return -ENOMEM;
	rwlock_read_lock(&space->lock);
	err = answer(space, &query, buf, &name);
	rwlock_read_unlock(&space->lock);
	/* Names that are in no buffer are constants. */
	if (!err)
		err = put_answer(arg, &query, name);
	kfree(buf);
	return err;
}

int64_t ioctl_maps(const struct proc_subject *subject, uint64_t request, uaddr_t arg)
{
	if (request != PROCMAP_QUERY)
		return -ENOTTY;
	struct address_space *space = process_space(subject->process, LOOK_BY_FS_IDS);
	if (!space) {
		int err = proc_may_not_look(subject->process);
		return err ? err : -ESRCH;
	}
	int err = query_space(space, arg);
	address_space_put(space);
	return err;
}
