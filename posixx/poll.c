/* poll(2) and its variants, and what it shares with select(2) and epoll_wait(2): timeouts, masks. */
#include "poller.h"

#include <abi/errno.h>
#include <abi/linux/signal.h>
#include <abi/linux/structs.h>
#include <mm/slab.h>
#include <posixx/syscalls.h>

#define FEW_FDS 32

struct fd_poll {
	struct linux_pollfd *fds;
	unsigned count;
};

/* What cannot be borrowed, because others share the table or there is nothing. */
static NOINLINE unsigned events_elsewhere(const struct linux_pollfd *fd, struct poll_table *table)
{
	return fd->fd >= 0 ? poll_events_of_fd(fd->fd, table) : 0;
}

/* Whoever shares the table has no entries of its own to look at. */
static const struct cap_array no_entries;

static ALWAYS_INLINE int64_t ask_fds(
    struct linux_pollfd *fd, unsigned count, struct poll_table *table)
{
	const struct cap_array *own = cap_own_entries();
	if (unlikely(!own))
		own = &no_entries;
	int64_t ready = 0;
	for (const struct linux_pollfd *end = fd + count; fd < end; fd++) {
		/* An analyser does not see what copy_words_from_user writes. NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
		struct object *object = cap_own_lookup(own, fd->fd, RIGHT_POLL);
		unsigned events =
		    likely(object) ? object_poll(object, table) : events_elsewhere(fd, table);
		fd->revents = (int16_t)events;
		if (likely(!fd->revents))
			continue;
		fd->revents &= fd->events | POLLERR | POLLHUP | POLLNVAL;
		ready += fd->revents != 0;
	}
	return ready;
}

static int64_t scan_fds(void *ctx, struct poll_table *table)
{
	const struct fd_poll *request = ctx;
	return ask_fds(request->fds, request->count, table);
}

static int64_t restart_poll(struct task *task);

/* A signal without handler that comes in between lets poll(2) go on by itself. */
static NOINLINE int64_t wait_for_fds(
    struct linux_pollfd *fds, uaddr_t user_fds, unsigned count, nsec_t deadline)
{
	struct fd_poll request = {fds, count};
	int64_t ready = poll_wait_until(scan_fds, &request, deadline);
	if (ready != -EINTR)
		return ready;
	current_task()->restart = (struct restart){
	    .fn = restart_poll, .deadline_ns = deadline, .address = user_fds, .value = count};
	return -ERESTART_RESTARTBLOCK;
}

static ALWAYS_INLINE int64_t poll_copied(
    struct linux_pollfd *fds, uaddr_t user_fds, unsigned count, nsec_t deadline)
{
	static_assert(sizeof(*fds) == 8, "one is a word");
	if (unlikely(copy_words_from_user(fds, user_fds, count)))
		return -EFAULT;
	int64_t ready = ask_fds(fds, count, NULL);
	if (!ready && unlikely(deadline)) {
		ready = wait_for_fds(fds, user_fds, count, deadline);
		if (ready < 0)
			return ready;
	}
	return likely(!copy_words_to_user(user_fds, fds, count)) ? ready : -EFAULT;
}

static NOINLINE int64_t poll_many(uaddr_t user_fds, unsigned count, nsec_t deadline)
{
	/* The limit on descriptors is far below what would overflow. */
	struct linux_pollfd *fds = kmalloc(count * sizeof(*fds));
	if (!fds)
		return -ENOMEM;
	int64_t ready = poll_copied(fds, user_fds, count, deadline);
	kfree(fds);
	return ready;
}

/* Interrupted: -ERESTART_RESTARTBLOCK. */
static int64_t poll_fds(uaddr_t user_fds, unsigned count, nsec_t deadline)
{
	struct linux_pollfd few[FEW_FDS];
	if (unlikely(count > current_fd_limit()))
		return -EINVAL;
	return count <= FEW_FDS ? poll_copied(few, user_fds, count, deadline)
				: poll_many(user_fds, count, deadline);
}

static int64_t restart_poll(struct task *task)
{
	struct restart *restart = &task->restart;
	return poll_fds(restart->address, restart->value, restart->deadline_ns);
}

int64_t sys_poll(uaddr_t fds, unsigned count, int timeout_ms)
{
	return poll_fds(fds, count,
	    timeout_ms < 0 ? NSEC_MAX : poll_deadline_after((nsec_t)timeout_ms * NSEC_PER_MSEC));
}

int poll_read_timeout(uaddr_t user_timeout, bool is_timeval, nsec_t *deadline)
{
	struct linux_timespec timeout;
	*deadline = NSEC_MAX;
	if (uaddr_is_null(user_timeout))
		return 0;
	if (copy_from_user(&timeout, user_timeout, sizeof(timeout)))
		return -EFAULT;
	int64_t seconds = timeout.seconds, part = timeout.nanoseconds;
	if (is_timeval) {
		/* Linux takes whole seconds out of the microseconds. */
		if (part < 0 || seconds < 0)
			return -EINVAL;
		seconds += part / 1000000;
		part = part % 1000000 * 1000;
	}
	if (seconds < 0 || part < 0 || part >= (int64_t)NSEC_PER_SEC)
		return -EINVAL;
	if ((uint64_t)seconds < NSEC_MAX / NSEC_PER_SEC / 2)
		*deadline = poll_deadline_after((nsec_t)seconds * NSEC_PER_SEC + (nsec_t)part);
	return 0;
}

void poll_write_timeout(uaddr_t user_timeout, bool is_timeval, nsec_t deadline)
{
	if (uaddr_is_null(user_timeout) || deadline == NSEC_MAX)
		return;
	nsec_t now = deadline ? uptime_ns() : 0, left = deadline > now ? deadline - now : 0;
	struct linux_timespec timeout = {
	    .seconds = (int64_t)(left / NSEC_PER_SEC),
	    .nanoseconds = (int64_t)(left % NSEC_PER_SEC / (is_timeval ? NSEC_PER_USEC : 1)),
	};
	/* A program that cannot be told may not be able to hear of an error either: as on Linux there is none. */
	int ignored = copy_to_user(user_timeout, &timeout, sizeof(timeout));
	(void)ignored;
}

int poll_mask_begin(uaddr_t user_mask, size_t size)
{
	uint64_t mask;
	if (uaddr_is_null(user_mask))
		return 0;
	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (get_user_u64(&mask, user_mask))
		return -EFAULT;
	signal_mask_begin(mask);
	return 0;
}

int64_t sys_ppoll(uaddr_t fds, unsigned count, uaddr_t timeout, uaddr_t mask, size_t set_size)
{
	nsec_t deadline;
	int err = poll_read_timeout(timeout, false, &deadline);
	if (!err)
		err = poll_mask_begin(mask, set_size);
	if (err)
		return err;
	int64_t ready = poll_fds(fds, count, deadline);
	int64_t result = poll_mask_end(mask, ready == -ERESTART_RESTARTBLOCK ? -EINTR : ready);
	poll_write_timeout(timeout, false, deadline);
	return result;
}
