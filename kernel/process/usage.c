/*
 * What processes and threads have used. The scheduler knows exactly how long a thread has run. How much of that was in the kernel nobody
 * measures, since a system call costs no more than two clock readings would: a timer looks each 10 ms at what it interrupts, on CPUs that run
 * user threads only, and the exact time is told in the proportion of what was seen. docs/decisions/0025-cpu-time-by-samples.md says why.
 */
#include "process_impl.h"

#include <abi/linux/process.h>
#include <abi/linux/signal.h>
#include <arch/cpu.h>
#include <arch/user.h>
#include <sched/load.h>
#include <time/clock.h>

#define SAMPLE_PERIOD (10 * NSEC_PER_MSEC)
#define UNSAMPLED_MAX (10 * SAMPLE_PERIOD)

struct sampler {
	struct timer timer;
	bool is_on;                            /* c */
	uint64_t user_samples, system_samples; /* a; c to write */
};

static PER_CPU(struct sampler, sampler);

uint64_t task_cpu_ns(const struct task *task)
{
	const struct thread *thread = task->thread;
	uint64_t ticks = atomic_load(&thread->run_ticks);
	if (thread_is_running(thread)) {
		/* It may stop just now; then this is off by the time since. */
		uint64_t since = atomic_load(&thread->burst_start), now = cpu_timestamp();
		ticks += now > since ? now - since : 0;
	}
	return tsc_to_ns(ticks);
}

void usage_add_task(struct usage_counts *counts, const struct task *task)
{
	const struct thread *thread = task->thread;
	uint64_t blocks = atomic_load(&thread->blocks), switches = atomic_load(&thread->switches);
	counts->cpu_ns += task_cpu_ns(task);
	counts->user_samples += atomic_load(&task->user_samples);
	counts->system_samples += atomic_load(&task->system_samples);
	counts->minor_faults += atomic_load(&thread->minor_faults);
	counts->voluntary_switches += blocks;
	/* Every time it came, but the first, it had left: to wait, or because others came before it. */
	counts->involuntary_switches += switches > blocks + 1 ? switches - blocks - 1 : 0;
}

/* Times that were told never go back, whatever the samples say meanwhile. */
static void split_time(struct cpu_split *split, const struct usage_counts *counts)
{
	uint64_t total = counts->cpu_ns;
	if (split->user_ns + split->system_ns >= total)
		return;
	uint64_t samples = counts->user_samples + counts->system_samples;
	uint64_t system = samples ? total / samples * counts->system_samples : 0;
	system = min(max(system, split->system_ns), total - split->user_ns);
	*split = (struct cpu_split){total - system, system};
}

/* How a processor's time was divided when it was last told, and how busy it had been by then. */
struct cpu_account {
	uint64_t busy_ns, user_samples, system_samples;
	struct cpu_split told;
};

/*
 * What came since the last time is split by the samples that came since, so that time long past has no part in it; what came without a sample waits
 * for one, unless none comes: then only the kernel was at work.
 */
static void split_since(struct cpu_account *account, const struct sampler *its, uint64_t busy_ns)
{
	uint64_t fresh = busy_ns > account->busy_ns ? busy_ns - account->busy_ns : 0;
	uint64_t user = atomic_load(&its->user_samples) - account->user_samples;
	uint64_t system = atomic_load(&its->system_samples) - account->system_samples;
	if (!user && !system && fresh < UNSAMPLED_MAX)
		return;
	uint64_t system_ns = user ? fresh / (user + system) * system : fresh;
	account->told.system_ns += system_ns;
	account->told.user_ns += fresh - system_ns;
	account->busy_ns += fresh;
	account->user_samples += user;
	account->system_samples += system;
}

struct cpu_split cpu_usage(unsigned cpu, uint64_t busy_ns)
{
	static struct cpu_account accounts[CPU_MAX];
	static struct spinlock lock = SPINLOCK_INIT("time of processors", RANK_NONE);
	spin_lock(&lock);
	split_since(&accounts[cpu], per_cpu_ptr(sampler, cpu), busy_ns);
	struct cpu_split split = accounts[cpu].told;
	spin_unlock(&lock);
	return split;
}

static struct process_usage tell(struct cpu_split *split, const struct usage_counts *counts)
{
	split_time(split, counts);
	return (struct process_usage){
	    .time = *split,
	    .minor_faults = counts->minor_faults,
	    .voluntary_switches = counts->voluntary_switches,
	    .involuntary_switches = counts->involuntary_switches,
	};
}

struct process_usage process_usage_locked(struct process *process)
{
	struct usage_counts counts = process->gone;
	const struct task *task;
	list_for_each(task, &process->tasks, link)
		usage_add_task(&counts, task);
	struct process_usage usage = tell(&process->split, &counts);
	usage.peak_resident = process->peak_resident;
	return usage;
}

struct process_usage process_usage(struct process *process)
{
	irq_flags_t flags = spin_lock_irqsave(&process->signals.lock);
	struct process_usage usage = process_usage_locked(process);
	spin_unlock_irqrestore(&process->signals.lock, flags);
	if (process == current_process() && process->space)
		usage.peak_resident = max(usage.peak_resident, address_space_peak(process->space));
	return usage;
}

uint64_t process_cpu_ns(struct process *process)
{
	struct process_usage usage = process_usage(process);
	return usage.time.user_ns + usage.time.system_ns;
}

struct process_usage task_usage(struct task *task)
{
	struct usage_counts counts = {0};
	struct spinlock *lock = &task->process->signals.lock;
	irq_flags_t flags = spin_lock_irqsave(lock);
	usage_add_task(&counts, task);
	struct process_usage usage = tell(&task->split, &counts);
	spin_unlock_irqrestore(lock, flags);
	return usage;
}

void usage_add(struct process_usage *to, const struct process_usage *from)
{
	to->time.user_ns += from->time.user_ns;
	to->time.system_ns += from->time.system_ns;
	to->minor_faults += from->minor_faults;
	to->major_faults += from->major_faults;
	to->voluntary_switches += from->voluntary_switches;
	to->involuntary_switches += from->involuntary_switches;
	to->peak_resident = max(to->peak_resident, from->peak_resident);
}

/* RLIMIT_CPU: from the soft limit on a signal every second, at the hard limit the end. */
static void check_cpu_limit(struct process *process)
{
	const struct rlimit_pair *limit = &process->limits[RLIMIT_CPU];
	uint64_t soft = atomic_load(&limit->current), hard = atomic_load(&limit->maximum);
	if (soft == RLIM_INFINITY && hard == RLIM_INFINITY)
		return;
	bool is_told = true;
	irq_flags_t flags = spin_lock_irqsave(&process->signals.lock);
	struct process_usage usage = process_usage_locked(process);
	uint64_t seconds = (usage.time.user_ns + usage.time.system_ns) / NSEC_PER_SEC;
	if (seconds >= hard) {
		signal_begin_group_exit_locked(process, SIGKILL);
	} else if (seconds >= soft && seconds > process->cpu_limit_told) {
		process->cpu_limit_told = seconds;
		is_told = false;
	}
	spin_unlock_irqrestore(&process->signals.lock, flags);
	if (!is_told) {
		process->cpu_limit_message.info = signal_info_kernel(SIGXCPU);
		signal_send_message(process, &process->cpu_limit_message);
	}
}

static void count_sample(uint64_t *samples)
{
	atomic_store(samples, *samples + 1);
}

/* Interrupt context. */
static void take_sample(struct timer *timer)
{
	struct task *task = current_thread()->task;
	if (!task) {
		this_cpu_write(sampler.is_on, false);
		return;
	}
	bool is_user = this_cpu_read(interrupted_user);
	struct sampler *own = this_cpu_ptr(sampler);
	count_sample(is_user ? &task->user_samples : &task->system_samples);
	count_sample(is_user ? &own->user_samples : &own->system_samples);
	check_cpu_limit(task->process);
	nsec_t now = uptime_ns();
	load_note(now, false);
	timer_arm(timer, now + SAMPLE_PERIOD);
}

void usage_begin_samples(void)
{
	if (likely(this_cpu_read(sampler.is_on)))
		return;
	struct sampler *own = this_cpu_ptr(sampler);
	own->is_on = true;
	timer_init(&own->timer, take_sample);
	nsec_t now = uptime_ns();
	load_note(now, true);
	timer_arm(&own->timer, now + SAMPLE_PERIOD);
}
