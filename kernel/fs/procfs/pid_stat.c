/* /proc/PID/stat, statm and status: what a process and its threads are doing. */
#include "procfs_impl.h"

#include <abi/errno.h>
#include <abi/linux/process.h>
#include <abi/linux/signal.h>
#include <lib/string.h>
#include <tty/tty.h>

#define NS_PER_TICK 10000000ull

uint64_t ticks_of_ns(uint64_t ns)
{
	return ns / NS_PER_TICK;
}

static char state_of_thread(const struct thread *thread)
{
	switch (atomic_load(&thread->state)) {
	case THREAD_BLOCKED: return 'S';
	case THREAD_TERMINATED: return 'X';
	default: return 'R';
	}
}

/* Tree lock held. */
static void fill_look(struct task_look *look, struct task *task)
{
	const struct thread *thread = task->thread;
	*look = (struct task_look){
	    .tid = task->pid->number,
	    .state = state_of_thread(thread),
	    .usage = task_usage(task),
	    .pending = task->pending.pending,
	    .blocked = task->blocked,
	    .cpu = atomic_load(&thread->cpu),
	    .cpus = thread->affinity,
	    .policy = thread->policy == POLICY_FAIR   ? task->fair_policy
		      : thread->policy == POLICY_FIFO ? 1u
						      : 2u,
	    .rt_priority = thread->rt_priority,
	};
	str_copy(look->name, sizeof(look->name), thread->name);
}

bool proc_look_at_task(struct process *process, uint32_t tid, struct task_look *look)
{
	struct task *task;
	bool found = false;
	spin_lock(&process_tree_lock);
	list_for_each(task, &process->tasks, link)
		if (!found && (!tid || task->pid->number == tid)) {
			fill_look(look, task);
			found = true;
		}
	spin_unlock(&process_tree_lock);
	return found;
}

uint32_t proc_next_tid(struct process *process, uint32_t tid)
{
	const struct task *task;
	uint32_t next = 0;
	spin_lock(&process_tree_lock);
	list_for_each(task, &process->tasks, link) {
		uint32_t number = task->pid->number;
		if (number > tid && (!next || number < next))
			next = number;
	}
	spin_unlock(&process_tree_lock);
	return next;
}

char proc_state(const struct process *process, const struct task_look *look)
{
	switch (atomic_load(&process->state)) {
	case PROCESS_STOPPED: return 'T';
	case PROCESS_ZOMBIE: return 'Z';
	case PROCESS_DEAD: return 'X';
	default: return look->state;
	}
}

/* The process in numbers that are read under locks. */
struct process_look {
	struct task_look task;
	struct process_usage usage;
	uint32_t parent, group, session, threads, descriptors;
	uint64_t tty_number;
	int foreground;
	uint64_t shared_pending, ignored, caught;
	struct credentials *credentials; /* with a reference; NULL: it is gone */
};

static void look_at_relatives(struct process *process, struct process_look *look)
{
	spin_lock(&process_tree_lock);
	if (process->state != PROCESS_DEAD) {
		look->parent = process->parent ? process->parent->pid->number : 0;
		look->group = process->group->number;
		look->session = process->session->number;
	}
	look->threads = atomic_load(&process->task_count);
	if (process->capabilities)
		look->descriptors = cap_table_size(process->capabilities);
	if (!list_is_empty(&process->tasks)) {
		const struct task *task = list_first(&process->tasks, struct task, link);
		look->credentials = task_credentials_get(task);
	}
	spin_unlock(&process_tree_lock);
}

static void look_at_signals(struct process *process, struct process_look *look)
{
	irq_flags_t flags = spin_lock_irqsave(&process->signals.lock);
	look->shared_pending = process->signals.shared.pending;
	const struct signal_handlers *handlers = process->handlers;
	for (int i = 0; handlers && i < SIGNAL_COUNT; i++) {
		uintptr_t handler = handlers->actions[i].handler.va;
		if (handler == SIG_IGN)
			look->ignored |= 1ull << i;
		else if (handler != SIG_DFL)
			look->caught |= 1ull << i;
	}
	spin_unlock_irqrestore(&process->signals.lock, flags);
}

static void look_at(const struct proc_subject *subject, struct process_look *look)
{
	struct process *process = subject->process;
	memset(look, 0, sizeof(*look));
	if (!proc_look_at_task(process, subject->tid, &look->task)) {
		look->task.tid = process->pid->number;
		spin_lock(&process_tree_lock);
		str_copy(look->task.name, sizeof(look->task.name), process->exit_name);
		spin_unlock(&process_tree_lock);
	}
	look->usage = process_usage(process);
	look_at_relatives(process, look);
	look_at_signals(process, look);
	tty_of_process(process, &look->tty_number, &look->foreground);
}

static void look_end(struct process_look *look)
{
	if (look->credentials)
		credentials_put(look->credentials);
}

/* Sizes of a space, all 0 without one. */
struct space_look {
	uint64_t virtual_pages, anonymous, file, shared, peak, data, stack, locked, tables;
	uintptr_t code_start, code_end, data_start, data_end, brk_start, brk_end, stack_top;
	uintptr_t arg_start, arg_end, env_start, env_end;
};

static void look_at_space(struct process *process, struct space_look *look)
{
	memset(look, 0, sizeof(*look));
	struct address_space *space = process_space(process, LOOK_FOR_KERNEL);
	if (!space)
		return;
	rwlock_read_lock(&space->lock);
	*look = (struct space_look){
	    .virtual_pages = space->mapped_pages,
	    .anonymous = atomic_load(&space->resident_anon),
	    .file = atomic_load(&space->resident_file),
	    .shared = atomic_load(&space->resident_shared),
	    .data = space->data_pages,
	    .stack = space->stack_pages,
	    .locked = space->locked_pages,
	    .tables = atomic_load(&space->table.table_pages),
	    .code_start = space->code_start,
	    .code_end = space->code_end,
	    .data_start = space->data_start,
	    .data_end = space->data_end,
	    .brk_start = space->brk_start,
	    .brk_end = space->brk_end,
	    .stack_top = space->stack_top,
	    .arg_start = space->arg_start,
	    .arg_end = space->arg_end,
	    .env_start = space->env_start,
	    .env_end = space->env_end,
	};
	look->peak = address_space_peak(space);
	rwlock_read_unlock(&space->lock);
	address_space_put(space);
}

static uint64_t resident(const struct space_look *space)
{
	return space->anonymous + space->file + space->shared;
}

/* Linux's priorities: 20 + nice, or below zero for real time. */
static int priority_of(const struct process *process, const struct task_look *task)
{
	return task->rt_priority ? -1 - (int)task->rt_priority : 20 + process->nice;
}

/* They would help whoever attacks the process. 1: there is code. */
static void hide_addresses(struct space_look *space)
{
	space->code_start = space->code_end = space->code_end ? 1 : 0;
	space->data_start = space->data_end = space->brk_start = space->stack_top = 0;
	space->arg_start = space->arg_end = space->env_start = space->env_end = 0;
}

int show_stat(struct proc_text *text, const struct proc_subject *subject)
{
	struct process *process = subject->process;
	struct process_look look;
	struct space_look space;
	look_at(subject, &look);
	look_at_space(process, &space);
	bool is_open = process_may_look(process, LOOK_BY_FS_IDS);
	bool tells_status = is_open || (atomic_load(&process->state) >= PROCESS_ZOMBIE &&
					   process->exit_uid == current_credentials()->fsuid);
	if (!is_open)
		hide_addresses(&space);
	const struct process_usage *usage = subject->tid ? &look.task.usage : &look.usage;
	proc_print(text, "%u (%s) %c %u %u %u %d %d 0 ", look.task.tid, look.task.name,
	    proc_state(process, &look.task), look.parent, look.group, look.session,
	    (int)look.tty_number, look.foreground);
	proc_print(text, "%lu %lu %lu %lu %lu %lu %lu %lu ", usage->minor_faults,
	    process->reaped.minor_faults, usage->major_faults, process->reaped.major_faults,
	    ticks_of_ns(usage->time.user_ns), ticks_of_ns(usage->time.system_ns),
	    ticks_of_ns(process->reaped.time.user_ns), ticks_of_ns(process->reaped.time.system_ns));
	proc_print(text, "%d %d %u 0 %lu %lu %lu %lu ", priority_of(process, &look.task),
	    process->nice, look.threads, ticks_of_ns(process->start_ns),
	    (uint64_t)(space.virtual_pages * PAGE_SIZE), resident(&space),
	    process_limit(process, RLIMIT_RSS));
	proc_print(text, "%lu %lu %lu 0 0 %lu %lu %lu %lu 0 0 0 ", space.code_start, space.code_end,
	    space.stack_top, look.task.pending & INT32_MAX, look.task.blocked & INT32_MAX,
	    look.ignored & INT32_MAX, look.caught & INT32_MAX);
	proc_print(text, "%d %u %u %u 0 0 0 %lu %lu %lu %lu %lu %lu %lu %d\n", process->exit_signal,
	    look.task.cpu, look.task.rt_priority, look.task.policy, space.data_start,
	    space.data_end, space.brk_start, space.arg_start, space.arg_end, space.env_start,
	    space.env_end, tells_status ? process->exit_status : 0);
	look_end(&look);
	return 0;
}

int show_statm(struct proc_text *text, const struct proc_subject *subject)
{
	struct space_look space;
	look_at_space(subject->process, &space);
	proc_print(text, "%lu %lu %lu %lu 0 %lu 0\n", space.virtual_pages, resident(&space),
	    space.file + space.shared,
	    (uint64_t)((ALIGN_UP(space.code_end, PAGE_SIZE) -
			   ALIGN_DOWN(space.code_start, PAGE_SIZE)) /
		       PAGE_SIZE),
	    space.data + space.stack);
	return 0;
}

static const char *state_name(char state)
{
	switch (state) {
	case 'R': return "R (running)";
	case 'S': return "S (sleeping)";
	case 'T': return "T (stopped)";
	case 'Z': return "Z (zombie)";
	default: return "X (dead)";
	}
}

static void show_credentials(struct proc_text *text, const struct credentials *creds)
{
	proc_print(text, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", creds->uid, creds->euid,
	    creds->suid, creds->fsuid, creds->gid, creds->egid, creds->sgid, creds->fsgid);
}

/* There is one space of numbers. */
static void show_groups(
    struct proc_text *text, const struct process *process, const struct process_look *look)
{
	const struct credentials *creds = look->credentials;
	proc_print(text, "FDSize:\t%u\nGroups:\t", look->descriptors);
	for (size_t i = 0; creds && i < creds->group_count; i++)
		proc_print(text, i ? " %u" : "%u", creds->groups[i]);
	proc_print(text, " \nNStgid:\t%u\nNSpid:\t%u\nNSpgid:\t%u\nNSsid:\t%u\nKthread:\t0\n",
	    process->pid->number, look->task.tid, look->group, look->session);
}

static void show_memory(struct proc_text *text, struct process *process)
{
	struct space_look space;
	look_at_space(process, &space);
	const uint64_t kib = PAGE_SIZE / KiB;
	proc_print(text, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t%8u kB\n",
	    space.virtual_pages * kib, space.virtual_pages * kib, space.locked * kib, 0u);
	proc_print(
	    text, "VmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\n", space.peak * kib, resident(&space) * kib);
	proc_print(text,
	    "RssAnon:\t%8lu kB\nRssFile:\t%8lu kB\nRssShmem:\t%8lu kB\nVmData:\t%8lu kB\nVmStk:\t%8lu kB\n",
	    space.anonymous * kib, space.file * kib, space.shared * kib, space.data * kib,
	    space.stack * kib);
	proc_print(text, "VmExe:\t%8lu kB\nVmLib:\t%8u kB\nVmPTE:\t%8lu kB\nVmSwap:\t%8u kB\n",
	    (uint64_t)((space.code_end - space.code_start) / KiB), 0u, space.tables * kib, 0u);
	proc_print(text, "HugetlbPages:\t%8u kB\nCoreDumping:\t%d\nTHP_enabled:\t1\n", 0u,
	    atomic_load(&process->is_dumping));
}

static void show_signals(
    struct proc_text *text, const struct process *process, const struct process_look *look)
{
	proc_print(text, "SigQ:\t%u/%lu\nSigPnd:\t%016lx\nShdPnd:\t%016lx\n",
	    process->signals.queued, process_limit(process, RLIMIT_SIGPENDING), look->task.pending,
	    look->shared_pending);
	proc_print(text, "SigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n", look->task.blocked,
	    look->ignored, look->caught);
}

static void show_powers(struct proc_text *text, const struct credentials *creds)
{
	proc_print(text, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\n",
	    creds->cap_inheritable, creds->cap_permitted, creds->cap_effective);
	proc_print(text, "CapBnd:\t%016lx\nCapAmb:\t%016lx\nNoNewPrivs:\t%d\n", creds->cap_bounding,
	    creds->cap_ambient, creds->no_new_privs);
}

/* Where it may run, and where its memory may lie. */
static void show_places(struct proc_text *text, cpumask_t cpus)
{
	const uint64_t nodes = node_count < 64 ? (1ull << node_count) - 1 : ~0ull;
	cpus &= atomic_load(&cpu_online_mask);
	proc_print(text, "Cpus_allowed:\t");
	proc_print_bits(text, cpus, online_cpus());
	proc_print(text, "\nCpus_allowed_list:\t");
	proc_print_list(text, cpus);
	proc_print(text, "\nMems_allowed:\t");
	proc_print_bits(text, nodes, 64);
	proc_print(text, "\nMems_allowed_list:\t");
	proc_print_list(text, nodes);
	proc_print(text, "\n");
}

int show_status(struct proc_text *text, const struct proc_subject *subject)
{
	struct process *process = subject->process;
	struct process_look look;
	look_at(subject, &look);
	struct file_context *context = process_file_context(process, LOOK_FOR_KERNEL);
	proc_print(text, "Name:\t%s\n", look.task.name);
	if (context) {
		proc_print(text, "Umask:\t%04o\n", atomic_load(&context->umask));
		file_context_put(context);
	}
	proc_print(text, "State:\t%s\nTgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\nTracerPid:\t0\n",
	    state_name(proc_state(process, &look.task)), process->pid->number, look.task.tid,
	    look.parent);
	if (look.credentials)
		show_credentials(text, look.credentials);
	show_groups(text, process, &look);
	if (look.threads)
		show_memory(text, process);
	proc_print(text, "Threads:\t%u\n", look.threads);
	show_signals(text, process, &look);
	if (look.credentials)
		show_powers(text, look.credentials);
	proc_print(text, "Seccomp:\t0\nSeccomp_filters:\t0\n");
	show_places(text, look.task.cpus);
	proc_print(text, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
	    look.task.usage.voluntary_switches, look.task.usage.involuntary_switches);
	look_end(&look);
	return 0;
}
