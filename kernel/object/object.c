/* What all objects have in common: references, and reading and writing at a position. */
#include <abi/linux/fcntl.h>
#include <arch/percpu.h>
#include <log/assert.h>
#include <mm/page_alloc.h>
#include <object/object.h>
#include <object/poll.h>
#include <wait/interruptible.h>

unsigned object_always_ready(struct object *object, struct poll_table *table)
{
	(void)object;
	(void)table;
	return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

int object_stat_nameless(struct object *object, struct kstat *stat)
{
	(void)object;
	*stat = (struct kstat){.mode = 0600, .nlink = 1, .block_size = PAGE_SIZE};
	return 0;
}

/*
 * Each CPU counts for itself: what was made there, less what went there. When it has made as many as were left to it, it looks at all of them, and
 * is left the more the farther the limit is: so it may be passed by no more than what all CPUs are left at a time.
 */
#define LEFT_TO_CPU 64
#define BYTES_EACH  (10 * KiB) /* of memory, as on Linux */
#define MAX_LEAST   8192

struct object_counts {
	int64_t made; /* a: read by others */
	int32_t left;
};
static PER_CPU(struct object_counts, counts);
static uint64_t max_set; /* a; 0: none */

uint64_t objects_count(void)
{
	int64_t sum = 0;
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask))
		sum += atomic_load(&per_cpu_ptr(counts, cpu)->made);
	return (uint64_t)max(sum, (int64_t)0);
}

uint64_t objects_max(void)
{
	uint64_t max_now = atomic_load(&max_set);
	if (max_now)
		return max_now - 1;
	struct page_stats pages;
	page_stats_total(&pages);
	return max(pages.total * PAGE_SIZE / BYTES_EACH, (uint64_t)MAX_LEAST);
}

void objects_set_max(uint64_t max)
{
	atomic_store(&max_set, min(max, UINT64_MAX - 1) + 1);
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask))
		atomic_store(&per_cpu_ptr(counts, cpu)->left, 0);
}

static NOINLINE int look_at_all(void)
{
	uint64_t most = objects_max(), now = objects_count();
	uint64_t left = now < most ? (most - now) / (2 * (uint64_t)cpu_count) : 0;
	this_cpu_write(counts.left, (int32_t)min(left, (uint64_t)LEFT_TO_CPU));
	return now < most || current_may_exceed_objects() ? 0 : -ENFILE;
}

int objects_check_room(void)
{
	int32_t left = this_cpu_read(counts.left);
	if (unlikely(left <= 0))
		return look_at_all();
	/* Another thread or CPU may have looked meanwhile; one more or less does no harm. */
	this_cpu_write(counts.left, left - 1);
	return 0;
}

void object_init(struct object *object, const struct object_ops *ops, unsigned flags)
{
	if (IS_ENABLED(CONFIG_DEBUG))
		assert(ops->poll);
	this_cpu_inc(counts.made);
	object->refs = 1;
	object->flags = flags;
	object->ops = ops;
	object->is_shared = object->is_watched = false;
	object->pos = 0;
	object->data = NULL;
	object->io_signal = NULL;
	mutex_init(&object->pos_lock, "object position", RANK_OBJECT_POSITION);
}

static void free_after_grace(struct rcu_head *head)
{
	struct object *object = container_of(head, struct object, rcu);
	object->ops->free(object);
}

void object_put(struct object *object)
{
	if (atomic_fetch_sub(&object->refs, 1) != 1)
		return;
	if (unlikely(atomic_load(&object->is_watched))) {
		object_forget_signals(object);
		object_forget(object);
	}
	if (object->ops->release)
		object->ops->release(object);
	this_cpu_dec(counts.made);
	if (atomic_load(&object->is_shared))
		rcu_call(&object->rcu, free_after_grace);
	else
		object->ops->free(object);
}

/* Whoever shares the object takes turns with the position, which may last: a read may wait. One holder needs no lock: nobody else can be using it. */
static NOINLINE int64_t move_in_turn(struct object *object, struct io *io,
    int64_t (*move)(struct object *object, struct io *io, uint64_t *pos))
{
	if (mutex_lock_killable(&object->pos_lock))
		return -EINTR;
	int64_t n = move(object, io, &object->pos);
	mutex_unlock(&object->pos_lock);
	return n;
}

static ALWAYS_INLINE int64_t move_at_position(struct object *object, struct io *io,
    int64_t (*move)(struct object *object, struct io *io, uint64_t *pos))
{
	if (unlikely(!move))
		return -EINVAL;
	if (object->ops->is_stream)
		return move(object, io, NULL);
	if (unlikely(atomic_load(&object->refs) != 1))
		return move_in_turn(object, io, move);
	return move(object, io, &object->pos);
}

int64_t object_read(struct object *object, struct io *io)
{
	return move_at_position(object, io, object->ops->read);
}

int64_t object_write(struct object *object, struct io *io)
{
	return move_at_position(object, io, object->ops->write);
}

static ALWAYS_INLINE int64_t move_at(struct object *object, struct io *io, uint64_t *pos,
    int64_t (*move)(struct object *object, struct io *io, uint64_t *pos))
{
	if (unlikely(object->ops->is_stream))
		return -ESPIPE;
	if (unlikely(!move))
		return -EINVAL;
	return move(object, io, pos);
}

int64_t object_pread(struct object *object, struct io *io, uint64_t pos)
{
	return move_at(object, io, &pos, object->ops->read);
}

int64_t object_pwrite(struct object *object, struct io *io, uint64_t pos)
{
	return move_at(object, io, &pos, object->ops->write);
}

static NOINLINE int64_t seek_in_turn(struct object *object, int64_t offset, int whence)
{
	if (mutex_lock_killable(&object->pos_lock))
		return -EINTR;
	int64_t pos = object->ops->seek(object, offset, whence);
	mutex_unlock(&object->pos_lock);
	return pos;
}

int64_t object_seek(struct object *object, int64_t offset, int whence)
{
	if (unlikely(!object->ops->seek))
		return (unsigned)whence > SEEK_HOLE ? -EINVAL : -ESPIPE;
	if (unlikely(atomic_load(&object->refs) != 1))
		return seek_in_turn(object, offset, whence);
	return object->ops->seek(object, offset, whence);
}

int64_t object_seek_in(struct object *object, int64_t offset, int whence, uint64_t end)
{
	int64_t base;
	switch (whence) {
	case SEEK_SET: base = 0; break;
	case SEEK_CUR: base = (int64_t)object->pos; break;
	case SEEK_END: base = (int64_t)end; break;
	case SEEK_DATA:
	case SEEK_HOLE:
		/* No holes known: all is data, and the end is a hole. */
		if (offset < 0 || (uint64_t)offset >= end)
			return -ENXIO;
		base = whence == SEEK_HOLE ? (int64_t)end - offset : 0;
		break;
	default: return -EINVAL;
	}
	int64_t pos;
	if (add_overflows(base, offset, &pos) || pos < 0)
		return -EINVAL;
	object->pos = (uint64_t)pos;
	return pos;
}
