/*
 * What the files of the slab allocator share. Top down:
 *
 *   kmalloc.c     sizes instead of caches; blocks too large for a cache
 *   slab_fast.h   alloc and free: a CPU's loaded magazine
 *   slab.c        the same with flags, and with the checks of debug builds
 *   magazine.c    when that is empty or full: the previous one, the depot, or a batch from the slabs; trimming
 *   slab_pages.c  slabs: pages cut into objects, with their lists
 *   slab_cache.c  caches come and go; figures
 *   slab_debug.c  what debug builds know about each object
 *
 * After: Bonwick and Adams, "Magazines and Vmem: Extending the Slab Allocator to Many CPUs and Arbitrary Resources", 2001.
 */
#pragma once

#include <mm/page.h>
#include <mm/slab.h>
#include <sync/spinlock.h>

#define MAGAZINE_OBJECTS 29 /* with its header: 256 bytes */
#define SLAB_NO_OBJECT   0xffff

struct magazine {
	struct magazine *next;
	struct slab_cache *cache;
	uint32_t count; /* not kept up to date while it is loaded */
	void *objects[MAGAZINE_OBJECTS];
};

/* Letters: I immutable, l lock */
struct slab_cache {
	struct slab_cpu *cpu;  /* I: &slab_cpus[slot]; the first field, for slab_fast.h */
	const char *name;      /* I */
	uint32_t object_size;  /* I: as asked for */
	uint32_t stride;       /* I: from one object to the next */
	uint16_t slab_objects; /* I */
	uint8_t slab_order;    /* I */
	uint8_t slot;          /* I: which of the CPUs' slab_cpu */
	uint32_t rounds;       /* I: objects in a magazine of this cache; 0: it has none */
	uint32_t depot_max;    /* I: full magazines */
	struct spinlock lock;
	struct list partial, full, empty;                  /* l: slabs, by page->link */
	uint32_t empty_count;                              /* l */
	struct magazine *full_magazines, *empty_magazines; /* l: the depot */
	uint32_t full_magazine_count;                      /* l */
	uint64_t slabs;                                    /* l */
	uint64_t taken; /* l: objects out of the slabs, in use or in magazines */
};

/* slab.c: everything but the fast path. `size` of the object's bytes are wanted; debug builds remember the caller. */
void *slab_alloc_for(struct slab_cache *cache, unsigned flags, size_t size, uintptr_t caller);
void slab_free_for(struct slab_cache *cache, void *object, uintptr_t caller);

/* magazine.c */
/* Takes the magazines of this cache (NULL: of all) out of every CPU and their objects back to the slabs. May sleep. */
void magazine_drain_cpus(struct slab_cache *only);
void magazine_drain_depot(struct slab_cache *cache);

/* slab_pages.c. Preemption may be on or off. */
/* Up to `count` objects; 0: out of memory. */
size_t slab_take_objects(struct slab_cache *cache, void **objects, size_t count);
void slab_give_objects(struct slab_cache *cache, void **objects, size_t count);
/* Frees slabs without an object in use, all but `keep`. */
void slab_free_empty(struct slab_cache *cache, size_t keep);
size_t slab_object_index(
    const struct slab_cache *cache, const struct page *slab, const void *object);
struct page *slab_of_object(const struct slab_cache *cache, const void *object);

/* slab_cache.c */
#define SLAB_SLOT_ANY SLAB_CACHES_MAX
extern struct slab_cache *slab_caches[SLAB_CACHES_MAX]; /* by slot; NULL: free */
extern struct slab_cache magazine_cache;
void slab_cache_setup(
    struct slab_cache *cache, const char *name, size_t size, size_t align, bool has_magazines);
/* Gives it a slot, this one or any. False: none is free. */
bool slab_cache_register(struct slab_cache *cache, unsigned slot);

/* kmalloc.c */
void kmalloc_init(void);
uint64_t kmalloc_large_used(void);
void kmalloc_large_mark(void);
/* Calls fn with each large block allocated since the mark. fn must not allocate. */
void kmalloc_large_for_each(void (*fn)(size_t size, uintptr_t caller, void *ctx), void *ctx);

/* slab_debug.c. An object's trailer lies behind it, at the end of its stride. */
#define SLAB_TRAILER_SIZE 32
void slab_debug_created(const struct slab_cache *cache, void *object);
void slab_debug_allocated(
    const struct slab_cache *cache, void *object, size_t size, uintptr_t caller);
void slab_debug_freed(const struct slab_cache *cache, void *object, uintptr_t caller);
size_t slab_debug_size(const struct slab_cache *cache, const void *object);
uint16_t slab_debug_next(const struct slab_cache *cache, const void *object);
void slab_debug_set_next(const struct slab_cache *cache, void *object, uint16_t next);
