/*
 * Do the TSCs of all CPUs agree? Two CPUs take turns at a lock, each reading its TSC inside. If one reads less than the other read
 * before it, the clock would have gone back.
 *
 * This test decides, on virtual machines, not the processor's promise of invariance: an emulator whose TSC is sound need
 * not promise it (QEMU's does not). Without a hypervisor, no promise means no trust, because such a processor changes the rate
 * with its speed, which no test at boot sees.
 */
#include "clock_impl.h"

#include <arch/cpu.h>
#include <arch/smp.h>
#include <lib/atomic.h>
#include <log/log.h>

#define ROUNDS 100

static struct {
	uint32_t lock;    /* a: a bare one, because the checked kind would hide small differences */
	unsigned arrived; /* a */
	uint64_t last;    /* lock */
	uint64_t worst;   /* lock: TSC ticks back */
} warp;

static void one_round(void)
{
	while (atomic_swap(&warp.lock, 1))
		cpu_relax();
	uint64_t now = cpu_timestamp_ordered();
	if (now < warp.last)
		warp.worst = max(warp.worst, warp.last - now);
	warp.last = now;
	atomic_store_release(&warp.lock, 0);
}

static void take_turns(void *arg)
{
	(void)arg;
	atomic_fetch_add(&warp.arrived, 1);
	while (atomic_load(&warp.arrived) < 2)
		cpu_relax();
	for (int i = 0; i < ROUNDS; i++)
		one_round();
}

bool clock_cpus_agree(void)
{
	uint64_t worst = 0;
	unsigned self = this_cpu();
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask) & ~cpumask_of(self)) {
		warp = (__typeof__(warp)){0};
		smp_call(cpumask_of(self) | cpumask_of(cpu), take_turns, NULL);
		if (warp.worst)
			log_warn("clock", "the TSC of CPU %u or %u is %llu ticks behind the other",
			    cpu, self, (unsigned long long)warp.worst);
		worst = max(worst, warp.worst);
	}
	return !worst;
}
