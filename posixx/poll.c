/* poll(2) and select(2) with their variants. */
#include "poller.h"

#include <abi/errno.h>
#include <abi/linux/signal.h>
#include <abi/linux/structs.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <object/capability.h>
#include <posixx/syscalls.h>
#include <process/process.h>
#include <time/clock.h>
#include <wait/interruptible.h>

#define FEW_FDS      32
#define FEW_SET_BITS 256

struct fd_poll {
	struct linux_pollfd *fds;
	unsigned count;
};

static unsigned events_of_fd(int fd, struct poll_table *table)
{
	struct cap_ref ref = cap_lookup(fd, RIGHT_POLL);
	if (unlikely(!ref.object))
		return POLLNVAL;
	unsigned events = object_poll(ref.object, table);
	cap_release(ref);
	return events;
}

/* What cannot be borrowed, because others share the table or there is nothing. */
static NOINLINE unsigned events_elsewhere(const struct linux_pollfd *fd, struct poll_table *table)
{
	return fd->fd >= 0 ? events_of_fd(fd->fd, table) : 0;
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
	    timeout_ms < 0 ? NSEC_MAX : deadline_after((nsec_t)timeout_ms * NSEC_PER_MSEC));
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
		*deadline = deadline_after((nsec_t)seconds * NSEC_PER_SEC + (nsec_t)part);
	return 0;
}

/* Tells how much was left. A program that cannot be told may not be able to hear of an error either: as on Linux there is none. */
static void write_timeout(uaddr_t user_timeout, bool is_timeval, nsec_t deadline)
{
	if (uaddr_is_null(user_timeout) || deadline == NSEC_MAX)
		return;
	nsec_t now = deadline ? uptime_ns() : 0, left = deadline > now ? deadline - now : 0;
	struct linux_timespec timeout = {
	    .seconds = (int64_t)(left / NSEC_PER_SEC),
	    .nanoseconds = (int64_t)(left % NSEC_PER_SEC / (is_timeval ? NSEC_PER_USEC : 1)),
	};
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

/* After a call with a mask: what it returns. */
static int64_t end_mask(uaddr_t user_mask, int64_t result)
{
	if (!uaddr_is_null(user_mask))
		signal_mask_end(result == -EINTR);
	return result == -EINTR ? -ERESTARTNOHAND : result;
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
	int64_t result = end_mask(mask, ready == -ERESTART_RESTARTBLOCK ? -EINTR : ready);
	write_timeout(timeout, false, deadline);
	return result;
}

enum { SET_READ, SET_WRITE, SET_EXCEPT, SET_COUNT };

struct select_request {
	unsigned count, words;
	uint64_t *wanted[SET_COUNT], *found[SET_COUNT];
};

static const unsigned set_events[SET_COUNT] = {
    POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
    POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR,
    POLLPRI,
};

static int64_t scan_fd(const struct select_request *request, unsigned fd, struct poll_table *table)
{
	unsigned word = fd / 64;
	uint64_t bit = 1ull << fd % 64;
	unsigned events = events_of_fd((int)fd, table);
	int64_t ready = 0;
	if (events == POLLNVAL)
		return -EBADF;
	for (unsigned set = 0; set < SET_COUNT; set++)
		if (request->wanted[set][word] & bit && events & set_events[set]) {
			request->found[set][word] |= bit;
			ready++;
		}
	return ready;
}

static int64_t scan_sets(void *ctx, struct poll_table *table)
{
	const struct select_request *request = ctx;
	int64_t ready = 0;
	for (unsigned word = 0; word < request->words; word++) {
		uint64_t bits = 0;
		for (unsigned set = 0; set < SET_COUNT; set++) {
			bits |= request->wanted[set][word];
			request->found[set][word] = 0;
		}
		for (; bits; bits &= bits - 1) {
			unsigned fd = word * 64 + (unsigned)__builtin_ctzll(bits);
			int64_t n = scan_fd(request, fd, table);
			if (n < 0)
				return n;
			ready += n;
		}
	}
	return ready;
}

/* Bits of the last word that are beyond the count are neither asked for nor changed. */
static uint64_t valid_bits(const struct select_request *request, unsigned word)
{
	unsigned left = request->count - word * 64;
	return left >= 64 ? ~0ull : (1ull << left) - 1;
}

static int read_sets(struct select_request *request, const uaddr_t *users, uint64_t *memory)
{
	size_t size = request->words * sizeof(uint64_t);
	for (unsigned set = 0; set < SET_COUNT; set++) {
		request->wanted[set] = memory + set * request->words;
		request->found[set] = memory + (SET_COUNT + set) * request->words;
		if (uaddr_is_null(users[set]))
			memset(request->wanted[set], 0, size);
		else if (copy_from_user(request->wanted[set], users[set], size))
			return -EFAULT;
		if (request->words)
			request->wanted[set][request->words - 1] &=
			    valid_bits(request, request->words - 1);
	}
	return 0;
}

static int write_sets(const struct select_request *request, const uaddr_t *users)
{
	for (unsigned set = 0; set < SET_COUNT; set++)
		if (!uaddr_is_null(users[set]) && copy_to_user(users[set], request->found[set],
						      request->words * sizeof(uint64_t)))
			return -EFAULT;
	return 0;
}

static int64_t select_fds(int count, const uaddr_t *users, nsec_t deadline)
{
	uint64_t few[2 * SET_COUNT * FEW_SET_BITS / 64], *memory = few;
	if (count < 0)
		return -EINVAL;
	struct select_request request = {.count = min((unsigned)count, current_fd_limit())};
	request.words = (request.count + 63) / 64;
	if (request.count > FEW_SET_BITS &&
	    !(memory = kmalloc_array(2 * SET_COUNT * request.words, sizeof(uint64_t))))
		return -ENOMEM;
	int64_t ready = read_sets(&request, users, memory);
	if (!ready)
		ready = scan_sets(&request, NULL);
	if (!ready && deadline)
		ready = poll_wait_until(scan_sets, &request, deadline);
	if (ready >= 0) {
		int err = write_sets(&request, users);
		ready = err ? err : ready;
	}
	if (memory != few)
		kfree(memory);
	return ready;
}

int64_t sys_select(int count, uaddr_t read, uaddr_t write, uaddr_t except, uaddr_t timeout)
{
	nsec_t deadline;
	int err = poll_read_timeout(timeout, true, &deadline);
	if (err)
		return err;
	int64_t ready = select_fds(count, (uaddr_t[SET_COUNT]){read, write, except}, deadline);
	write_timeout(timeout, true, deadline);
	return ready == -EINTR ? -ERESTARTNOHAND : ready;
}

/* The last argument is a pair: the mask's address and its size. */
int64_t sys_pselect6(
    int count, uaddr_t read, uaddr_t write, uaddr_t except, uaddr_t timeout, uaddr_t mask_pair)
{
	uint64_t pair[2] = {0};
	nsec_t deadline;
	if (!uaddr_is_null(mask_pair) && copy_from_user(pair, mask_pair, sizeof(pair)))
		return -EFAULT;
	int err = poll_read_timeout(timeout, false, &deadline);
	uaddr_t mask = {pair[0]};
	if (!err)
		err = poll_mask_begin(mask, pair[1]);
	if (err)
		return err;
	int64_t result =
	    end_mask(mask, select_fds(count, (uaddr_t[SET_COUNT]){read, write, except}, deadline));
	write_timeout(timeout, false, deadline);
	return result;
}
