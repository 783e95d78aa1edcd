/* prctl(2): the odds and ends of a process and of a thread. */
#include <abi/errno.h>
#include <arch/user.h>
#include <lib/string.h>
#include <posixx/syscalls.h>
#include <process/process.h>

#include "powers.h"

#define PR_SET_PDEATHSIG       1
#define PR_GET_PDEATHSIG       2
#define PR_GET_DUMPABLE        3
#define PR_SET_DUMPABLE        4
#define PR_GET_TIMING          13
#define PR_SET_TIMING          14
#define PR_SET_NAME            15
#define PR_GET_NAME            16
#define PR_GET_TSC             25
#define PR_SET_TSC             26
#define PR_SET_TIMERSLACK      29
#define PR_GET_TIMERSLACK      30
#define PR_SET_CHILD_SUBREAPER 36
#define PR_GET_CHILD_SUBREAPER 37
#define PR_GET_TID_ADDRESS     40
#define PR_GET_SPECULATION     52
#define PR_SET_SPECULATION     53

#define PR_TSC_ENABLE  1
#define PR_TSC_SIGSEGV 2

static int64_t set_thread_name(uint64_t arg)
{
	char name[THREAD_NAME_MAX] = {0};
	int64_t len = strncpy_from_user(name, (uaddr_t){arg}, sizeof(name) - 1);
	if (len == -EFAULT)
		return len;
	str_copy(current_thread()->name, THREAD_NAME_MAX, name);
	return 0;
}

int64_t sys_prctl(int option, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	struct process *process = current_process();
	struct task *task = current_task();
	uaddr_t out = {arg2};
	switch (option) {
	case PR_SET_PDEATHSIG:
		if (arg2 > SIGNAL_COUNT)
			return -EINVAL;
		task->pdeath_signal = (int)arg2;
		return 0;
	case PR_GET_PDEATHSIG: return put_user_u32(out, (uint32_t)task->pdeath_signal);
	case PR_GET_DUMPABLE: return process->dumpable;
	case PR_SET_DUMPABLE:
		if (arg2 > 1)
			return -EINVAL;
		process->dumpable = (uint32_t)arg2;
		return 0;
	case PR_GET_TIMING:
		return 0; /* PR_TIMING_STATISTICAL: there is no other, on Linux neither */
	case PR_SET_TIMING: return arg2 ? -EINVAL : 0;
	case PR_SET_NAME: return set_thread_name(arg2);
	case PR_GET_NAME: return copy_to_user(out, current_thread()->name, THREAD_NAME_MAX);
	case PR_GET_TSC:
		return put_user_u32(
		    out, user_may_read_timestamp() ? PR_TSC_ENABLE : PR_TSC_SIGSEGV);
	case PR_SET_TSC:
		if (arg2 != PR_TSC_ENABLE && arg2 != PR_TSC_SIGSEGV)
			return -EINVAL;
		user_allow_timestamp(arg2 == PR_TSC_ENABLE);
		return 0;
	case PR_GET_TIMERSLACK: return (int64_t)task->timer_slack_ns;
	case PR_SET_TIMERSLACK:
		task->timer_slack_ns =
		    arg2 && arg2 <= INT64_MAX ? arg2 : task->timer_slack_default_ns;
		return 0;
	case PR_SET_CHILD_SUBREAPER: process->is_subreaper = arg2; return 0;
	case PR_GET_CHILD_SUBREAPER: return put_user_u32(out, process->is_subreaper);
	case PR_GET_SPECULATION: return arg3 || arg4 || arg5 ? -EINVAL : -ENODEV;
	case PR_SET_SPECULATION:
		return arg4 || arg5 ? -EINVAL : -ENODEV; /* nothing to be controlled */
	case PR_GET_TID_ADDRESS: return put_user_u64(out, task->clear_child_tid.va);
	default: return powers_control(option, arg2, arg3, arg4, arg5);
	}
}
