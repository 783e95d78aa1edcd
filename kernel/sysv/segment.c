/* Segments of shared memory: shmget(2), shmctl. A segment is a page cache, as files in memory are. */
#include "segment.h"

#include <abi/errno.h>
#include <abi/linux/process.h>
#include <credentials/credentials.h>
#include <mm/slab.h>
#include <process/process.h>
#include <vm/address_space.h>

#define SHM_HUGETLB 04000u

uint64_t sysv_segment_max = UINT64_MAX - (1 << 24), sysv_segment_pages_max = UINT64_MAX - (1 << 24);
static uint64_t segment_pages; /* a: of all */

static uint64_t pages_of(uint64_t size)
{
	return size / PAGE_SIZE + !!(size % PAGE_SIZE);
}

static void free_segment(struct sysv_object *object)
{
	struct segment *segment = segment_of(object);
	page_cache_destroy(&segment->cache);
	atomic_fetch_sub(&segment_pages, pages_of(segment->size));
	kfree(segment);
}

/* Within what all segments may take, and what could be there at all. */
static int take_pages(uint64_t pages)
{
	struct page_stats stats;
	page_stats_total(&stats);
	uint64_t max = atomic_load(&sysv_segment_pages_max), old = atomic_load(&segment_pages);
	do
		if (old + pages < pages || old + pages > max)
			return -ENOSPC;
	while (!atomic_cas(&segment_pages, &old, old + pages));
	if (pages <= stats.total)
		return 0;
	atomic_fetch_sub(&segment_pages, pages);
	return -ENOMEM;
}

static int create_segment(size_t size, struct sysv_object **made)
{
	if (!size || size > atomic_load(&sysv_segment_max))
		return -EINVAL;
	int err = take_pages(pages_of(size));
	if (err)
		return err;
	struct segment *segment = kzalloc(sizeof(*segment));
	if (!segment) {
		atomic_fetch_sub(&segment_pages, pages_of(size));
		return -ENOMEM;
	}
	page_cache_init(&segment->cache, NULL, segment);
	segment->cache.size = &segment->size;
	segment->size = size;
	segment->creator = current_process()->pid->number;
	segment->object.free = free_segment;
	*made = &segment->object;
	return 0;
}

static int is_large_enough(struct sysv_object *object, size_t size)
{
	return size > segment_of(object)->size ? -EINVAL : 0;
}

int sysv_segment_get(int key, size_t size, unsigned flags)
{
	if (flags & SHM_HUGETLB && (key == IPC_PRIVATE || flags & IPC_CREAT))
		return -ENOMEM; /* none are kept ready */
	return sysv_get(&sysv_segments, key, flags, create_segment, is_large_enough, size);
}

void sysv_segment_look(struct sysv_object *object, struct sysv_segment_info *info)
{
	const struct segment *segment = segment_of(object);
	*info = (struct sysv_segment_info){.size = segment->size,
	    .resident_pages = segment->cache.count,
	    .attached = segment->attached,
	    .attach_time = segment->attach_time,
	    .detach_time = segment->detach_time,
	    .change_time = object->change_time,
	    .creator = segment->creator,
	    .last_user = segment->last_user};
	sysv_look(object, &info->permissions);
}

int sysv_segment_stat(int id, bool by_index, bool any_reader, struct sysv_segment_info *info)
{
	mutex_lock(&sysv_segments.lock);
	int result;
	struct sysv_object *object =
	    sysv_find_to_stat(&sysv_segments, id, by_index, any_reader, &result);
	if (object)
		sysv_segment_look(object, info);
	mutex_unlock(&sysv_segments.lock);
	return result;
}

int sysv_segment_set(int id, const struct sysv_permissions *permissions)
{
	return sysv_set_permissions(&sysv_segments, id, permissions);
}

/* Nothing is swapped out: locking only counts. */
static int lock_segment(struct segment *segment)
{
	const struct credentials *creds = current_credentials();
	uint64_t limit = current_limit(RLIMIT_MEMLOCK), locked = pages_of(segment->size);
	for (unsigned i = 0; i < SYSV_SLOTS; i++) {
		struct sysv_object *object = sysv_segments.slots[i];
		if (object && object->mode & SYSV_SEGMENT_LOCKED &&
		    segment_of(object)->locked_by == creds->euid)
			locked += pages_of(segment_of(object)->size);
	}
	if (limit != RLIM_INFINITY && locked > limit / PAGE_SIZE && !has_power(POWER_IPC_LOCK))
		return -ENOMEM;
	segment->locked_by = creds->euid;
	segment->object.mode |= SYSV_SEGMENT_LOCKED;
	return 0;
}

int sysv_segment_lock(int id, bool lock)
{
	mutex_lock(&sysv_segments.lock);
	struct sysv_object *object = sysv_find(&sysv_segments, id);
	uint32_t euid = current_credentials()->euid;
	int err = !object ? -EINVAL : 0;
	if (!err && !has_power(POWER_IPC_LOCK) &&
	    ((euid != object->uid && euid != object->cuid) ||
		(lock && !current_limit(RLIMIT_MEMLOCK))))
		err = -EPERM;
	if (!err && !lock)
		object->mode &= ~SYSV_SEGMENT_LOCKED;
	else if (!err && !(object->mode & SYSV_SEGMENT_LOCKED))
		err = lock_segment(segment_of(object));
	mutex_unlock(&sysv_segments.lock);
	return err;
}

int sysv_segment_remove(int id)
{
	mutex_lock(&sysv_segments.lock);
	struct sysv_object *object = sysv_find(&sysv_segments, id);
	int err = !object ? -EINVAL : sysv_is_owner(object) ? 0 : -EPERM;
	bool dies = !err && !segment_of(object)->attached;
	if (dies) {
		sysv_take_out(&sysv_segments, object);
	} else if (!err) {
		object->key = IPC_PRIVATE; /* nobody finds it by its key any more */
		object->mode |= SYSV_SEGMENT_DYING;
	}
	mutex_unlock(&sysv_segments.lock);
	if (dies)
		sysv_put(object);
	return err;
}

static void add_up(void *ctx, struct sysv_object *object)
{
	struct sysv_totals *totals = ctx;
	totals->objects++;
	totals->parts += pages_of(segment_of(object)->size);
	totals->bytes += segment_of(object)->cache.count * PAGE_SIZE;
}

int sysv_segment_totals(struct sysv_totals *totals)
{
	*totals = (struct sysv_totals){0};
	sysv_for_each(&sysv_segments, add_up, totals);
	return sysv_highest(&sysv_segments);
}
