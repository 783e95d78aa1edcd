/*
 * The pages of a file, shared memory object or device, by index: what read(), write() and mappings all see. tmpfs is nothing but this.
 * A page is found without a lock (RCU walk of a radix tree, then a reference that only sticks while the page is
 * still in the tree).
 *
 * Locking: cache->lock (spin) for changes of the tree. A page is put into the tree when it is complete.
 *
 * Life cycle of a page: the tree holds a reference, each mapping another. Removed pages are freed after a grace period, because a look-up may be
 * about to take a reference.
 */
#pragma once

#include <lib/radix.h>
#include <mm/page_alloc.h>
#include <sync/spinlock.h>
#include <wait/rcu.h>

struct page_cache;

struct page_cache_ops {
	/* Fills a page that is not there; NULL: a hole reads as zeroes. 0 or -errno. */
	int (*fill)(struct page_cache *cache, uint64_t index, struct page *page);
	/* Before pages are added: -ENOSPC when the file system is full; and after one is gone. NULL: no limit. */
	int (*charge)(struct page_cache *cache, uint64_t pages);
	void (*uncharge)(struct page_cache *cache, uint64_t pages);
	int (*write_back)(struct page_cache *cache, uint64_t index, struct page *page);
};

struct page_cache {
	struct radix_tree pages; /* lock; RCU to read */
	struct spinlock lock;
	const struct page_cache_ops
	    *ops;    /* I; NULL: holes read as zeroes and nothing is written back (tmpfs) */
	void *owner; /* I */
	const uint64_t *
	    size; /* I: bytes; a mapping beyond is SIGBUS, and what is cut off is so before it is dropped. NULL: no end */
	uint64_t count;    /* lock: pages in the tree */
	struct list areas; /* areas_lock: what maps it, for truncation */
	struct spinlock areas_lock;
	uint64_t number; /* a: page_cache_number's; 0: not asked for yet */
};

/* A cached page names its cache and its index. */
static inline struct page_cache *page_cache_of(const struct page *page)
{
	return (struct page_cache *)page->owner_data;
}

/* Unlike its address, no other cache ever has it again. */
uint64_t page_cache_number(struct page_cache *cache);
void page_cache_init(struct page_cache *cache, const struct page_cache_ops *ops, void *owner);
/* Every page goes; nothing may map it any more. */
void page_cache_destroy(struct page_cache *cache);

/* Pages of all caches: about, while they change. */
uint64_t page_cache_total(void);

/* With a reference, or NULL: not there. Context: thread. What is removed while we look is found as it was a moment before: the
 * tree's reference outlasts the read section. */
static inline struct page *page_cache_find(struct page_cache *cache, uint64_t index)
{
	rcu_read_lock();
	struct page *page = radix_find(&cache->pages, index);
	if (likely(page))
		page_get(page);
	rcu_read_unlock();
	return page;
}
/* Found, or allocated (zeroed or filled), with a reference. -ENOMEM, -ENOSPC (the file system's limit), -EIO. */
MUST_USE int page_cache_get(struct page_cache *cache, uint64_t index, struct page **page);
/* All pages from `first` up to `end`: those that are not there are made. -ENOSPC, or -ENOMEM when there is surely too little memory: then none
 * was. -ENOMEM, -EINTR (a fatal signal): some were. No page is taken out meanwhile. */
MUST_USE int page_cache_reserve(struct page_cache *cache, uint64_t first, uint64_t end);
static inline void page_cache_mark_dirty(struct page_cache *cache, struct page *page)
{
	/* Write-back is the file system's: those of memory have none. */
	(void)cache, (void)page;
}
/* How many pages may be seen. */
static inline uint64_t page_cache_end(const struct page_cache *cache)
{
	uint64_t size = cache->size ? __atomic_load_n(cache->size, __ATOMIC_RELAXED) : UINT64_MAX;
	return size / PAGE_SIZE + !!(size % PAGE_SIZE);
}

/* Drops pages from index on (truncate), or some (a hole), unmapping them everywhere. Truncation takes private copies away, too. */
void page_cache_truncate(struct page_cache *cache, uint64_t first_index);
void page_cache_punch(struct page_cache *cache, uint64_t first_index, uint64_t count);
/* The first page at or after *index, with a reference: for SEEK_DATA and write-back. */
struct page *page_cache_next(struct page_cache *cache, uint64_t *index);

/* Of a page that was found in a cache. */
static inline bool cached_page_is_dropped(const struct page *page)
{
	return __atomic_load_n(&page->link.next, __ATOMIC_RELAXED);
}

/* Out of the tree: it must not be mapped any more, but stays as it is for whoever has it. Decided under cache->lock; who holds
 * the lock of the page tables sees it before the owner of the cache looks there for the last time. */
static inline bool page_cache_has_dropped(const struct page *page)
{
	return page->owner_data && cached_page_is_dropped(page);
}

struct area;
void page_cache_lock_areas(struct page_cache *cache);
void page_cache_unlock_areas(struct page_cache *cache);
/* Whether some area may write, now or after mprotect, and what it writes goes to the cache. */
bool page_cache_may_be_written_locked(const struct page_cache *cache);
void page_cache_add_area(struct page_cache *cache, struct area *area); /* unless it is there */
void page_cache_remove_area(struct page_cache *cache, struct area *area);

/* The fault of areas whose pages are those of area->cache: what an object's map operation sets area->ops to. */
struct fault;
MUST_USE int page_cache_fault(struct area *area, struct fault *fault);
extern const struct area_ops page_cache_area_ops;
