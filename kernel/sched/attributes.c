/*
 * Changing how and where a thread is scheduled, whatever it is doing at the moment: a waiting one is told when it wakes, a
 * queued one is taken out and entered anew, a running one is made to pass through the scheduler.
 */
#include "sched_impl.h"
#include <abi/errno.h>
#include <log/assert.h>

struct attributes {
	enum sched_policy policy;
	enum thread_priority priority;
	unsigned rt_priority;
};

static void assign(struct thread *thread, const struct attributes *attributes)
{
	thread->policy = (uint8_t)attributes->policy;
	thread->priority = (uint8_t)attributes->priority;
	thread->rt_priority = (uint8_t)attributes->rt_priority;
	thread->vruntime_of = NULL;
	thread->vruntime_rate = policy_vruntime_rate(attributes->priority);
}

static void apply(struct thread *thread, const struct attributes *attributes)
{
	preempt_disable();
	irq_flags_t flags = irq_save();
	struct run_queue *rq = thread_lock_run_queue(thread);
	bool is_queued = thread->state == THREAD_READY,
	     is_running = thread->state == THREAD_RUNNING;
	uint64_t now = cpu_timestamp();
	if (is_queued)
		run_queue_dequeue(rq, thread);
	else if (is_running && rq->current == thread && rq->cpu == this_cpu())
		policy_account(thread, now);
	assign(thread, attributes);
	if (is_queued)
		run_queue_enqueue(rq, thread, now, ENQUEUE_BACK);
	if (is_running)
		atomic_store(&rq->current_rt, thread->rt_priority);
	/* Let that CPU choose again: who is best there may have changed either way. */
	if (is_queued || (is_running && rq->ready_count))
		schedule_kick(rq->cpu);
	run_queue_unlock(rq);
	irq_restore(flags);
	preempt_enable();
}

int thread_set_policy(struct thread *thread, enum sched_policy policy, unsigned rt_priority)
{
	bool is_rt = policy == POLICY_FIFO || policy == POLICY_RR;
	if (!is_rt && policy != POLICY_FAIR)
		return -EINVAL;
	if (is_rt ? rt_priority < 1 || rt_priority > RT_PRIORITY_MAX : rt_priority != 0)
		return -EINVAL;

	enum thread_priority priority = thread->priority;
	if (is_rt)
		priority = PRIORITY_REALTIME;
	else if (priority == PRIORITY_REALTIME)
		priority = PRIORITY_NORMAL;
	apply(thread, &(struct attributes){policy, priority, rt_priority});
	return 0;
}

/* Real time is a policy, not a priority of the fair one. */
int thread_set_priority(struct thread *thread, enum thread_priority priority)
{
	if (priority >= PRIORITY_REALTIME || thread->policy != POLICY_FAIR)
		return -EINVAL;
	apply(thread, &(struct attributes){POLICY_FAIR, priority, 0});
	return 0;
}

static bool is_outside(const struct thread *thread)
{
	return thread_is_running(thread) &&
	       !(atomic_load(&thread->affinity) & cpumask_of(atomic_load(&thread->cpu)));
}

int thread_set_affinity(struct thread *thread, cpumask_t cpus)
{
	assert_may_sleep();
	if (!(cpus & atomic_load(&sched_cpus)))
		return -EINVAL;

	preempt_disable();
	irq_flags_t flags = irq_save();
	struct run_queue *rq = thread_lock_run_queue(thread);
	atomic_store(&thread->affinity, cpus);
	bool must_move = !(cpus & cpumask_of(rq->cpu));
	if (must_move && thread->state == THREAD_READY) {
		run_queue_dequeue(rq, thread);
		thread->state = THREAD_MOVING;
		place_thread(rq, thread);
	} else {
		if (must_move && thread->state == THREAD_RUNNING)
			schedule_kick(rq->cpu);
		run_queue_unlock(rq);
	}
	irq_restore(flags);
	preempt_enable();

	/* Ourselves have moved in preempt_enable; another's CPU takes the interrupt as soon as preemption is on there. */
	while (is_outside(thread))
		sched_yield();
	return 0;
}
