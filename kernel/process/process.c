/* Making and unmaking the structures of processes and threads, finding them, and what other modules ask of the current one. */
#include "process_impl.h"

#include <abi/linux/process.h>
#include <arch/user.h>
#include <lib/string.h>
#include <log/assert.h>
#include <mm/slab.h>
#include <time/clock.h>

struct spinlock process_tree_lock = SPINLOCK_INIT("process tree", RANK_PROCESS_TREE);

/* What kernel threads act with, and the first process begins with. */
static struct credentials root_credentials = {
    .refs = 1,
    .cap_permitted = (1ull << CAPABILITY_COUNT) - 1,
    .cap_effective = (1ull << CAPABILITY_COUNT) - 1,
    .cap_bounding = (1ull << CAPABILITY_COUNT) - 1,
};

struct process *process_create(void)
{
	struct process *process = kzalloc(sizeof(*process));
	if (!process)
		return NULL;
	process->refs = 1;
	list_init(&process->children);
	list_init(&process->sibling);
	list_init(&process->tasks);
	list_init(&process->parked);
	list_init(&process->group_link);
	list_init(&process->session_link);
	wait_queue_init(&process->child_exit);
	wait_queue_init(&process->task_exit);
	signal_state_init(process);
	process->start_ns = uptime_ns();
	process->dumpable = 1;
	process->core_filter = CORE_DEFAULT;
	return process;
}

static void free_process_memory(struct rcu_head *head)
{
	kfree(container_of(head, struct process, rcu));
}

/* Whatever it still holds: after an exit there is little, after a failed clone there may be all. */
void process_free(struct process *process)
{
	if (unlikely(process->keyrings)) /* it was never born */
		keys_exit_process(process);
	if (process->capabilities)
		cap_table_put(process->capabilities);
	if (process->files_context)
		file_context_put(process->files_context);
	if (process->space)
		address_space_put(process->space);
	if (process->handlers)
		signal_handlers_put(process->handlers);
	if (process->executable)
		executable_put(process->executable);
	signal_state_destroy(&process->signals);
	/* Its numbers are taken for as long as anybody can ask it for them. */
	struct pid *const pids[] = {process->pid, process->group, process->session};
	for (size_t i = 0; i < ARRAY_LEN(pids); i++)
		if (pids[i])
			pid_put(pids[i]);
	rcu_call(&process->rcu, free_process_memory);
}

void process_get(struct process *process)
{
	atomic_fetch_add(&process->refs, 1);
}

void process_put(struct process *process)
{
	if (atomic_fetch_sub(&process->refs, 1) == 1)
		process_free(process);
}

/* Where every thread of a process begins: user_start_registers are filled. */
static void task_entry(void *arg)
{
	struct task *task = arg;
	if (!uaddr_is_null(task->set_child_tid)) {
		/* A bad address is the program's problem: clone has long returned. */
		int ignored = put_user_u32(task->set_child_tid, task->pid->number);
		(void)ignored;
	}
	user_enter();
}

struct task *task_create(struct process *process, const char *name)
{
	struct task *task = kzalloc(sizeof(*task));
	if (!task)
		return NULL;
	task->thread = thread_create(name, task_entry, task);
	task->pid = pid_create();
	if (!task->thread || !task->pid) {
		task_free(task);
		return NULL;
	}
	task->process = process;
	task->timer_slack_ns = task->timer_slack_default_ns = TIMER_SLACK_DEFAULT_NS;
	task->thread->task = task;
	task->thread->capabilities = process->capabilities;
	list_init(&task->link);
	signal_queue_init(&task->pending);
	return task;
}

static void free_task_memory(struct rcu_head *head)
{
	kfree(container_of(head, struct task, rcu));
}

/* Of a task that has never run, or whose thread is on its last steps. */
void task_free(struct task *task)
{
	task_release_vfork(task);
	if (task->thread) {
		if (task->thread->user && task->thread != current_thread())
			user_state_destroy(task->thread->user);
		thread_put(task->thread);
	}
	if (task->pid)
		pid_put(task->pid);
	if (task->credentials)
		credentials_put(task->credentials);
	rcu_call(&task->rcu, free_task_memory);
}

void process_set_priority(struct process *process, enum thread_priority priority)
{
	struct task *task;
	spin_lock(&process_tree_lock);
	list_for_each(task, &process->tasks, link) {
		/* Real-time threads refuse. */
		int ignored = thread_set_priority(task->thread, priority);
		(void)ignored;
	}
	spin_unlock(&process_tree_lock);
}

static void limits_init(struct rlimit_pair *limits)
{
	/* Linux's defaults for a login on a machine of some GiB. */
	for (unsigned i = 0; i < RLIMIT_COUNT; i++)
		limits[i] = (struct rlimit_pair){RLIM_INFINITY, RLIM_INFINITY};
	limits[RLIMIT_STACK].current = 8 * MiB;
	limits[RLIMIT_CORE].current = 0;
	limits[RLIMIT_NOFILE] = (struct rlimit_pair){1024, 1 << 20};
	/* One user leaves the others something. */
	limits[RLIMIT_NPROC].current = limits[RLIMIT_NPROC].maximum = process_thread_limit() / 2;
	limits[RLIMIT_MEMLOCK] = (struct rlimit_pair){8 * MiB, 8 * MiB};
	limits[RLIMIT_SIGPENDING] = (struct rlimit_pair){16384, 16384};
	limits[RLIMIT_MSGQUEUE] = (struct rlimit_pair){819200, 819200};
	limits[RLIMIT_NICE] = limits[RLIMIT_RTPRIO] = (struct rlimit_pair){0, 0};
}

int process_create_first(void (*entry)(void *arg), void *arg)
{
	struct process *process = process_create();
	if (!process)
		return -ENOMEM;
	process->capabilities = cap_table_create();
	process->files_context = file_context_create();
	process->handlers = signal_handlers_create();
	struct task *task = task_create(process, "init");
	if (!process->capabilities || !process->files_context || !process->handlers || !task) {
		if (task)
			task_free(task);
		process_free(process);
		return -ENOMEM;
	}
	pid_init();
	io_signal_init();
	limits_init(process->limits);
	process->pid = pid_get(task->pid);
	process->pid->process = process;
	process->task_count = 1;
	task->pid->task = task;
	task->credentials = credentials_get(&root_credentials);
	spin_lock(&process_tree_lock);
	signal_task_joins_locked(task);
	group_join_locked(process, process->pid);
	session_join_locked(process, process->pid);
	spin_unlock(&process_tree_lock);

	/* It begins in the kernel: entry loads the program and ends with user_enter. */
	task->thread->entry = entry;
	task->thread->arg = arg;
	thread_start(task->thread);
	return 0;
}

struct process *process_find(uint32_t number)
{
	rcu_read_lock();
	struct pid *pid = pid_find(number);
	struct process *process = pid ? rcu_dereference(pid->process) : NULL;
	uint32_t refs = process ? atomic_load(&process->refs) : 0;
	while (refs && !atomic_cas(&process->refs, &refs, refs + 1))
		;
	rcu_read_unlock();
	return refs ? process : NULL;
}

struct task *task_find_locked(uint32_t tid)
{
	struct pid *pid = pid_find(tid);
	return pid ? rcu_dereference(pid->task) : NULL;
}

void process_for_each(bool (*fn)(void *ctx, struct process *process), void *ctx)
{
	bool go_on = true;
	for (uint32_t pid = process_next_pid(0); pid && go_on; pid = process_next_pid(pid)) {
		struct process *process = process_find(pid);
		if (!process)
			continue;
		go_on = fn(ctx, process);
		process_put(process);
	}
}

uint64_t process_limit(const struct process *process, unsigned resource)
{
	return atomic_load(&process->limits[resource].current);
}

/* Hooks of lower modules. */

unsigned current_fd_limit(void)
{
	return (unsigned)min(process_limit(current_process(), RLIMIT_NOFILE), (uint64_t)1 << 20);
}

bool current_may_exceed_objects(void)
{
	return has_power(POWER_SYS_ADMIN);
}

int unshare_capabilities(void)
{
	struct process *process = current_process();
	struct cap_table *old = process->capabilities;
	spin_lock(&process_tree_lock);
	uint32_t own = atomic_load(&process->task_count);
	bool is_shared = atomic_load(&old->refs) != own;
	spin_unlock(&process_tree_lock);
	if (!is_shared)
		return 0;
	/* All threads of a process have one table: they cannot part with it behind each other's back. */
	struct cap_table *table = own == 1 ? cap_table_clone(old) : NULL;
	if (!table)
		return -ENOMEM;
	process_replace(&process->capabilities, table);
	current_thread()->capabilities = table;
	cap_table_put(old);
	return 0;
}

int process_unshare_handlers(void)
{
	struct process *process = current_process();
	if (atomic_load(&process->handlers->refs) == 1)
		return 0;
	struct signal_handlers *handlers = signal_handlers_clone(process->handlers);
	if (!handlers)
		return -ENOMEM;
	/* Senders to us look at them under the one lock, those who tell us of a child under the other. */
	struct signal_handlers *old = process->handlers;
	spin_lock(&process_tree_lock);
	irq_flags_t flags = spin_lock_irqsave(&process->signals.lock);
	process->handlers = handlers;
	spin_unlock_irqrestore(&process->signals.lock, flags);
	spin_unlock(&process_tree_lock);
	signal_handlers_put(old);
	return 0;
}

struct file_context *current_file_context(void)
{
	return current_process()->files_context;
}

struct address_space *current_address_space(void)
{
	struct task *task = current_thread()->task;
	return task ? task->process->space : NULL;
}

uint64_t current_limit(unsigned resource)
{
	return process_limit(current_process(), resource);
}

const struct credentials *current_credentials(void)
{
	struct task *task = current_thread()->task;
	return task ? task->credentials : &root_credentials;
}

void credentials_commit(struct credentials *creds)
{
	struct task *task = current_task();
	struct credentials *old = task->credentials;
	/* Whoever could not signal it before shall not do so by dying. */
	if (creds->euid != old->euid || creds->egid != old->egid || creds->fsuid != old->fsuid ||
	    creds->fsgid != old->fsgid)
		task->pdeath_signal = 0;
	rcu_assign(task->credentials, creds);
	credentials_put(old);
}

void sched_switch_user(struct thread *prev, struct thread *next)
{
	user_switch(prev, next);
	if (next->task) {
		usage_begin_samples();
		address_space_switch(next->task->process->space);
	}
}
