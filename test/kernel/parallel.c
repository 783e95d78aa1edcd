/* One thread on each CPU, for tests. */
#include <sched/thread.h>
#include <test/selftest.h>

struct worker {
	void (*fn)(void *arg);
	void *arg;
};

static void run_worker(void *arg)
{
	const struct worker *worker = arg;
	worker->fn(worker->arg);
}

static struct thread *create_worker(unsigned cpu, struct worker *worker)
{
	struct thread *thread = thread_create("test worker", run_worker, worker);
	CHECK(thread);
	CHECK_EQ(thread_set_affinity(thread, cpumask_of(cpu)), 0);
	return thread;
}

void selftest_on_all_cpus(void (*fn)(void *arg), void *arg)
{
	struct worker worker = {fn, arg};
	struct thread *threads[CPU_MAX] = {NULL};
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask))
		threads[cpu] = create_worker(cpu, &worker);
	for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
		if (threads[cpu])
			thread_start(threads[cpu]);
	for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
		if (!threads[cpu])
			continue;
		thread_join(threads[cpu]);
		thread_put(threads[cpu]);
	}
}
