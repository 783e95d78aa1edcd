/* The powers of root, one by one: capget(2), capset(2), and prctl(2) for who keeps, passes on or gives up which. */
#include <abi/errno.h>
#include <posixx/syscalls.h>
#include <process/process.h>

#include "powers.h"

#define PR_GET_KEEPCAPS     7
#define PR_SET_KEEPCAPS     8
#define PR_CAPBSET_READ     23
#define PR_CAPBSET_DROP     24
#define PR_GET_SECUREBITS   27
#define PR_SET_SECUREBITS   28
#define PR_SET_NO_NEW_PRIVS 38
#define PR_GET_NO_NEW_PRIVS 39
#define PR_CAP_AMBIENT      47

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

int64_t powers_control(int option, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	const struct credentials *creds = current_credentials();
	switch (option) {
	case PR_GET_KEEPCAPS: return creds->keep_caps;
	case PR_SET_KEEPCAPS:
		if (arg2 > 1)
			return -EINVAL;
		return securebits() & SECURE_KEEP_CAPS_LOCKED ? -EPERM
							      : change_credentials(option, arg2);
	case PR_CAPBSET_READ:
		return arg2 >= CAPABILITY_COUNT ? -EINVAL
						: (int64_t)(creds->cap_bounding >> arg2 & 1);
	case PR_CAPBSET_DROP:
		return arg2 >= CAPABILITY_COUNT ? -EINVAL : change_credentials(option, arg2);
	case PR_GET_SECUREBITS: return securebits();
	case PR_SET_SECUREBITS: return set_securebits(arg2);
	case PR_CAP_AMBIENT: return change_ambient(arg2, arg3, arg4 | arg5);
	case PR_SET_NO_NEW_PRIVS:
		return arg2 != 1 || arg3 || arg4 || arg5 ? -EINVAL
							 : change_credentials(option, arg2);
	case PR_GET_NO_NEW_PRIVS:
		return arg2 || arg3 || arg4 || arg5 ? -EINVAL : creds->no_new_privs;
	default: return -EINVAL;
	}
}

/* capget, capset: three versions of the structure; the first has 32 powers only. */
#define CAP_VERSION_1 0x19980330u
#define CAP_VERSION_2 0x20071026u
#define CAP_VERSION_3 0x20080522u

struct cap_header {
	uint32_t version;
	int32_t pid;
};

struct cap_data {
	uint32_t effective, permitted, inheritable;
};

/* How many words; 0: an unknown version, and the caller is told which one we like. */
static int read_cap_header(uaddr_t at, struct cap_header *header, unsigned *words)
{
	if (copy_from_user(header, at, sizeof(*header)))
		return -EFAULT;
	*words = header->version == CAP_VERSION_1 ? 1 : 2;
	if (header->version == CAP_VERSION_1 || header->version == CAP_VERSION_2 ||
	    header->version == CAP_VERSION_3)
		return 0;
	*words = 0;
	return put_user_u32(at, CAP_VERSION_3) ? -EFAULT : -EINVAL;
}

int64_t sys_capget(uaddr_t header_at, uaddr_t data_at)
{
	struct cap_header header;
	struct cap_data data[2] = {0};
	unsigned words;
	int err = read_cap_header(header_at, &header, &words);
	/* Asking for the version is no error. */
	if (err == -EINVAL && !words && uaddr_is_null(data_at))
		return 0;
	if (err)
		return err;
	if (header.pid < 0)
		return -EINVAL;
	rcu_read_lock();
	const struct task *task =
	    header.pid ? task_find_locked((uint32_t)header.pid) : current_task();
	if (task) {
		const struct credentials *creds = rcu_dereference(task->credentials);
		for (unsigned i = 0; i < 2; i++)
			data[i] = (struct cap_data){(uint32_t)(creds->cap_effective >> 32 * i),
			    (uint32_t)(creds->cap_permitted >> 32 * i),
			    (uint32_t)(creds->cap_inheritable >> 32 * i)};
	}
	rcu_read_unlock();
	if (!task)
		return -ESRCH;
	return uaddr_is_null(data_at) ? 0 : copy_to_user(data_at, data, words * sizeof(data[0]));
}

int64_t sys_capset(uaddr_t header_at, uaddr_t data_at)
{
	struct cap_header header;
	struct cap_data data[2] = {0};
	unsigned words;
	int err = read_cap_header(header_at, &header, &words);
	if (err)
		return err;
	if (header.pid && (uint32_t)header.pid != current_task()->pid->number)
		return -EPERM;
	if (copy_from_user(data, data_at, words * sizeof(data[0])))
		return -EFAULT;
	uint64_t known = (1ull << CAPABILITY_COUNT) - 1;
	uint64_t effective = (data[0].effective | (uint64_t)data[1].effective << 32) & known;
	uint64_t permitted = (data[0].permitted | (uint64_t)data[1].permitted << 32) & known;
	uint64_t inheritable = (data[0].inheritable | (uint64_t)data[1].inheritable << 32) & known;

	const struct credentials *old = current_credentials();
	if (!has_power(POWER_SETPCAP) && inheritable & ~(old->cap_inheritable | old->cap_permitted))
		return -EPERM;
	if (inheritable & ~(old->cap_inheritable | old->cap_bounding) ||
	    permitted & ~old->cap_permitted || effective & ~permitted)
		return -EPERM;
	struct credentials *new = credentials_copy(old, old->group_count);
	if (!new)
		return -ENOMEM;
	new->cap_effective = effective;
	new->cap_permitted = permitted;
	new->cap_inheritable = inheritable;
	new->cap_ambient &= permitted &inheritable;
	credentials_commit(new);
	return 0;
}
