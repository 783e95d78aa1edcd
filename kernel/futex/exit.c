/*
 * The end of a thread, as other threads see it in memory: mutexes that it still holds are marked, and the word that a joining thread waits for is
 * cleared. All addresses come from the program and may be anything; the list may be a circle.
 */
#include "futex_impl.h"

#include <process/process.h>

#define ROBUST_LIST_LIMIT 2048
#define LIST_IS_PI        1u

struct robust_list_head {
	uint64_t first;
	int64_t futex_offset;
	uint64_t pending;
};

/* The mutex whose owner dies: 0, or -EFAULT. */
static int bury(uaddr_t addr, uint32_t tid, bool is_pending)
{
	uint32_t value, seen;
	if (addr.va % sizeof(uint32_t) || get_user_u32(&value, addr))
		return -EFAULT;
	/* Killed between giving it back and waking the next: nobody else will. */
	if (is_pending && !value)
		return futex_wake(addr, 1, FUTEX_ANY_BIT, false) < 0 ? -EFAULT : 0;
	for (;;) {
		if ((value & FUTEX_TID_MASK) != tid)
			return 0;
		if (user_cas_u32(addr, value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &seen))
			return -EFAULT;
		if (seen == value)
			break;
		value = seen;
	}
	if (value & FUTEX_WAITERS)
		futex_wake(addr, 1, FUTEX_ANY_BIT, false);
	return 0;
}

static void walk_robust_list(uaddr_t list, uint32_t tid)
{
	struct robust_list_head head;
	if (copy_from_user(&head, list, sizeof(head)))
		return;
	uint64_t entry = head.first, pending = head.pending & ~(uint64_t)LIST_IS_PI;
	for (unsigned i = 0; i < ROBUST_LIST_LIMIT; i++) {
		uint64_t at = entry & ~(uint64_t)LIST_IS_PI;
		if (at == list.va)
			break;
		/* The next one is read first: the mutex may be reused as soon as it is marked. */
		uint64_t next;
		bool has_next = !get_user_u64(&next, (uaddr_t){at});
		if (at != pending && bury((uaddr_t){at + (uint64_t)head.futex_offset}, tid, false))
			return;
		if (!has_next)
			break;
		entry = next;
	}
	if (pending) {
		int ignored = bury((uaddr_t){pending + (uint64_t)head.futex_offset}, tid, true);
		(void)ignored;
	}
}

void futex_exit_task(struct task *task)
{
	uaddr_t list = task->robust_list, tid_at = task->clear_child_tid;
	task->robust_list = task->clear_child_tid = (uaddr_t){0};
	if (!task->process->space)
		return;
	if (!uaddr_is_null(list))
		walk_robust_list(list, task->pid->number);
	if (uaddr_is_null(tid_at) || put_user_u32(tid_at, 0))
		return;
	futex_wake(tid_at, 1, FUTEX_ANY_BIT, false);
}
