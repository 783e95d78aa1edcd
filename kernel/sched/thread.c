/* Making threads and ending them. The life cycle is in <sched/thread.h>. */
#include "sched_impl.h"
#include <abi/errno.h>
#include <lib/fmt.h>
#include <lib/string.h>
#include <log/assert.h>
#include <mm/kernel_map.h>
#include <mm/slab.h>

/* All threads that exist, idle ones included. */
static struct spinlock list_lock = SPINLOCK_INIT("thread list", RANK_THREAD_LIST);
static struct list all_threads = LIST_INIT(all_threads); /* list_lock */
static unsigned all_count;                               /* list_lock */

static uint32_t last_id; /* atomic */
static struct slab_cache *thread_cache;

/* Threads that ended with nobody left to free them: freeing may sleep, so a thread does it. */
static struct spinlock zombies_lock = SPINLOCK_INIT("zombies", RANK_THREAD_LIST);
static struct list zombies = LIST_INIT(zombies); /* zombies_lock; by run_link */
static struct thread *reaper;

struct joiner {
	struct list link; /* the joined thread's lock */
	struct thread *thread;
};

void thread_init(struct thread *thread, const char *name)
{
	thread->state = THREAD_NEW;
	thread->priority = PRIORITY_NORMAL;
	thread->policy = POLICY_FAIR;
	thread->affinity = ~0ull;
	thread->refs = 1;
	thread->id = atomic_fetch_add(&last_id, 1) + 1;
	thread->cpu = this_cpu();
	policy_init_thread(thread);
	list_init(&thread->run_link);
	list_init(&thread->joiners);
	spin_init(&thread->lock, "thread", RANK_THREAD);
	timer_init(&thread->block_timer, block_timer_fired);
	str_copy(thread->name, sizeof(thread->name), name);

	irq_flags_t flags = spin_lock_irqsave(&list_lock);
	list_push_back(&all_threads, &thread->all_link);
	all_count++;
	spin_unlock_irqrestore(&list_lock, flags);
}

static NORETURN void thread_entry(void *arg, struct context *previous)
{
	struct thread *thread = arg;
	schedule_finish_first(previous);
	irq_enable();
	thread->entry(thread->arg);
	thread_exit(0);
}

struct thread *thread_create(const char *name, void (*entry)(void *arg), void *arg)
{
	assert_may_sleep();
	struct thread *thread = slab_alloc(thread_cache, SLAB_ZERO);
	if (!thread)
		return NULL;
	thread->stack = kernel_stack_alloc();
	if (!thread->stack)
		goto out_free_thread;

	thread->entry = entry;
	thread->arg = arg;
	thread_init(thread, name);
	context_init(&thread->context, thread->stack, KERNEL_STACK_SIZE, thread_entry, thread);
	return thread;

out_free_thread:
	slab_free(thread_cache, thread);
	return NULL;
}

void thread_inherit(struct thread *thread)
{
	preempt_disable();
	const struct thread *parent = current_thread();
	policy_inherit(
	    thread, parent, parent->burst_ticks + (cpu_timestamp() - parent->burst_start));
	preempt_enable();
}

void thread_start(struct thread *thread)
{
	assert(thread->state == THREAD_NEW);
	thread_get(thread);
	preempt_disable();
	irq_flags_t flags = irq_save();
	struct run_queue *rq = thread_lock_run_queue(thread);
	thread->state = THREAD_MOVING;
	thread->enqueued_at = cpu_timestamp();
	place_thread(rq, thread);
	irq_restore(flags);
	preempt_enable();
}

int thread_spawn(const char *name, void (*entry)(void *arg), void *arg)
{
	struct thread *thread = thread_create(name, entry, arg);
	if (!thread)
		return -ENOMEM;
	thread_start(thread);
	thread_put(thread);
	return 0;
}

static void destroy(struct thread *thread)
{
	debug_assert(thread->state == THREAD_NEW || thread->state == THREAD_TERMINATED);
	void *stack = thread->stack;
	irq_flags_t flags = spin_lock_irqsave(&list_lock);
	list_remove(&thread->all_link);
	spin_unlock_irqrestore(&list_lock, flags);

	if (stack)
		kernel_stack_free(stack);
	slab_free(thread_cache, thread);

	/* Last, so that whoever sees the count go down finds the memory free. */
	flags = spin_lock_irqsave(&list_lock);
	all_count--;
	spin_unlock_irqrestore(&list_lock, flags);
}

void thread_get(struct thread *thread)
{
	atomic_fetch_add(&thread->refs, 1);
}

void thread_put(struct thread *thread)
{
	assert_may_sleep();
	if (atomic_fetch_sub(&thread->refs, 1) == 1)
		destroy(thread);
}

void thread_exit(int code)
{
	assert_may_sleep();
	struct thread *thread = current_thread();
	assert(!thread->is_idle);
	thread->exit_code = code;
	irq_disable();
	schedule(LEAVE_EXITED);
	panic("thread %s runs after its end", thread->name);
}

/* Called by the thread that came after it on its CPU: it will never run again. Interrupts off. */
void thread_finish_exit(struct thread *thread)
{
	spin_lock(&thread->lock);
	thread->has_exited = true;
	struct list *link;
	while ((link = list_pop_front(&thread->joiners)))
		thread_wake(list_entry(link, struct joiner, link)->thread);
	spin_unlock(&thread->lock);

	if (atomic_fetch_sub(&thread->refs, 1) != 1)
		return;
	spin_lock(&zombies_lock);
	list_push_back(&zombies, &thread->run_link);
	spin_unlock(&zombies_lock);
	thread_wake(reaper);
}

static void *wait_for_exit(struct thread *thread)
{
	struct joiner joiner = {.thread = current_thread()};
	list_init(&joiner.link);
	for (;;) {
		irq_flags_t flags = spin_lock_irqsave(&thread->lock);
		if (thread->has_exited) {
			list_remove(&joiner.link);
			void *stack = thread->stack;
			thread->stack = NULL;
			spin_unlock_irqrestore(&thread->lock, flags);
			return stack;
		}
		if (list_is_empty(&joiner.link))
			list_push_back(&thread->joiners, &joiner.link);
		thread_prepare_to_block();
		spin_unlock_irqrestore(&thread->lock, flags);
		thread_block(NSEC_MAX);
	}
}

int thread_join(struct thread *thread)
{
	assert_may_sleep();
	assert(thread != current_thread());
	void *stack = wait_for_exit(thread);
	if (stack)
		kernel_stack_free(stack);
	return thread->exit_code;
}

static NORETURN void reaper_main(void *arg)
{
	(void)arg;
	for (;;) {
		thread_prepare_to_block();
		irq_flags_t flags = spin_lock_irqsave(&zombies_lock);
		struct list *link = list_pop_front(&zombies);
		spin_unlock_irqrestore(&zombies_lock, flags);
		if (!link) {
			thread_block(NSEC_MAX);
			continue;
		}
		thread_cancel_block();
		destroy(list_entry(link, struct thread, run_link));
	}
}

void thread_init_cache(void)
{
	thread_cache = slab_cache_create("thread", sizeof(struct thread), 64);
	if (!thread_cache)
		panic("no memory for the first thread");
}

void thread_init_reaper(void)
{
	reaper = thread_create("reaper", reaper_main, NULL);
	if (!reaper)
		panic("no memory for the thread that frees threads");
	thread_start(reaper);
}

void thread_for_each(void (*fn)(struct thread *thread, void *ctx), void *ctx)
{
	struct thread *thread;
	irq_flags_t flags = spin_lock_irqsave(&list_lock);
	list_for_each(thread, &all_threads, all_link)
		fn(thread, ctx);
	spin_unlock_irqrestore(&list_lock, flags);
}

unsigned thread_count(void)
{
	return atomic_load(&all_count);
}
