/* Policies, priorities and CPUs of threads. */
#include <abi/errno.h>
#include <abi/linux/process.h>
#include <arch/smp.h>
#include <arch/user_copy.h>
#include <posixx/posixx.h>
#include <posixx/syscalls.h>
#include <posixx/time.h>
#include <process/process.h>

#define RT_MIN         1
#define RT_MAX         99
#define RR_INTERVAL_NS (SCHED_RR_TURN_MS * NSEC_PER_MSEC)

int64_t sys_sched_yield(void)
{
	sched_yield();
	return 0;
}

static bool is_real_time(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_policy(int policy)
{
	return is_real_time(policy) || policy == SCHED_OTHER || policy == SCHED_BATCH ||
	       policy == SCHED_IDLE;
}

/* By number, 0 the caller. The tree lock keeps the thread while it is held. */
static struct task *find_task_locked(int tid)
{
	assert_held(&process_tree_lock);
	rcu_read_lock();
	struct task *task = tid ? task_find_locked((uint32_t)tid) : current_task();
	rcu_read_unlock();
	return task;
}

/* With a reference, or NULL. */
static struct thread *find_thread(int tid)
{
	spin_lock(&process_tree_lock);
	const struct task *task = tid >= 0 ? find_task_locked(tid) : NULL;
	struct thread *thread = task ? task->thread : NULL;
	if (thread)
		thread_get(thread);
	spin_unlock(&process_tree_lock);
	return thread;
}

static bool may_change(int tid)
{
	const struct credentials *creds = current_credentials();
	rcu_read_lock();
	const struct task *task = tid ? task_find_locked((uint32_t)tid) : current_task();
	const struct credentials *other = task ? rcu_dereference(task->credentials) : creds;
	bool is_own = creds->euid == other->euid || creds->euid == other->uid;
	rcu_read_unlock();
	return is_own || has_power(POWER_SYS_NICE);
}

static int policy_of(const struct thread *thread, unsigned linux_policy)
{
	if (thread->policy == POLICY_FIFO)
		return SCHED_FIFO;
	if (thread->policy == POLICY_RR)
		return SCHED_RR;
	return (int)linux_policy;
}

/* Of the policies without priorities our scheduler tells SCHED_IDLE from the others. */
static int set_policy_locked(struct task *task, int policy, unsigned priority)
{
	if (is_real_time(policy))
		return thread_set_policy(
		    task->thread, policy == SCHED_FIFO ? POLICY_FIFO : POLICY_RR, priority);
	task->fair_policy = (uint8_t)policy;
	int err = thread_set_policy(task->thread, POLICY_FAIR, 0);
	if (err)
		return err;
	return thread_set_priority(task->thread,
	    policy == SCHED_IDLE ? PRIORITY_IDLE : posixx_priority_of_nice(task->process->nice));
}

static int change_policy(int tid, int policy, unsigned priority)
{
	bool reset_on_fork = policy >= 0 && policy & SCHED_RESET_ON_FORK;
	policy &= ~SCHED_RESET_ON_FORK;
	if (!is_policy(policy) ||
	    (is_real_time(policy) ? priority < RT_MIN || priority > RT_MAX : priority))
		return -EINVAL;
	if (!may_change(tid))
		return -EPERM;
	if (is_real_time(policy) && !has_power(POWER_SYS_NICE) &&
	    priority > current_limit(RLIMIT_RTPRIO))
		return -EPERM;
	if (reset_on_fork)
		return -EINVAL; /* not done: see the status page */
	int err = -ESRCH;
	spin_lock(&process_tree_lock);
	struct task *task = find_task_locked(tid);
	if (task)
		err = set_policy_locked(task, policy, priority);
	spin_unlock(&process_tree_lock);
	return err;
}

struct schedule {
	int policy;
	unsigned priority;
	int nice;
};

static int read_schedule(int pid, struct schedule *schedule)
{
	if (pid < 0)
		return -EINVAL;
	int err = -ESRCH;
	spin_lock(&process_tree_lock);
	const struct task *task = find_task_locked(pid);
	if (task) {
		err = 0;
		*schedule = (struct schedule){policy_of(task->thread, task->fair_policy),
		    task->thread->rt_priority, task->process->nice};
	}
	spin_unlock(&process_tree_lock);
	return err;
}

int64_t sys_sched_setscheduler(int pid, int policy, uaddr_t param)
{
	uint32_t priority;
	if (pid < 0 || policy < 0 || uaddr_is_null(param))
		return -EINVAL;
	if (get_user_u32(&priority, param))
		return -EFAULT;
	struct schedule schedule;
	int err = read_schedule(pid, &schedule);
	return err ? err : change_policy(pid, policy, priority);
}

int64_t sys_sched_setparam(int pid, uaddr_t param)
{
	struct schedule schedule;
	uint32_t priority;
	if (pid < 0 || uaddr_is_null(param))
		return -EINVAL;
	if (get_user_u32(&priority, param))
		return -EFAULT;
	int err = read_schedule(pid, &schedule);
	return err ? err : change_policy(pid, schedule.policy, priority);
}

int64_t sys_sched_getparam(int pid, uaddr_t param)
{
	struct schedule schedule;
	if (uaddr_is_null(param))
		return -EINVAL;
	int err = read_schedule(pid, &schedule);
	return err ? err : put_user_u32(param, schedule.priority);
}

int64_t sys_sched_getscheduler(int pid)
{
	struct schedule schedule;
	int err = read_schedule(pid, &schedule);
	return err ? err : schedule.policy;
}

/* SCHED_DEADLINE is known, though not done: it is a policy without priorities. */
static bool has_no_priorities(int policy)
{
	return policy == SCHED_DEADLINE || (is_policy(policy) && !is_real_time(policy));
}

int64_t sys_sched_get_priority_max(int policy)
{
	return is_real_time(policy) ? RT_MAX : has_no_priorities(policy) ? 0 : -EINVAL;
}

int64_t sys_sched_get_priority_min(int policy)
{
	return is_real_time(policy) ? RT_MIN : has_no_priorities(policy) ? 0 : -EINVAL;
}

/* A turn by SCHED_FIFO has no end, which is told as 0. */
int64_t sys_sched_rr_get_interval(int pid, uaddr_t interval)
{
	struct schedule schedule;
	int err = read_schedule(pid, &schedule);
	if (err)
		return err;
	struct linux_timespec time =
	    timespec_of_ns(schedule.policy == SCHED_FIFO ? 0 : RR_INTERVAL_NS);
	return copy_to_user(interval, &time, sizeof(time));
}

int64_t sys_sched_setaffinity(int pid, size_t len, uaddr_t mask_at)
{
	cpumask_t mask = 0;
	if (copy_from_user(&mask, mask_at, min(len, sizeof(mask))))
		return -EFAULT;
	struct thread *thread = find_thread(pid);
	if (!thread)
		return -ESRCH;
	int err = may_change(pid)
		      ? thread_set_affinity(thread, mask & atomic_load(&cpu_online_mask))
		      : -EPERM;
	thread_put(thread);
	return err;
}

int64_t sys_sched_getaffinity(int pid, size_t len, uaddr_t mask_at)
{
	if (len < sizeof(cpumask_t) || len % sizeof(uint64_t))
		return -EINVAL;
	struct thread *thread = find_thread(pid);
	if (!thread)
		return -ESRCH;
	cpumask_t mask = atomic_load(&thread->affinity) & atomic_load(&cpu_online_mask);
	thread_put(thread);
	return copy_to_user(mask_at, &mask, sizeof(mask)) ? -EFAULT : (int64_t)sizeof(mask);
}

struct linux_sched_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};
static_assert(sizeof(struct linux_sched_attr) == 48, "Linux's ABI, first version");

int64_t sys_sched_setattr(int pid, uaddr_t attr_at, unsigned flags)
{
	struct linux_sched_attr attr;
	if (pid < 0 || uaddr_is_null(attr_at) || flags)
		return -EINVAL;
	if (copy_from_user(&attr, attr_at, sizeof(attr)))
		return -EFAULT;
	if (attr.size && attr.size < sizeof(attr))
		return put_user_u32(attr_at, sizeof(attr)) ? -EFAULT : -E2BIG;
	if (attr.flags)
		return -EINVAL;
	struct schedule schedule;
	int err = read_schedule(pid, &schedule);
	if (!err)
		err = change_policy(pid, (int)attr.policy, attr.priority);
	if (!err && !is_real_time((int)attr.policy) && attr.nice != schedule.nice)
		err = (int)sys_setpriority(0, pid, attr.nice);
	return err;
}

int64_t sys_sched_getattr(int pid, uaddr_t attr_at, unsigned size, unsigned flags)
{
	struct schedule schedule;
	if (pid < 0 || uaddr_is_null(attr_at) || flags || size < sizeof(struct linux_sched_attr) ||
	    size > 4096)
		return -EINVAL;
	int err = read_schedule(pid, &schedule);
	if (err)
		return err;
	struct linux_sched_attr attr = {.size = sizeof(attr),
	    .policy = (uint32_t)schedule.policy,
	    .nice = is_real_time(schedule.policy) ? 0 : schedule.nice,
	    .priority = schedule.priority};
	return copy_to_user(attr_at, &attr, sizeof(attr));
}

int64_t sys_getcpu(uaddr_t cpu, uaddr_t node, uaddr_t cache)
{
	(void)cache; /* unused since Linux 2.6.24 */
	if (!uaddr_is_null(cpu) && put_user_u32(cpu, this_cpu()))
		return -EFAULT;
	return uaddr_is_null(node) ? 0 : put_user_u32(node, 0);
}

enum {
	MEMBARRIER_QUERY = 0,
	MEMBARRIER_GLOBAL = 1,
	MEMBARRIER_GLOBAL_EXPEDITED = 2,
	MEMBARRIER_REGISTER_GLOBAL_EXPEDITED = 4,
	MEMBARRIER_PRIVATE_EXPEDITED = 8,
	MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 16,
};

static void barrier_here(void *arg)
{
	(void)arg;
	atomic_fence();
}

/* Registration prepares nothing here: every CPU is asked anyway. */
int64_t sys_membarrier(int command, unsigned flags, int cpu)
{
	(void)cpu;
	if (flags)
		return -EINVAL;
	switch (command) {
	case MEMBARRIER_QUERY:
		return MEMBARRIER_GLOBAL | MEMBARRIER_GLOBAL_EXPEDITED |
		       MEMBARRIER_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_PRIVATE_EXPEDITED |
		       MEMBARRIER_REGISTER_PRIVATE_EXPEDITED;
	case MEMBARRIER_REGISTER_GLOBAL_EXPEDITED: return 0;
	case MEMBARRIER_REGISTER_PRIVATE_EXPEDITED:
		current_process()->membarrier_registered = true;
		return 0;
	case MEMBARRIER_PRIVATE_EXPEDITED:
		if (!current_process()->membarrier_registered)
			return -EPERM;
		FALLTHROUGH;
	case MEMBARRIER_GLOBAL:
	case MEMBARRIER_GLOBAL_EXPEDITED:
		smp_call(atomic_load(&cpu_online_mask), barrier_here, NULL);
		return 0;
	default: return -EINVAL;
	}
}
