/*
 * Magazines: stacks of free objects. Every CPU has two per cache, the loaded one and the previous one, which is entirely full or
 * entirely empty. Exchanging the two lets a CPU wander around the edge of a magazine without touching anything shared;
 * when neither helps, a magazine is exchanged with the cache's depot, and when that has none, a batch of objects
 * with the slabs.
 *
 * A magazine is an object of a cache of its own, which has no magazines. When none can be had, objects go to and come from
 * the slabs one by one: freeing never fails.
 */
#include "slab_impl.h"

#include <arch/smp.h>
#include <lib/atomic.h>
#include <log/assert.h>

PER_CPU(slab_cpus_t, slab_cpus);

/* The CPU's two. Preemption is off. */

static struct magazine *loaded(const struct slab_cpu *cpu)
{
	return cpu->objects ? container_of(cpu->objects, struct magazine, objects) : NULL;
}

static void load(
    const struct slab_cache *cache, struct slab_cpu *cpu, struct magazine *magazine, uint32_t count)
{
	cpu->objects = magazine ? magazine->objects : NULL;
	cpu->capacity = magazine ? cache->rounds : 0;
	cpu->count = count;
}

static void load_previous(const struct slab_cache *cache, struct slab_cpu *cpu)
{
	struct magazine *magazine = loaded(cpu);
	uint32_t count = cpu->count;
	load(cache, cpu, cpu->previous, cpu->previous_count);
	cpu->previous = magazine;
	cpu->previous_count = count;
}

/* The depot. */

static void depot_push(struct magazine **stack, struct magazine *magazine)
{
	magazine->next = *stack;
	*stack = magazine;
}

static struct magazine *depot_pop(struct magazine **stack)
{
	struct magazine *magazine = *stack;
	if (magazine)
		*stack = magazine->next;
	return magazine;
}

/* Both of the CPU's magazines are empty: gets a full one for one of them. */
static bool depot_load_full(struct slab_cache *cache, struct slab_cpu *cpu)
{
	if (!atomic_load(&cache->full_magazine_count))
		return false;
	spin_lock(&cache->lock);
	struct magazine *full = depot_pop(&cache->full_magazines);
	if (full) {
		cache->full_magazine_count--;
		if (cpu->previous)
			depot_push(&cache->empty_magazines, cpu->previous);
	}
	spin_unlock(&cache->lock);
	if (!full)
		return false;

	cpu->previous = loaded(cpu);
	cpu->previous_count = 0;
	load(cache, cpu, full, cache->rounds);
	return true;
}

/* Puts the CPU's previous magazine, which is full, into the depot. False: that has enough. */
static bool depot_store_previous(struct slab_cache *cache, struct slab_cpu *cpu)
{
	spin_lock(&cache->lock);
	bool has_room = cache->full_magazine_count < cache->depot_max;
	if (has_room) {
		depot_push(&cache->full_magazines, cpu->previous);
		cache->full_magazine_count++;
	}
	spin_unlock(&cache->lock);
	if (has_room) {
		cpu->previous = NULL;
		cpu->previous_count = 0;
	}
	return has_room;
}

static struct magazine *empty_magazine(struct slab_cache *cache)
{
	if (!cache->rounds)
		return NULL;
	spin_lock(&cache->lock);
	struct magazine *magazine = depot_pop(&cache->empty_magazines);
	spin_unlock(&cache->lock);
	if (!magazine && (magazine = slab_alloc(&magazine_cache, 0)))
		magazine->cache = cache;
	return magazine;
}

static void refill_from_slabs(struct slab_cache *cache, struct slab_cpu *cpu)
{
	if (!cpu->objects)
		load(cache, cpu, empty_magazine(cache), 0);
	if (cpu->objects)
		cpu->count = (uint32_t)slab_take_objects(cache, cpu->objects, cache->rounds);
}

/* The loaded magazine is empty: gets objects into it, if there are any. */
static void reload(struct slab_cache *cache, struct slab_cpu *cpu)
{
	if (cpu->previous_count)
		load_previous(cache, cpu);
	else if (!depot_load_full(cache, cpu))
		refill_from_slabs(cache, cpu);
}

/* Whose part this is: given is the one in the per-CPU section itself. */
static struct slab_cache *cache_of(const struct slab_cpu *cpu)
{
	return slab_caches[cpu - slab_cpus];
}

NOINLINE void *magazine_alloc(struct slab_cpu *any_cpu)
{
	struct slab_cache *cache = cache_of(any_cpu);
	struct slab_cpu *cpu = this_cpu_ptr(*any_cpu);
	void *object = NULL;

	cpu->misses++;
	/* Else one object at a time, so that each is counted. */
	if (!alloc_fail_is_armed())
		reload(cache, cpu);
	if (cpu->count) /* then there is a magazine. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		object = cpu->objects[--cpu->count];
	else if (alloc_should_fail() || !slab_take_objects(cache, &object, 1))
		object = NULL;
	if (object)
		cpu->allocs++;
	preempt_enable();
	return object;
}

/* Makes the loaded magazine one with room. False: there is none, and no memory for one. */
static bool make_room(struct slab_cache *cache, struct slab_cpu *cpu)
{
	if (cpu->previous && cpu->previous_count && !depot_store_previous(cache, cpu)) {
		slab_give_objects(cache, cpu->previous->objects, cpu->previous_count);
		cpu->previous_count = 0;
	}
	if (!cpu->previous) {
		cpu->previous = empty_magazine(cache);
		cpu->previous_count = 0;
	}
	if (!cpu->previous)
		return false;
	load_previous(cache, cpu);
	return true;
}

NOINLINE void magazine_free(struct slab_cpu *any_cpu, void *object)
{
	struct slab_cache *cache = cache_of(any_cpu);
	struct slab_cpu *cpu = this_cpu_ptr(*any_cpu);
	if (!alloc_fail_is_armed() && make_room(cache, cpu))
		cpu->objects[cpu->count++] = object;
	else
		slab_give_objects(cache, &object, 1);
	preempt_enable();
}

/* Taking magazines out of CPUs. */

struct hand_over {
	struct slab_cache *only; /* NULL: of all caches */
	struct magazine *taken;
	bool is_refused;
};

static void take(struct hand_over *to, struct magazine *magazine, uint32_t count)
{
	if (!magazine)
		return;
	magazine->count = count;
	depot_push(&to->taken, magazine);
}

static void take_own(struct hand_over *to)
{
	for (unsigned slot = 0; slot < SLAB_CACHES_MAX; slot++) {
		struct slab_cpu *cpu = this_cpu_ptr(slab_cpus[slot]);
		if (to->only && to->only->slot != slot)
			continue;
		take(to, loaded(cpu), cpu->count);
		take(to, cpu->previous, cpu->previous_count);
		cpu->objects = NULL;
		cpu->count = cpu->capacity = 0;
		cpu->previous = NULL;
		cpu->previous_count = 0;
	}
}

/* On another CPU, in its interrupt handler. If that interrupted somebody in the middle of a pop, preemption is off
 * there, and we come again. No lock is taken here. */
static void hand_over(void *arg)
{
	struct hand_over *to = arg;
	to->is_refused = this_cpu_read(preempt_count) > 0;
	if (!to->is_refused)
		take_own(to);
}

static void take_from_cpu(struct hand_over *to, unsigned cpu)
{
	preempt_disable();
	bool is_own = cpu == this_cpu();
	if (is_own)
		take_own(to);
	preempt_enable();
	if (is_own)
		return;

	/* Sections without preemption are short: a few tries do. */
	for (unsigned tries = 0; tries < 1000; tries++) {
		smp_call(cpumask_of(cpu), hand_over, to);
		if (!to->is_refused)
			return;
		cpu_relax();
	}
}

void magazine_drain_cpus(struct slab_cache *only)
{
	struct hand_over to = {.only = only};
	assert_may_sleep();
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask))
		take_from_cpu(&to, cpu);

	struct magazine *magazine;
	while ((magazine = depot_pop(&to.taken))) {
		slab_give_objects(magazine->cache, magazine->objects, magazine->count);
		slab_free(&magazine_cache, magazine);
	}
}

void magazine_drain_depot(struct slab_cache *cache)
{
	spin_lock(&cache->lock);
	struct magazine *full = cache->full_magazines, *empty = cache->empty_magazines;
	cache->full_magazines = cache->empty_magazines = NULL;
	cache->full_magazine_count = 0;
	spin_unlock(&cache->lock);

	struct magazine *magazine;
	while ((magazine = depot_pop(&full))) {
		slab_give_objects(cache, magazine->objects, cache->rounds);
		slab_free(&magazine_cache, magazine);
	}
	while ((magazine = depot_pop(&empty)))
		slab_free(&magazine_cache, magazine);
}
