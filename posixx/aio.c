/* Asynchronous I/O: io_setup(2) and its family. */
#include "poller.h"

#include <abi/errno.h>
#include <abi/linux/mman.h>
#include <event/aio.h>
#include <event/eventfd.h>
#include <object/capability.h>
#include <posixx/syscalls.h>
#include <process/signal.h>
#include <vm/address_space.h>
#include <wait/interruptible.h>

#include "rw_impl.h"

#define CAPACITY_MAX 0x10000000u /* beyond, the number is nonsense rather than too much */
#define HAS_EVENTFD  1u

enum {
	COMMAND_PREAD = 0,
	COMMAND_PWRITE = 1,
	COMMAND_FSYNC = 2,
	COMMAND_FDSYNC = 3,
	COMMAND_PREADV = 7,
	COMMAND_PWRITEV = 8,
};

/* Linux's iocb. */
struct request {
	uint64_t data;
	uint32_t key, rw_flags;
	uint16_t command;
	int16_t priority;
	uint32_t fd;
	uint64_t base, count;
	int64_t offset;
	uint64_t reserved;
	uint32_t flags, event_fd;
};
static_assert(sizeof(struct request) == 64, "Linux's ABI");

int64_t sys_io_setup(unsigned capacity, uaddr_t context)
{
	uint64_t old;
	struct object *object;
	if (get_user_u64(&old, context))
		return -EFAULT;
	if (old || !capacity || capacity > CAPACITY_MAX)
		return -EINVAL;
	int err = aio_create(capacity, &object);
	if (err)
		return err;
	struct address_space *space = current_address_space();
	int64_t number = vm_map(space, 0, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, object, 0);
	object_put(object); /* the mapping has it */
	if (number < 0)
		return number;
	if (!put_user_u64(context, (uint64_t)number))
		return 0;
	err = vm_unmap(space, (uintptr_t)number, PAGE_SIZE);
	return err ? err : -EFAULT;
}

int64_t sys_io_destroy(uaddr_t context)
{
	struct address_space *space = current_address_space();
	struct object *object = aio_find(space, context.va);
	if (!object)
		return -EINVAL;
	int err = aio_close(object);
	if (!err)
		err = vm_unmap(space, context.va, PAGE_SIZE);
	object_put(object);
	return err;
}

static bool is_transfer(const struct request *request)
{
	return request->command == COMMAND_PREAD || request->command == COMMAND_PREADV ||
	       request->command == COMMAND_PWRITE || request->command == COMMAND_PWRITEV;
}

static bool is_write(const struct request *request)
{
	return request->command == COMMAND_PWRITE || request->command == COMMAND_PWRITEV;
}

/* -errno: it was not taken; 0: *result is how it ended. */
static int transfer(const struct request *request, struct object *object, int64_t *result)
{
	int err = rw_check_flags(request->rw_flags);
	if (err)
		return err;
	if (!object->ops->is_stream && request->offset < 0)
		return -EINVAL;
	if (is_write(request) ? !object->ops->write : !object->ops->read)
		return -EINVAL;
	*result = rw_at(object, &(struct rw_request){.base = {request->base},
				    .count = request->count,
				    .offset = request->offset,
				    .flags = request->rw_flags,
				    .is_vector = request->command >= COMMAND_PREADV,
				    .is_write = is_write(request)});
	/* Others of the same call may be done: it cannot be begun again. */
	if (*result <= -ERESTARTSYS)
		*result = -EINTR;
	return 0;
}

static int sync(const struct request *request, struct object *object, int64_t *result)
{
	if (request->base || request->offset || request->count || request->rw_flags ||
	    !object->ops->sync)
		return -EINVAL;
	*result = object->ops->sync(object, request->command == COMMAND_FDSYNC);
	return 0;
}

static int run(const struct request *request, int64_t *result)
{
	uint32_t rights = 0;
	if (is_transfer(request))
		rights = is_write(request) ? RIGHT_WRITE : RIGHT_READ;
	struct cap_ref ref = cap_lookup((int)request->fd, rights);
	if (!ref.object)
		return ref.err;
	int err = -EINVAL;
	if (is_transfer(request))
		err = transfer(request, ref.object, result);
	else if (request->command == COMMAND_FSYNC || request->command == COMMAND_FDSYNC)
		err = sync(request, ref.object, result);
	cap_release(ref);
	return err;
}

/* Runs it and says so, in the context and to the eventfd that was asked for. */
static int run_and_tell(struct object *context, const struct request *request, uaddr_t at)
{
	struct cap_ref ref = {0};
	bool tells = request->flags & HAS_EVENTFD;
	int64_t result = 0;
	if (tells) {
		ref = cap_lookup((int)request->event_fd, 0);
		if (!ref.object)
			return ref.err;
	}
	int err = tells && !object_is_eventfd(ref.object) ? -EINVAL : run(request, &result);
	if (!err) {
		aio_complete(context, &(struct aio_event){request->data, at.va, result, 0});
		if (tells)
			eventfd_signal(ref.object);
	}
	if (tells)
		cap_release(ref);
	return err;
}

static int submit_one(struct object *context, uaddr_t at)
{
	struct request request;
	if (copy_from_user(&request, at, sizeof(request)))
		return -EFAULT;
	if (request.reserved || (int64_t)request.count < 0)
		return -EINVAL;
	if (!aio_reserve(context))
		return -EAGAIN;
	/* Linux writes a key there: nothing to tell one from another by. */
	int err = put_user_u32(uaddr_add(at, offsetof(struct request, key)), 0);
	if (!err)
		err = run_and_tell(context, &request, at);
	if (err)
		aio_unreserve(context);
	return err;
}

int64_t sys_io_submit(uaddr_t context, int64_t count, uaddr_t requests)
{
	if (count < 0)
		return -EINVAL;
	struct object *object = aio_find(current_address_space(), context.va);
	if (!object)
		return -EINVAL;
	int err = 0;
	int64_t done = 0;
	count = min(count, (int64_t)aio_capacity(object));
	while (done < count && !err) {
		uint64_t at;
		err = get_user_u64(&at, uaddr_add(requests, (size_t)done * sizeof(at)));
		if (!err)
			err = submit_one(object, (uaddr_t){at});
		done += !err;
	}
	object_put(object);
	return done ? done : err;
}

/* Requests are done when io_submit returns: there is never one left to be cancelled. */
int64_t sys_io_cancel(uaddr_t context, uaddr_t request, uaddr_t event)
{
	(void)event;
	uint32_t key;
	if (get_user_u32(&key, uaddr_add(request, offsetof(struct request, key))))
		return -EFAULT;
	struct object *object = aio_find(current_address_space(), context.va);
	if (object)
		object_put(object);
	return -EINVAL;
}

static int64_t get_events(
    uaddr_t context, int64_t least, int64_t most, uaddr_t events, nsec_t deadline)
{
	struct object *object = aio_find(current_address_space(), context.va);
	if (!object)
		return -EINVAL;
	int64_t taken = -EINVAL;
	if (least >= 0 && least <= most)
		taken = aio_wait(object, (unsigned)min(least, (int64_t)UINT32_MAX),
		    (unsigned)min(most, (int64_t)UINT32_MAX), events, deadline);
	object_put(object);
	return taken;
}

int64_t sys_io_getevents(
    uaddr_t context, int64_t least, int64_t most, uaddr_t events, uaddr_t timeout)
{
	nsec_t deadline;
	int err = poll_read_timeout(timeout, false, &deadline);
	return err ? err : get_events(context, least, most, events, deadline);
}

int64_t sys_io_pgetevents(
    uaddr_t context, int64_t least, int64_t most, uaddr_t events, uaddr_t timeout, uaddr_t mask)
{
	struct {
		uaddr_t mask;
		uint64_t size;
	} set = {0};
	nsec_t deadline;
	int err = poll_read_timeout(timeout, false, &deadline);
	if (!err && !uaddr_is_null(mask))
		err = copy_from_user(&set, mask, sizeof(set));
	if (!err)
		err = poll_mask_begin(set.mask, set.size);
	if (err)
		return err;
	int64_t taken = get_events(context, least, most, events, deadline);
	if (!uaddr_is_null(set.mask))
		signal_mask_end(taken == -EINTR);
	return taken;
}
