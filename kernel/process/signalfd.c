/*
 * Signals as descriptors: signalfd(2). Whoever reads takes signals of its own, whoever made the descriptor. So waiters queue at their process: a
 * set of epoll may stay there when the process ends, and is taken off then.
 */
#include "process_impl.h"

#include <abi/linux/fcntl.h>
#include <abi/linux/signal.h>
#include <abi/linux/structs.h>
#include <mm/slab.h>
#include <object/poll.h>
#include <process/signalfd.h>

struct signalfd {
	struct object object;
	uint64_t set; /* a */
};

struct linux_signalfd_siginfo {
	uint32_t signal;
	int32_t error, code;
	uint32_t pid, uid;
	int32_t fd;
	uint32_t timer_id, band, overrun, trap;
	int32_t status, value_int;
	uint64_t value, user_ticks, system_ticks, address;
	uint16_t address_bits, padding;
	int32_t call;
	uint64_t call_address;
	uint32_t architecture;
	uint8_t reserved[28];
};
static_assert(sizeof(struct linux_signalfd_siginfo) == 128, "Linux's ABI");

static struct signalfd *signalfd_of(struct object *object)
{
	return container_of(object, struct signalfd, object);
}

static void free_signalfd(struct object *object)
{
	kfree(signalfd_of(object));
}

/* Which of the fields that lie upon one another are meant depends on the signal and on who sent it. */
static void fill(struct linux_signalfd_siginfo *out, const struct signal_info *info)
{
	bool is_from_kernel = info->code > SI_USER && info->code < SI_KERNEL;
	uint64_t bit = signal_bit(info->signal);
	*out = (struct linux_signalfd_siginfo){
	    .signal = (uint32_t)info->signal, .error = info->error, .code = info->code};
	if (is_from_kernel && bit & SIGNALS_FAULT) {
		out->address = info->address;
		return;
	}
	if (is_from_kernel && !(bit & signal_bit(SIGCHLD))) { /* of an object's owner */
		out->band = (uint32_t)info->words[0];
		out->fd = (int32_t)info->words[1];
		return;
	}
	if (info->code == SI_TIMER) {
		out->timer_id = (uint32_t)info->timer_id;
		out->overrun = (uint32_t)info->overrun;
	} else {
		out->pid = (uint32_t)info->pid;
		out->uid = info->uid;
	}
	if (is_from_kernel && info->signal == SIGCHLD) {
		out->status = info->status;
		out->user_ticks = (uint64_t)info->user_ticks;
		out->system_ticks = (uint64_t)info->system_ticks;
	} else if (info->code < 0) {
		out->value = info->value;
		out->value_int = (int32_t)info->value;
	}
}

/* Under the lock of those who send: either they see who waits, or are seen. */
static bool is_any_there(const struct signalfd *signalfd)
{
	struct signal_state *state = &current_process()->signals;
	irq_flags_t flags = spin_lock_irqsave(&state->lock);
	bool is_there = signal_pending_set() & atomic_load(&signalfd->set);
	spin_unlock_irqrestore(&state->lock, flags);
	return is_there;
}

/* The first, for which it may wait. 0, -EAGAIN, -ERESTARTSYS. */
static int take_first(struct signalfd *signalfd, const struct io *io, struct signal_info *info)
{
	while (!signal_dequeue(atomic_load(&signalfd->set), info)) {
		if (object_must_not_wait(&signalfd->object, io))
			return -EAGAIN;
		if (signal_is_pending())
			return -ERESTARTSYS;
		int ignored = wait_until(&current_process()->signals.watchers,
		    is_any_there(signalfd) || signal_is_pending(), NSEC_MAX);
		(void)ignored;
	}
	return 0;
}

static int64_t read_signals(struct object *object, struct io *io, uint64_t *pos)
{
	(void)pos;
	struct signalfd *signalfd = signalfd_of(object);
	struct linux_signalfd_siginfo out;
	struct signal_info info;
	int64_t done = 0;
	if (io->left < sizeof(out))
		return -EINVAL;
	int err = take_first(signalfd, io, &info);
	if (err)
		return err;
	do {
		fill(&out, &info);
		if (io_write(io, &out, sizeof(out)) < sizeof(out))
			return done ? done : -EFAULT;
		done += (int64_t)sizeof(out);
	} while (io->left >= sizeof(out) && signal_dequeue(atomic_load(&signalfd->set), &info));
	return done;
}

static unsigned poll_signals(struct object *object, struct poll_table *table)
{
	poll_wait(table, object, &current_process()->signals.watchers);
	return is_any_there(signalfd_of(object)) ? POLLIN | POLLRDNORM : 0;
}

static void describe_signalfd(struct object *object, fmt_sink_t sink, void *ctx)
{
	fmt_format(sink, ctx, "sigmask:\t%016lx\n", atomic_load(&signalfd_of(object)->set));
}

static const struct object_ops signalfd_ops = {
    .type = OBJECT_SIGNALS,
    .is_stream = true,
    .free = free_signalfd,
    .read = read_signals,
    .poll = poll_signals,
    .stat = object_stat_nameless,
    .describe = describe_signalfd,
};

int signalfd_create(uint64_t set, unsigned open_flags, struct object **object)
{
	struct signalfd *signalfd = kzalloc(sizeof(*signalfd));
	if (!signalfd)
		return -ENOMEM;
	object_init(&signalfd->object, &signalfd_ops, O_RDWR | (open_flags & O_NONBLOCK));
	signalfd->set = set;
	*object = &signalfd->object;
	return 0;
}

int signalfd_set(struct object *object, uint64_t set)
{
	if (object->ops != &signalfd_ops)
		return -EINVAL;
	atomic_store(&signalfd_of(object)->set, set);
	wait_wake_all(&current_process()->signals.watchers);
	return 0;
}
