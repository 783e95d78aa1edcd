/* What all objects have in common: references, and reading and writing at a position. */
#include <abi/linux/fcntl.h>
#include <log/assert.h>
#include <object/object.h>
#include <object/poll.h>

unsigned object_always_ready(struct object *object, struct poll_table *table)
{
	(void)object;
	(void)table;
	return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

void object_init(struct object *object, const struct object_ops *ops, unsigned flags)
{
	if (IS_ENABLED(CONFIG_DEBUG))
		assert(ops->poll);
	object->refs = 1;
	object->flags = flags;
	object->ops = ops;
	object->is_shared = object->is_watched = false;
	object->pos = 0;
	object->data = NULL;
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
	if (unlikely(atomic_load(&object->is_watched)))
		object_forget(object);
	if (object->ops->release)
		object->ops->release(object);
	if (atomic_load(&object->is_shared))
		rcu_call(&object->rcu, free_after_grace);
	else
		object->ops->free(object);
}

/* Whoever shares the object takes turns with the position. One holder needs no lock: nobody else can be using it. */
static NOINLINE int64_t move_in_turn(struct object *object, struct io *io,
    int64_t (*move)(struct object *object, struct io *io, uint64_t *pos))
{
	mutex_lock(&object->pos_lock);
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
	mutex_lock(&object->pos_lock);
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
