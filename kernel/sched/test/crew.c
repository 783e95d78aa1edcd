#include "crew.h"
#include "sched_impl.h"

#include <test/selftest.h>
#include <time/clock.h>

static void member_main(void *arg)
{
	struct crew_member *member = arg;
	member->crew->work(member);
}

struct crew_member *crew_add(struct crew *crew, const char *name, cpumask_t affinity)
{
	CHECK(crew->size < CREW_MAX);
	struct crew_member *member = &crew->members[crew->size];
	*member = (struct crew_member){.crew = crew, .number = crew->size};
	member->thread = thread_create(name, member_main, member);
	CHECK(member->thread != NULL);
	CHECK_EQ(thread_set_affinity(member->thread, affinity), 0);
	crew->size++;
	return member;
}

void crew_start(struct crew *crew)
{
	for (unsigned i = 0; i < crew->size; i++)
		thread_start(crew->members[i].thread);
}

void crew_finish(struct crew *crew)
{
	atomic_store(&crew->stop, true);
	for (unsigned i = 0; i < crew->size; i++) {
		thread_join(crew->members[i].thread);
		thread_put(crew->members[i].thread);
	}
	crew->size = 0;
}

bool crew_should_stop(const struct crew *crew)
{
	return atomic_load(&crew->stop);
}

/* Longer than one round of any loop, shorter than a turn of another thread. */
#define GAP_NS (200 * NSEC_PER_USEC)

uint64_t crew_own_ticks(struct crew_member *member)
{
	uint64_t now = cpu_timestamp(), ticks = now - member->last_seen;
	member->last_seen = now;
	return ticks > ns_to_tsc(GAP_NS) ? 0 : ticks;
}

/* A window begins: what the scheduler charges members, whatever the host took of it, is told from here. */
static void begin_window(struct crew *crew)
{
	for (unsigned i = 0; i < crew->size; i++) {
		struct crew_member *member = &crew->members[i];
		member->run_before = atomic_load(&member->thread->run_ticks);
	}
}

uint64_t crew_scheduled_us(const struct crew_member *member)
{
	uint64_t ticks = atomic_load(&member->thread->run_ticks) - member->run_before;
	return tsc_to_ns(ticks) / NSEC_PER_USEC;
}

void crew_spin(struct crew_member *member)
{
	while (!crew_should_stop(member->crew)) {
		atomic_fetch_or(&member->cpus_seen, cpumask_of(this_cpu()));
		atomic_store(&member->count, member->count + 1);
		cpu_relax();
	}
}

cpumask_t crew_cpus_from_now(struct crew_member *member, uint64_t duration_ns)
{
	/* A round may have begun before now, and note a CPU that it has left since. */
	uint64_t count = atomic_load(&member->count);
	while (atomic_load(&member->count) < count + 2)
		thread_sleep(100 * NSEC_PER_USEC);
	atomic_store(&member->cpus_seen, 0);
	thread_sleep(duration_ns);
	return atomic_load(&member->cpus_seen);
}

void compute_for(uint64_t duration_ns)
{
	uint64_t wanted = ns_to_tsc(duration_ns), gap = ns_to_tsc(GAP_NS);
	uint64_t last = cpu_timestamp();
	for (uint64_t done = 0; done < wanted;) {
		uint64_t now = cpu_timestamp();
		if (now - last < gap)
			done += now - last;
		last = now;
	}
}

void stay_on(unsigned cpu)
{
	CHECK_EQ(thread_set_affinity(current_thread(), cpumask_of(cpu)), 0);
	CHECK_EQ(this_cpu(), cpu);
}

void stay_anywhere(void)
{
	CHECK_EQ(thread_set_affinity(current_thread(), ~0ull), 0);
}

unsigned last_cpu(void)
{
	return 63 - (unsigned)__builtin_clzll(atomic_load(&sched_cpus));
}

void require_cpus(unsigned count)
{
	if ((unsigned)__builtin_popcountll(atomic_load(&sched_cpus)) < count)
		selftest_skip("needs more CPUs");
}

bool comes_true(bool (*check)(struct crew *crew), struct crew *crew, nsec_t window)
{
	nsec_t deadline = uptime_ns() + PATIENCE_NS;
	do {
		begin_window(crew);
		thread_sleep(window);
		if (check(crew))
			return true;
	} while (uptime_ns() < deadline);
	return false;
}

bool comes_true_in_time(bool (*check)(struct crew *crew), struct crew *crew, nsec_t window)
{
	for (nsec_t end = uptime_ns() + PATIENCE_NS; uptime_ns() < end; window *= 2) {
		begin_window(crew);
		thread_sleep(window);
		if (check(crew))
			return true;
	}
	return false;
}
