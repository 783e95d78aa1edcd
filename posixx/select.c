/* select(2) and its variants. */
#include "poller.h"

#include <abi/errno.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <posixx/syscalls.h>
#include <wait/interruptible.h>

#define FEW_SET_BITS 256

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
	unsigned events = poll_events_of_fd((int)fd, table);
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
	poll_write_timeout(timeout, true, deadline);
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
	int64_t result = poll_mask_end(
	    mask, select_fds(count, (uaddr_t[SET_COUNT]){read, write, except}, deadline));
	poll_write_timeout(timeout, false, deadline);
	return result;
}
