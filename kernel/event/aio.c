/* Contexts of asynchronous I/O: <event/aio.h>. */
#include <event/aio.h>

#include <abi/linux/fcntl.h>
#include <arch/user_copy.h>
#include <mm/slab.h>
#include <object/poll.h>
#include <vm/address_space.h>
#include <vm/page_cache.h>
#include <wait/interruptible.h>

struct aio_context {
	struct object object;
	struct page_cache
	    page; /* what is mapped: nothing but zeroes until the program writes there */
	struct address_space *space; /* I: compared only */
	struct mutex lock;
	bool is_closed;        /* a; lock to change */
	unsigned capacity;     /* I */
	unsigned reserved;     /* a: places that are taken, by events or by requests */
	unsigned count, first; /* lock; count a */
	struct wait_queue added;
	struct aio_event events[]; /* lock: a ring */
};

static unsigned all_requests; /* a */

static struct aio_context *context_of(struct object *object)
{
	return container_of(object, struct aio_context, object);
}

static void release(struct object *object)
{
	struct aio_context *context = context_of(object);
	page_cache_destroy(&context->page);
	atomic_fetch_sub(&all_requests, context->capacity);
}

static void free_context(struct object *object)
{
	kfree(context_of(object));
}

static int map(struct object *object, struct area *area)
{
	struct aio_context *context = context_of(object);
	context->space = current_address_space();
	area->object = object_get(object);
	area->cache = &context->page;
	area->ops = &page_cache_area_ops;
	area->name = "/[aio] (deleted)";
	return 0;
}

static const struct object_ops aio_ops = {.type = OBJECT_MEMORY,
    .release = release,
    .free = free_context,
    .map = map,
    .poll = object_always_ready};

int aio_create(unsigned capacity, struct object **object)
{
	if (atomic_fetch_add(&all_requests, capacity) + capacity > AIO_REQUESTS_MAX) {
		atomic_fetch_sub(&all_requests, capacity);
		return -EAGAIN;
	}
	struct aio_context *context =
	    kzalloc(sizeof(*context) + capacity * sizeof(struct aio_event));
	if (!context) {
		atomic_fetch_sub(&all_requests, capacity);
		return -ENOMEM;
	}
	object_init(&context->object, &aio_ops, O_RDWR);
	page_cache_init(&context->page, NULL, context);
	mutex_init(&context->lock, "asynchronous requests", RANK_AIO);
	wait_queue_init(&context->added);
	context->capacity = capacity;
	*object = &context->object;
	return 0;
}

struct object *aio_find(struct address_space *space, uintptr_t number)
{
	struct object *object = NULL;
	rwlock_read_lock(&space->lock);
	const struct area *area = vm_find_area(space, number);
	if (area && area->start == number && area->object && area->object->ops == &aio_ops &&
	    context_of(area->object)->space == space)
		object = object_get(area->object);
	rwlock_read_unlock(&space->lock);
	return object;
}

unsigned aio_capacity(struct object *object)
{
	return context_of(object)->capacity;
}

unsigned aio_requests(void)
{
	return atomic_load(&all_requests);
}

bool aio_reserve(struct object *object)
{
	struct aio_context *context = context_of(object);
	if (atomic_fetch_add(&context->reserved, 1) < context->capacity)
		return true;
	aio_unreserve(object);
	return false;
}

void aio_unreserve(struct object *object)
{
	atomic_fetch_sub(&context_of(object)->reserved, 1);
}

void aio_complete(struct object *object, const struct aio_event *event)
{
	struct aio_context *context = context_of(object);
	if (mutex_lock_killable(&context->lock)) {
		aio_unreserve(object); /* whoever wanted to know is gone */
		return;
	}
	context->events[(context->first + context->count) % context->capacity] = *event;
	atomic_store(&context->count, context->count + 1);
	mutex_unlock(&context->lock);
	wait_wake_all(&context->added);
}

int aio_close(struct object *object)
{
	struct aio_context *context = context_of(object);
	if (mutex_lock_killable(&context->lock))
		return -EINTR;
	atomic_store(&context->is_closed, true);
	mutex_unlock(&context->lock);
	wait_wake_all(&context->added);
	return 0;
}

/* How many, or -EFAULT, -EINTR. */
static int64_t take_events(struct aio_context *context, unsigned most, uaddr_t to)
{
	int64_t taken = 0;
	if (mutex_lock_killable(&context->lock))
		return -EINTR;
	while (context->count && taken < most) {
		if (copy_to_user(uaddr_add(to, (size_t)taken * sizeof(struct aio_event)),
			&context->events[context->first], sizeof(struct aio_event))) {
			taken = taken ? taken : -EFAULT;
			break;
		}
		context->first = (context->first + 1) % context->capacity;
		atomic_store(&context->count, context->count - 1);
		atomic_fetch_sub(&context->reserved, 1);
		taken++;
	}
	mutex_unlock(&context->lock);
	return taken;
}

int64_t aio_wait(struct object *object, unsigned least, unsigned most, uaddr_t to, nsec_t deadline)
{
	struct aio_context *context = context_of(object);
	int64_t taken = 0;
	for (;;) {
		int64_t n = take_events(context, most - (unsigned)taken,
		    uaddr_add(to, (size_t)taken * sizeof(struct aio_event)));
		if (n < 0)
			return taken ? taken : n;
		taken += n;
		if (taken >= least || !deadline)
			return taken;
		if (atomic_load(&context->is_closed))
			return taken ? taken : -EINVAL;
		if (signal_is_pending())
			return taken ? taken : -EINTR;
		if (wait_until(&context->added,
			atomic_load(&context->count) || atomic_load(&context->is_closed) ||
			    signal_is_pending(),
			deadline))
			return taken;
	}
}
