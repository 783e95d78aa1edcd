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

/* A number for each process that there ever was: those of processes come again, but not at the same time. */
static int stat_pidfd(struct object *object, struct kstat *stat)
{
	const struct process *process = object->data;
	*stat = (struct kstat){.ino = process->start_ns * PID_LIMIT + process->pid->number,
	    .mode = 0700,
	    .nlink = 1,
	    .block_size = PAGE_SIZE};
	return 0;
}

/* -1: it is gone. */
static void describe_pidfd(struct object *object, fmt_sink_t sink, void *ctx)
{
	const struct process *process = object->data;
	bool is_gone = atomic_load(&process->state) == PROCESS_DEAD;
	int number = is_gone ? -1 : (int)process->pid->number;
	fmt_format(sink, ctx, "Pid:\t%d\nNSpid:\t%d\n", number, number);
}

static const struct object_ops pidfd_ops = {
    .type = OBJECT_PROCESS,
    .is_stream = true,
    .release = release_pidfd,
    .free = free_pidfd,
    .poll = poll_pidfd,
    .stat = stat_pidfd,
    .describe = describe_pidfd,
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
