/*
 * Attaching shared memory: shmat(2), shmdt. Each shmat makes an attachment, the object that the area maps: it holds the segment, and it is what
 * shmdt finds again when the area was split. Counted are areas, as on Linux, by the hooks that tell of their coming and going; the last one that
 * goes takes a segment with it that was removed before.
 */
#include "segment.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/mman.h>
#include <lib/fmt.h>
#include <mm/slab.h>
#include <object/object.h>
#include <object/poll.h>
#include <process/process.h>
#include <time/clock.h>
#include <vm/address_space.h>

struct attachment {
	struct object object;
	struct segment *segment; /* I; a reference */
};

static void use(struct segment *segment, int64_t *time)
{
	*time = unix_timestamp();
	segment->last_user = current_process()->pid->number;
}

/* Lock held. True: the table's reference is the caller's now. */
static bool detached(struct segment *segment)
{
	struct sysv_object *object = &segment->object;
	bool dies =
	    !--segment->attached && object->mode & SYSV_SEGMENT_DYING && !object->is_removed;
	if (dies)
		sysv_take_out(&sysv_segments, object);
	return dies;
}

static struct segment *segment_in(const struct area *area)
{
	return container_of(area->object, struct attachment, object)->segment;
}

static void area_opened(struct area *area)
{
	struct segment *segment = segment_in(area);
	mutex_lock(&sysv_segments.lock);
	segment->attached++;
	use(segment, &segment->attach_time);
	mutex_unlock(&sysv_segments.lock);
}

static void area_closed(struct area *area)
{
	struct segment *segment = segment_in(area);
	mutex_lock(&sysv_segments.lock);
	use(segment, &segment->detach_time);
	bool dies = detached(segment);
	mutex_unlock(&sysv_segments.lock);
	if (dies)
		sysv_put(&segment->object);
}

/* Not one that was removed, if this is the last area of it. */
static int area_outlasts(const struct area *area)
{
	const struct segment *segment = segment_in(area);
	mutex_lock(&sysv_segments.lock);
	bool dies = segment->attached == 1 && segment->object.mode & SYSV_SEGMENT_DYING;
	mutex_unlock(&sysv_segments.lock);
	return dies ? -EIDRM : 0;
}

static const struct area_ops segment_area_ops = {.fault = page_cache_fault,
    .open = area_opened,
    .close = area_closed,
    .outlasts = area_outlasts};

static int map_attachment(struct object *object, struct area *area)
{
	struct segment *segment = container_of(object, struct attachment, object)->segment;
	area->object = object_get(object);
	area->cache = &segment->cache;
	area->ops = &segment_area_ops;
	area->name = segment->name;
	area_opened(area);
	return 0;
}

static void release_attachment(struct object *object)
{
	sysv_put(&container_of(object, struct attachment, object)->segment->object);
}

static void free_attachment(struct object *object)
{
	kfree(container_of(object, struct attachment, object));
}

static const struct object_ops attachment_ops = {.type = OBJECT_MEMORY,
    .release = release_attachment,
    .free = free_attachment,
    .map = map_attachment,
    .poll = object_always_ready};

/* With permission and a reference, and counted as attached, so that nobody takes it away. NULL and *err. */
static struct segment *hold(int id, unsigned access, int *err)
{
	mutex_lock(&sysv_segments.lock);
	struct sysv_object *object = sysv_find(&sysv_segments, id);
	*err = !object ? -EINVAL : sysv_allows(object, access) ? 0 : -EACCES;
	struct segment *segment = *err ? NULL : segment_of(object);
	if (segment) {
		sysv_take(object);
		segment->attached++;
		if (!segment->name[0])
			snprintf(segment->name, sizeof(segment->name), "/SYSV%08x (deleted)",
			    (unsigned)object->key);
	}
	mutex_unlock(&sysv_segments.lock);
	return segment;
}

/* Of the count; the reference has become the attachment's. */
static void let_go(struct segment *segment)
{
	mutex_lock(&sysv_segments.lock);
	bool dies = detached(segment);
	mutex_unlock(&sysv_segments.lock);
	if (dies)
		sysv_put(&segment->object);
}

static int place(uintptr_t *addr, unsigned flags, unsigned *map_flags)
{
	bool is_given = *addr;
	if (flags & SHM_RND)
		*addr = ALIGN_DOWN(*addr, PAGE_SIZE);
	*map_flags = MAP_SHARED;
	if (is_given)
		*map_flags |= flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	return (!*addr && flags & SHM_REMAP) || !IS_ALIGNED(*addr, PAGE_SIZE) ? -EINVAL : 0;
}

int64_t sysv_attach(struct address_space *space, int id, uintptr_t addr, unsigned flags)
{
	unsigned access = (flags & SHM_RDONLY ? 4 : 6) | (flags & SHM_EXEC ? 1 : 0), map_flags;
	unsigned prot =
	    PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0);
	int err = id < 0 ? -EINVAL : place(&addr, flags, &map_flags);
	if (err)
		return err;
	struct attachment *attachment = kzalloc(sizeof(*attachment));
	if (!attachment)
		return -ENOMEM;
	struct segment *segment = hold(id, access, &err);
	if (!segment) {
		kfree(attachment);
		return err;
	}
	object_init(&attachment->object, &attachment_ops, flags & SHM_RDONLY ? O_RDONLY : O_RDWR);
	attachment->segment = segment;
	int64_t result =
	    vm_map(space, addr, segment->size, prot, map_flags, &attachment->object, 0);
	let_go(segment);
	object_put(&attachment->object);
	return result == -EEXIST ? -EINVAL : result;
}

int sysv_detach(struct address_space *space, uintptr_t addr)
{
	return IS_ALIGNED(addr, PAGE_SIZE) ? vm_unmap_object(space, addr, &segment_area_ops)
					   : -EINVAL;
}
