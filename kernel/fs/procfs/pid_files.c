/* The smaller files of a process. */
#include "procfs_impl.h"

#include <abi/errno.h>
#include <abi/linux/process.h>
#include <lib/string.h>
#include <mm/slab.h>

#define STRINGS_MAX (1 * MiB) /* of arguments and environment that are shown */

int proc_may_not_look(struct process *process)
{
	struct address_space *space = process_space(process, LOOK_FOR_KERNEL);
	if (space)
		address_space_put(space);
	return space && !process_may_look(process, LOOK_BY_FS_IDS) ? -EACCES : 0;
}

/* A part of the process's memory. */
static void show_range(
    struct proc_text *text, struct address_space *space, uintptr_t at, uintptr_t end)
{
	char chunk[256];
	end = min(end, at + STRINGS_MAX);
	while (at < end) {
		int64_t n = vm_access(space, at, chunk, min(end - at, sizeof(chunk)), false);
		if (n <= 0)
			break;
		proc_append(text, chunk, (size_t)n);
		at += (size_t)n;
	}
}

/*
 * Programs that name what they are doing write it over their arguments, and on over the environment behind them. They are known by what then
 * stands where the last argument's NUL was: what they wrote is one string, and ends where it ends.
 */
static bool has_title(struct address_space *space)
{
	char last;
	return space->arg_end > space->arg_start &&
	       vm_access(space, space->arg_end - 1, &last, 1, false) == 1 && last;
}

int show_cmdline(struct proc_text *text, const struct proc_subject *subject)
{
	struct address_space *space = process_space(subject->process, LOOK_FOR_KERNEL);
	if (!space)
		return 0;
	uintptr_t start = space->arg_start, end = space->arg_end;
	if (has_title(space)) {
		if (space->env_start == end)
			end = max(end, space->env_end);
		show_range(text, space, start, min(end, start + PAGE_SIZE));
		size_t len = strnlen(text->buf, text->len);
		text->len = min(text->len, len + 1);
	} else {
		show_range(text, space, start, end);
	}
	address_space_put(space);
	return 0;
}

int show_environ(struct proc_text *text, const struct proc_subject *subject)
{
	struct address_space *space = process_space(subject->process, LOOK_BY_FS_IDS);
	if (!space)
		return proc_may_not_look(subject->process);
	show_range(text, space, space->env_start, space->env_end);
	address_space_put(space);
	return 0;
}

int show_auxv(struct proc_text *text, const struct proc_subject *subject)
{
	struct address_space *space = process_space(subject->process, LOOK_BY_FS_IDS);
	if (!space)
		return proc_may_not_look(subject->process);
	const struct start_words *words = atomic_load_acquire(&space->start_words);
	if (words)
		proc_append(text, (const char *)words->words, words->count * sizeof(uint64_t));
	address_space_put(space);
	return 0;
}

int show_personality(struct proc_text *text, const struct proc_subject *subject)
{
	if (!process_may_look(subject->process, LOOK_BY_FS_IDS))
		return -EACCES;
	proc_print(text, "%08x\n", atomic_load(&subject->process->personality));
	return 0;
}

int show_comm(struct proc_text *text, const struct proc_subject *subject)
{
	struct task_look look;
	if (!proc_look_at_task(subject->process, subject->tid, &look))
		return -ESRCH;
	proc_print(text, "%s\n", look.name);
	return 0;
}

/* Threads of one process may name each other. */
int write_comm(const struct proc_subject *subject, char *text)
{
	struct process *process = subject->process;
	struct task *task;
	if (process != current_process())
		return -EINVAL;
	spin_lock(&process_tree_lock);
	list_for_each(task, &process->tasks, link)
		if (!subject->tid || task->pid->number == subject->tid) {
			str_copy(task->thread->name, THREAD_NAME_MAX, text);
			break;
		}
	spin_unlock(&process_tree_lock);
	return 0;
}

struct limit_row {
	const char *name, *unit;
};

static const struct limit_row limit_rows[RLIMIT_COUNT] = {
    [RLIMIT_CPU] = {"Max cpu time", "seconds"},
    [RLIMIT_FSIZE] = {"Max file size", "bytes"},
    [RLIMIT_DATA] = {"Max data size", "bytes"},
    [RLIMIT_STACK] = {"Max stack size", "bytes"},
    [RLIMIT_CORE] = {"Max core file size", "bytes"},
    [RLIMIT_RSS] = {"Max resident set", "bytes"},
    [RLIMIT_NPROC] = {"Max processes", "processes"},
    [RLIMIT_NOFILE] = {"Max open files", "files"},
    [RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
    [RLIMIT_AS] = {"Max address space", "bytes"},
    [RLIMIT_LOCKS] = {"Max file locks", "locks"},
    [RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
    [RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
    [RLIMIT_NICE] = {"Max nice priority", ""},
    [RLIMIT_RTPRIO] = {"Max realtime priority", ""},
    [RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
};

static void show_limit(struct proc_text *text, uint64_t value)
{
	if (value == UINT64_MAX)
		proc_print(text, "%-20s ", "unlimited");
	else
		proc_print(text, "%-20lu ", value);
}

int show_limits(struct proc_text *text, const struct proc_subject *subject)
{
	proc_print(text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (unsigned i = 0; i < RLIMIT_COUNT; i++) {
		const struct rlimit_pair *limit = &subject->process->limits[i];
		proc_print(text, "%-25s ", limit_rows[i].name);
		show_limit(text, atomic_load(&limit->current));
		show_limit(text, atomic_load(&limit->maximum));
		proc_print(text, "%-10s\n", limit_rows[i].unit);
	}
	return 0;
}

#define ADJUST_MAX 1000 /* of oom_score_adj */

int show_oom_score_adj(struct proc_text *text, const struct proc_subject *subject)
{
	proc_print(text, "%d\n", subject->process->oom_score_adj);
	return 0;
}

int write_oom_score_adj(const struct proc_subject *subject, char *text)
{
	struct process *process = subject->process;
	bool is_negative = *text == '-';
	uint64_t number;
	if (!str_to_u64(text + is_negative, 10, &number) || number > ADJUST_MAX)
		return -EINVAL;
	int value = is_negative ? -(int)number : (int)number;
	/* To become safer than it was made is a privilege. */
	if (value < process->oom_score_adj && !has_power(POWER_SYS_RESOURCE))
		return -EACCES;
	process->oom_score_adj = (int16_t)value;
	return 0;
}

int show_core_filter(struct proc_text *text, const struct proc_subject *subject)
{
	proc_print(text, "%08x\n", atomic_load(&subject->process->core_filter));
	return 0;
}

/* In the notation of C; bits that mean nothing are dropped. */
int write_core_filter(const struct proc_subject *subject, char *text)
{
	uint64_t kinds;
	bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	unsigned base = is_hex ? 16 : text[0] == '0' && text[1] ? 8 : 10;
	if (!str_to_u64(text + (is_hex ? 2 : 0), base, &kinds) || kinds > UINT32_MAX)
		return -EINVAL;
	atomic_store(&subject->process->core_filter, (uint32_t)kinds & CORE_KINDS);
	return 0;
}

int show_make_it_fail(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	proc_print(text, "%u\n", current_task()->fail_interval);
	return 0;
}

/* As Linux's fault injection, but that the number is how many allocations there are to one that fails. */
int write_make_it_fail(const struct proc_subject *subject, char *text)
{
	uint64_t number;
	if (!str_to_u64(text, 10, &number) || number > UINT32_MAX)
		return -EINVAL;
	if (subject->process != current_process() || !has_power(POWER_SYS_RESOURCE))
		return -EPERM;
	process_make_fail((uint32_t)number);
	return 0;
}

/* How much of memory it has, in thousandths, and its adjustment. */
int show_oom_score(struct proc_text *text, const struct proc_subject *subject)
{
	struct process *process = subject->process;
	struct address_space *space = process_space(process, LOOK_FOR_KERNEL);
	struct page_stats stats;
	page_stats_total(&stats);
	int64_t score = process->oom_score_adj;
	if (space) {
		uint64_t pages = atomic_load(&space->resident_anon) +
				 atomic_load(&space->resident_file) +
				 atomic_load(&space->resident_shared);
		score += (int64_t)(pages * 1000 / max(stats.total, 1ul));
		address_space_put(space);
	}
	proc_print(text, "%ld\n", max(score, 0l));
	return 0;
}

/* Of the thread, or of the first one. */
static int with_timer_slack(
    const struct proc_subject *subject, const uint64_t *fresh, uint64_t *slack)
{
	struct task *task;
	int err = -ESRCH;
	spin_lock(&process_tree_lock);
	list_for_each(task, &subject->process->tasks, link) {
		if (subject->tid && task->pid->number != subject->tid)
			continue;
		if (fresh)
			atomic_store(
			    &task->timer_slack_ns, *fresh ? *fresh : task->timer_slack_default_ns);
		*slack = atomic_load(&task->timer_slack_ns);
		err = 0;
		break;
	}
	spin_unlock(&process_tree_lock);
	return err;
}

int show_timer_slack(struct proc_text *text, const struct proc_subject *subject)
{
	uint64_t slack;
	int err = with_timer_slack(subject, NULL, &slack);
	if (!err)
		proc_print(text, "%lu\n", slack);
	return err;
}

int write_timer_slack(const struct proc_subject *subject, char *text)
{
	uint64_t fresh, slack;
	if (!str_to_u64(text, 10, &fresh))
		return -EINVAL;
	if (subject->process != current_process() && !has_power(POWER_SYS_NICE))
		return -EPERM;
	return with_timer_slack(subject, &fresh, &slack);
}
