/*
 * The part of the slab allocator that is worth inlining: popping an object off the magazine that this CPU has loaded, and
 * pushing one onto it. Included by <mm/slab.h> and of no use without it; kernel/mm/slab_impl.h says how the rest works.
 */
#pragma once

#include <sync/preempt.h>

#define SLAB_CACHES_MAX 96

struct slab_cache;
struct magazine;

/* A CPU's part of a cache. The owning CPU's, with preemption off; the figures are read by others. */
struct slab_cpu {
	void **objects; /* of the loaded magazine; NULL: none is loaded, count and capacity are 0 */
	uint32_t count; /* objects in it */
	uint32_t capacity;         /* how many fit */
	struct magazine *previous; /* entirely full or entirely empty; or NULL */
	uint32_t previous_count;
	uint64_t allocs, misses;
};

/* By the cache's slot. kmalloc's classes have the first ones, so that a constant size becomes a constant address. */
typedef struct slab_cpu slab_cpus_t[SLAB_CACHES_MAX];
DECLARE_PER_CPU(slab_cpus_t, slab_cpus);

/* When the loaded magazine is empty or full. Called with preemption off; both turn it on again. */
void *magazine_alloc(struct slab_cpu *cpu);
void magazine_free(struct slab_cpu *cpu, void *object);

/* In these, `cpu` lies in the per-CPU section itself: it stands for the part of whatever CPU this is. */

static ALWAYS_INLINE void *magazine_pop(struct slab_cpu *cpu)
{
	preempt_disable();
	uint32_t count = this_cpu_peek(cpu->count);
	if (unlikely(!count))
		return magazine_alloc(cpu);
	void *object = this_cpu_peek(cpu->objects)[count - 1];
	this_cpu_write(cpu->count, count - 1);
	this_cpu_inc(cpu->allocs);
	return preempt_enable_return(object);
}

static ALWAYS_INLINE void magazine_push(struct slab_cpu *cpu, void *object)
{
	preempt_disable();
	uint32_t count = this_cpu_peek(cpu->count);
	if (unlikely(count == this_cpu_peek(cpu->capacity))) {
		magazine_free(cpu, object);
		return;
	}
	this_cpu_peek(cpu->objects)[count] = object;
	this_cpu_write(cpu->count, count + 1);
	preempt_enable_return(object);
}

/* The first field of struct slab_cache. */
static ALWAYS_INLINE struct slab_cpu *slab_cpu_of(const struct slab_cache *cache)
{
	return *(struct slab_cpu *const *)cache;
}
