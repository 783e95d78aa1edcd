/*
 * Out of memory: who has to go. The process that holds most, shifted by oom_score_adj as Linux does (1000 is all of memory, -1000 is never), and
 * never the first one. Another is chosen only when the last victim is gone; a victim runs before others, so that this is soon.
 */
#include "process_impl.h"

#include <abi/linux/signal.h>
#include <log/log.h>
#include <mm/page_alloc.h>

#define NEVER_KILL (-1000) /* of oom_score_adj */

struct choice {
	struct process *victim; /* with a reference */
	int64_t badness;
	uint64_t total_pages;
	bool somebody_is_dying;
};

static int64_t badness_of(struct process *process, uint64_t total_pages)
{
	struct address_space *space = process_space(process, LOOK_FOR_KERNEL);
	if (!space)
		return 0;
	uint64_t pages = atomic_load(&space->resident_anon) + atomic_load(&space->resident_file) +
			 atomic_load(&space->resident_shared) + space->table.table_pages;
	address_space_put(space);
	return (int64_t)pages + process->oom_score_adj * (int64_t)total_pages / 1000;
}

static bool consider(void *ctx, struct process *process)
{
	struct choice *choice = ctx;
	if (!process->parent || atomic_load(&process->state) >= PROCESS_ZOMBIE)
		return true;
	/* Also when it has left its space: the last one who does gives back what is in it, which takes a while. */
	if (process->signals.group_exit || !atomic_load(&process->task_count)) {
		choice->somebody_is_dying = true;
		return false;
	}
	if (!process->space)
		return true;
	if (process->oom_score_adj == NEVER_KILL)
		return true;
	int64_t badness = badness_of(process, choice->total_pages);
	if (badness <= choice->badness)
		return true;
	if (choice->victim)
		process_put(choice->victim);
	process_get(process);
	choice->victim = process;
	choice->badness = badness;
	return true;
}

static uint32_t is_choosing; /* a: one at a time, or several would go where one is enough */

#define RETURNS_MAX 16u
static unsigned returns_in_a_row; /* of memory, while nobody was dying; whoever set is_choosing */

/* It runs before others, so that it is gone soon. */
static void end(struct process *victim)
{
	struct signal_info kill = signal_info_kernel(SIGKILL);
	log_warn("memory", "out of memory: killing process %u", victim->pid->number);
	signal_send_process(victim, &kill);
	process_set_priority(victim, PRIORITY_HIGH);
}

/*
 * Whoever was dying when memory ran out may be gone by now, and nobody has to go for it. Asked after nobody was seen to be dying. There may be a
 * page again and again, and yet not what is missing: then somebody has to go in the end.
 */
static bool memory_came_back(void)
{
	bool came_back = returns_in_a_row < RETURNS_MAX && vm_await_freed();
	returns_in_a_row = came_back ? returns_in_a_row + 1 : 0;
	return came_back;
}

bool process_kill_for_memory(void)
{
	if (atomic_swap(&is_choosing, 1))
		return true;
	struct page_stats stats;
	page_stats_total(&stats);
	struct choice choice = {.total_pages = stats.total};
	process_for_each(consider, &choice);
	bool freed = choice.somebody_is_dying || choice.victim;
	if (choice.somebody_is_dying)
		returns_in_a_row = 0;
	else if (choice.victim && !memory_came_back())
		end(choice.victim);
	atomic_store_release(&is_choosing, 0);
	if (choice.victim)
		process_put(choice.victim);
	return freed;
}
