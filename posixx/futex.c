/* futex(2). The work is in kernel/futex. */
#include <abi/errno.h>
#include <abi/linux/process.h>
#include <futex/futex.h>
#include <mm/slab.h>
#include <posixx/syscalls.h>
#include <posixx/time.h>
#include <process/process.h>

enum {
	FUTEX_WAIT,
	FUTEX_WAKE,
	FUTEX_FD,
	FUTEX_REQUEUE,
	FUTEX_CMP_REQUEUE,
	FUTEX_WAKE_OP,
	FUTEX_WAIT_BITSET = 9,
	FUTEX_WAKE_BITSET,
};
#define FUTEX_PRIVATE        128
#define FUTEX_CLOCK_REALTIME 256

static int64_t wait_again(struct task *task);

static int64_t wait(uaddr_t addr, uint32_t value, uint32_t bitset, bool is_private, nsec_t deadline)
{
	int err = futex_wait(addr, value, bitset, is_private, deadline);
	if (err != -EINTR)
		return err;
	if (deadline == NSEC_MAX)
		return -ERESTARTSYS;
	/* The same call again would begin its timeout anew. */
	struct task *task = current_task();
	task->restart.fn = wait_again;
	task->restart.deadline_ns = deadline;
	task->restart.address = addr;
	task->restart.value = value;
	task->restart.bitset = bitset;
	task->restart.is_private = is_private;
	return -ERESTART_RESTARTBLOCK;
}

static int64_t wait_again(struct task *task)
{
	return wait(task->restart.address, task->restart.value, task->restart.bitset,
	    task->restart.is_private, task->restart.deadline_ns);
}

static int read_deadline(int op, uaddr_t timeout, nsec_t *deadline)
{
	*deadline = NSEC_MAX;
	if (uaddr_is_null(timeout))
		return 0;
	nsec_t time;
	int err = read_timespec(timeout, &time);
	if (err)
		return err;
	if ((op & ~(FUTEX_PRIVATE | FUTEX_CLOCK_REALTIME)) == FUTEX_WAIT)
		*deadline = deadline_after(time);
	else
		*deadline = op & FUTEX_CLOCK_REALTIME ? deadline_of_wall(time) : time;
	return 0;
}

/* For these the timeout argument is a count. */
static int64_t requeue(uaddr_t from, uaddr_t to, unsigned wake, uaddr_t count, bool is_private,
    bool compare, uint32_t expected)
{
	if ((int)wake < 0 || (int)count.va < 0)
		return -EINVAL;
	struct futex_requeue request = {.from = from,
	    .to = to,
	    .wake = wake,
	    .requeue = (unsigned)count.va,
	    .compare = compare,
	    .is_private = is_private,
	    .expected = expected};
	return futex_requeue(&request);
}

/* At least one is woken, whatever the count: so it is on Linux. */
static unsigned wake_count(unsigned value)
{
	return (int)value < 1 ? 1 : value;
}

/* All but FUTEX_WAKE. */
static NOINLINE int64_t run_command(
    uaddr_t addr, int op, unsigned value, uaddr_t timeout, uaddr_t addr2, unsigned value3)
{
	bool is_private = op & FUTEX_PRIVATE;
	int command = op & ~(FUTEX_PRIVATE | FUTEX_CLOCK_REALTIME);
	nsec_t deadline;
	if (op & FUTEX_CLOCK_REALTIME && command != FUTEX_WAIT_BITSET)
		return -ENOSYS;
	switch (command) {
	case FUTEX_WAIT: value3 = FUTEX_ANY_BIT; FALLTHROUGH;
	case FUTEX_WAIT_BITSET: {
		int err = read_deadline(op, timeout, &deadline);
		if (err)
			return err;
		return value3 ? wait(addr, value, value3, is_private, deadline) : -EINVAL;
	}
	case FUTEX_WAKE_BITSET:
		return value3 ? futex_wake(addr, wake_count(value), value3, is_private) : -EINVAL;
	case FUTEX_REQUEUE: return requeue(addr, addr2, value, timeout, is_private, false, 0);
	case FUTEX_CMP_REQUEUE:
		return requeue(addr, addr2, value, timeout, is_private, true, value3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(addr, addr2, wake_count(value),
		    wake_count((unsigned)timeout.va), value3, is_private);
	default: return -ENOSYS; /* those with priority inheritance */
	}
}

int64_t sys_futex(
    uaddr_t addr, int op, unsigned value, uaddr_t timeout, uaddr_t addr2, unsigned value3)
{
	if (likely((op & ~FUTEX_PRIVATE) == FUTEX_WAKE))
		return futex_wake(addr, wake_count(value), FUTEX_ANY_BIT, op & FUTEX_PRIVATE);
	return run_command(addr, op, value, timeout, addr2, value3);
}

struct linux_futex_waiter {
	uint64_t value, addr;
	uint32_t flags, reserved;
};

#define FUTEX_SIZE_U32 2u

static int read_wanted(struct futex_wanted *wanted, uaddr_t from, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct linux_futex_waiter waiter;
		if (copy_from_user(&waiter, uaddr_add(from, i * sizeof(waiter)), sizeof(waiter)))
			return -EFAULT;
		if ((waiter.flags & ~(uint32_t)FUTEX_PRIVATE) != FUTEX_SIZE_U32 ||
		    waiter.reserved || waiter.value > UINT32_MAX)
			return -EINVAL;
		wanted[i] = (struct futex_wanted){.addr = {waiter.addr},
		    .expected = (uint32_t)waiter.value,
		    .is_private = waiter.flags & FUTEX_PRIVATE};
	}
	return 0;
}

/* The timeout is a point in time. */
int64_t sys_futex_waitv(uaddr_t waiters, unsigned count, unsigned flags, uaddr_t timeout, int clock)
{
	nsec_t deadline = NSEC_MAX, time;
	if (flags || !count || count > FUTEX_WANTED_MAX || uaddr_is_null(waiters))
		return -EINVAL;
	if (!uaddr_is_null(timeout)) {
		if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
			return -EINVAL;
		int err = read_timespec(timeout, &time);
		if (err)
			return err;
		deadline = clock == CLOCK_REALTIME ? deadline_of_wall(time) : time;
	}
	struct futex_wanted *wanted = kmalloc_array(count, sizeof(*wanted));
	if (!wanted)
		return -ENOMEM;
	int64_t result = read_wanted(wanted, waiters, count);
	if (!result)
		result = futex_wait_any(wanted, count, deadline);
	kfree(wanted);
	return result == -EINTR ? -ERESTARTSYS : result;
}
