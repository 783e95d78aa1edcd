/* prctl(2): the odds and ends of a process and of a thread. */
#include <abi/errno.h>
#include <arch/user.h>
#include <lib/string.h>
#include <posixx/syscalls.h>
#include <process/process.h>

#define PR_SET_PDEATHSIG       1
#define PR_GET_PDEATHSIG       2
#define PR_GET_DUMPABLE        3
#define PR_SET_DUMPABLE        4
#define PR_GET_KEEPCAPS        7
#define PR_SET_KEEPCAPS        8
#define PR_GET_TIMING          13
#define PR_SET_TIMING          14
#define PR_SET_NAME            15
#define PR_GET_NAME            16
#define PR_CAPBSET_READ        23
#define PR_CAPBSET_DROP        24
#define PR_GET_TSC             25
#define PR_SET_TSC             26
#define PR_GET_SECUREBITS      27
#define PR_SET_SECUREBITS      28
#define PR_SET_TIMERSLACK      29
#define PR_GET_TIMERSLACK      30
#define PR_SET_CHILD_SUBREAPER 36
#define PR_GET_CHILD_SUBREAPER 37
#define PR_SET_NO_NEW_PRIVS    38
#define PR_GET_NO_NEW_PRIVS    39
#define PR_GET_TID_ADDRESS     40
#define PR_CAP_AMBIENT         47
#define PR_GET_SPECULATION     52
#define PR_SET_SPECULATION     53

#define PR_TSC_ENABLE  1
#define PR_TSC_SIGSEGV 2

/* PR_CAP_AMBIENT's own. */
enum { AMBIENT_IS_SET = 1, AMBIENT_RAISE, AMBIENT_LOWER, AMBIENT_CLEAR_ALL };

/* Securebits: each is followed by the one that locks it. */
#define SECURE_KEEP_CAPS        (1u << 4)
#define SECURE_KEEP_CAPS_LOCKED (1u << 5)
#define SECURE_NO_AMBIENT       (1u << 6)
#define SECURE_BITS             0x55u
#define SECURE_LOCKS            0xaau

static int64_t change_credentials(int option, uint64_t arg)
{
	const struct credentials *old = current_credentials();
	if (option == PR_CAPBSET_DROP && !has_power(POWER_SETPCAP))
		return -EPERM;
	struct credentials *creds = credentials_copy(old, old->group_count);
	if (!creds)
		return -ENOMEM;
	if (option == PR_SET_KEEPCAPS)
		creds->keep_caps = arg;
	else if (option == PR_SET_SECUREBITS) {
		creds->securebits = (uint32_t)arg & ~SECURE_KEEP_CAPS;
		creds->keep_caps = arg & SECURE_KEEP_CAPS;
	} else if (option == PR_CAP_AMBIENT)
		creds->cap_ambient = arg;
	else if (option == PR_SET_NO_NEW_PRIVS)
		creds->no_new_privs = true;
	else
		creds->cap_bounding &= ~(1ull << arg);
	credentials_commit(creds);
	return 0;
}

static uint32_t securebits(void)
{
	const struct credentials *creds = current_credentials();
	return creds->securebits | (creds->keep_caps ? SECURE_KEEP_CAPS : 0);
}

/* What is locked stays as it is, and stays locked. */
static int64_t set_securebits(uint64_t bits)
{
	uint32_t old = securebits(), locked = (old & SECURE_LOCKS) >> 1;
	if (bits & ~(uint64_t)(SECURE_BITS | SECURE_LOCKS) || locked & (old ^ bits) ||
	    old & SECURE_LOCKS & ~bits || !has_power(POWER_SETPCAP))
		return -EPERM;
	return change_credentials(PR_SET_SECUREBITS, bits);
}

/* Powers that outlive execve without being root. */
static int64_t change_ambient(uint64_t what, uint64_t power, uint64_t rest)
{
	const struct credentials *creds = current_credentials();
	if (what == AMBIENT_CLEAR_ALL)
		return power || rest ? -EINVAL : change_credentials(PR_CAP_AMBIENT, 0);
	if (rest || power >= CAPABILITY_COUNT)
		return -EINVAL;
	uint64_t bit = 1ull << power;
	switch (what) {
	case AMBIENT_IS_SET: return !!(creds->cap_ambient & bit);
	case AMBIENT_LOWER: return change_credentials(PR_CAP_AMBIENT, creds->cap_ambient & ~bit);
	case AMBIENT_RAISE:
		if (!(creds->cap_permitted & creds->cap_inheritable & bit) ||
		    creds->securebits & SECURE_NO_AMBIENT)
			return -EPERM;
		return change_credentials(PR_CAP_AMBIENT, creds->cap_ambient | bit);
	default: return -EINVAL;
	}
}

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
	case PR_GET_KEEPCAPS: return current_credentials()->keep_caps;
	case PR_SET_KEEPCAPS:
		if (arg2 > 1)
			return -EINVAL;
		return securebits() & SECURE_KEEP_CAPS_LOCKED ? -EPERM
							      : change_credentials(option, arg2);
	case PR_SET_NAME: return set_thread_name(arg2);
	case PR_GET_NAME: return copy_to_user(out, current_thread()->name, THREAD_NAME_MAX);
	case PR_CAPBSET_READ:
		return arg2 >= CAPABILITY_COUNT
			   ? -EINVAL
			   : (int64_t)(current_credentials()->cap_bounding >> arg2 & 1);
	case PR_CAPBSET_DROP:
		return arg2 >= CAPABILITY_COUNT ? -EINVAL : change_credentials(option, arg2);
	case PR_GET_TSC:
		return put_user_u32(
		    out, user_may_read_timestamp() ? PR_TSC_ENABLE : PR_TSC_SIGSEGV);
	case PR_SET_TSC:
		if (arg2 != PR_TSC_ENABLE && arg2 != PR_TSC_SIGSEGV)
			return -EINVAL;
		user_allow_timestamp(arg2 == PR_TSC_ENABLE);
		return 0;
	case PR_GET_SECUREBITS: return securebits();
	case PR_SET_SECUREBITS: return set_securebits(arg2);
	case PR_CAP_AMBIENT: return change_ambient(arg2, arg3, arg4 | arg5);
	case PR_GET_TIMERSLACK: return (int64_t)task->timer_slack_ns;
	case PR_SET_TIMERSLACK:
		task->timer_slack_ns =
		    arg2 && arg2 <= INT64_MAX ? arg2 : task->timer_slack_default_ns;
		return 0;
	case PR_SET_CHILD_SUBREAPER: process->is_subreaper = arg2; return 0;
	case PR_GET_CHILD_SUBREAPER: return put_user_u32(out, process->is_subreaper);
	case PR_SET_NO_NEW_PRIVS:
		return arg2 != 1 || arg3 || arg4 || arg5 ? -EINVAL
							 : change_credentials(option, arg2);
	case PR_GET_NO_NEW_PRIVS:
		return arg2 || arg3 || arg4 || arg5 ? -EINVAL : current_credentials()->no_new_privs;
	case PR_GET_SPECULATION: return arg3 || arg4 || arg5 ? -EINVAL : -ENODEV;
	case PR_SET_SPECULATION:
		return arg4 || arg5 ? -EINVAL : -ENODEV; /* nothing to be controlled */
	case PR_GET_TID_ADDRESS: return put_user_u64(out, task->clear_child_tid.va);
	default: return -EINVAL;
	}
}
