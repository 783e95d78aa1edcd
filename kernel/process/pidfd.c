/* Processes as descriptors: they name a process without the danger that its number is another's by now, and poll tells when it ends. */
#include "process_impl.h"

#include <abi/linux/fcntl.h>
#include <mm/slab.h>
#include <object/poll.h>

static void release_pidfd(struct object *object)
{
	process_put(object->data);
}

static void free_pidfd(struct object *object)
{
	kfree(object);
}

static unsigned poll_pidfd(struct object *object, struct poll_table *table)
{
	struct process *process = object->data;
	poll_wait(table, object, &process->task_exit);
	uint32_t state = atomic_load_acquire(&process->state);
	return (state >= PROCESS_ZOMBIE ? POLLIN | POLLRDNORM : 0u) |
	       (state == PROCESS_DEAD ? (unsigned)POLLHUP : 0u);
}

static const struct object_ops pidfd_ops = {
    .type = OBJECT_PROCESS,
    .is_stream = true,
    .release = release_pidfd,
    .free = free_pidfd,
    .poll = poll_pidfd,
};

static struct object *create(struct process *process, unsigned flags)
{
	struct object *object = kmalloc(sizeof(*object));
	if (!object)
		return NULL;
	object_init(object, &pidfd_ops, O_RDWR | flags);
	process_get(process);
	object->data = process;
	atomic_store(&process->is_watched, true);
	return object;
}

int64_t pidfd_install(struct process *process, unsigned flags)
{
	struct object *object = create(process, flags & O_NONBLOCK);
	if (!object)
		return -ENOMEM;
	return cap_install_new(object, O_RDWR, CAP_CLOEXEC);
}

struct process *pidfd_process(int fd, unsigned *flags)
{
	struct cap_ref ref = cap_lookup(fd, RIGHT_POLL);
	if (!ref.object)
		return NULL;
	struct process *process = NULL;
	if (ref.object->ops == &pidfd_ops) {
		process = ref.object->data;
		process_get(process);
		*flags = atomic_load(&ref.object->flags);
	}
	cap_release(ref);
	return process;
}
