/*
 * The pages of files and shared memory. The hit path: a walk of the radix tree under RCU, and a reference.
 */
#include "vm_impl.h"

#include <abi/errno.h>
#include <arch/percpu.h>
#include <lib/atomic.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <wait/interruptible.h>
#include <wait/rcu.h>

/* Less those taken out: only the sum over all CPUs says something. */
static PER_CPU(uint64_t, added_pages);

uint64_t page_cache_total(void)
{
	int64_t sum = 0;
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		sum += (int64_t)*per_cpu_ptr(added_pages, cpu);
	return sum > 0 ? (uint64_t)sum : 0;
}

/* Radix nodes are freed after a grace period: readers may stand in them. */
struct node_header {
	struct rcu_head rcu;
};

static void *node_alloc(size_t size)
{
	struct node_header *header = kmalloc(sizeof(*header) + size);
	return header ? header + 1 : NULL;
}

static void node_free_now(struct rcu_head *head)
{
	kfree(container_of(head, struct node_header, rcu));
}

static void node_free(void *node)
{
	rcu_call(&((struct node_header *)node - 1)->rcu, node_free_now);
}

void page_cache_init(struct page_cache *cache, const struct page_cache_ops *ops, void *owner)
{
	radix_init(&cache->pages, node_alloc, node_free);
	spin_init(&cache->lock, "page cache", RANK_PAGE_CACHE);
	spin_init(&cache->areas_lock, "mapped areas", RANK_MAPPED_AREAS);
	list_init(&cache->areas);
	cache->ops = ops;
	cache->owner = owner;
	cache->size = NULL;
	cache->count = 0;
	cache->number = 0;
}

uint64_t page_cache_number(struct page_cache *cache)
{
	static uint64_t last; /* a */
	uint64_t number = atomic_load(&cache->number);
	if (likely(number))
		return number;
	uint64_t fresh = atomic_fetch_add(&last, 1) + 1;
	return atomic_cas(&cache->number, &number, fresh) ? fresh : number;
}

struct page *page_cache_next(struct page_cache *cache, uint64_t *index)
{
	rcu_read_lock();
	struct page *page = radix_next(&cache->pages, index);
	if (page)
		__atomic_fetch_add(&page->refs, 1, __ATOMIC_RELAXED);
	rcu_read_unlock();
	return page;
}

static int fill(struct page_cache *cache, uint64_t index, struct page *page)
{
	return cache->ops && cache->ops->fill ? cache->ops->fill(cache, index, page) : 0;
}

static int charge(struct page_cache *cache, uint64_t pages)
{
	return cache->ops && cache->ops->charge ? cache->ops->charge(cache, pages) : 0;
}

static void uncharge(struct page_cache *cache, uint64_t pages)
{
	if (pages && cache->ops && cache->ops->uncharge)
		cache->ops->uncharge(cache, pages);
}

/* Made and filled before anybody can see it; if somebody else was faster, theirs counts. The caller has charged for it. */
static int add_charged_page(struct page_cache *cache, uint64_t index, struct page **result)
{
	struct page *page = page_alloc(0, PAGE_ZERO);
	if (!page)
		return -ENOMEM;
	page->owner_data = (uintptr_t)cache;
	page->link.prev = (struct list *)index;
	page->link.next = NULL; /* not dropped */
	int err = fill(cache, index, page);
	if (!err) {
		atomic_store(&page->refs, 2); /* the tree's and the caller's */
		spin_lock(&cache->lock);
		err = radix_insert(&cache->pages, index, page);
		if (!err)
			cache->count++;
		spin_unlock(&cache->lock);
	}
	if (!err) {
		this_cpu_inc(added_pages);
		*result = page;
		return 0;
	}
	page->owner_data = 0;
	page_free(page, 0);
	return err;
}

static int add_page(struct page_cache *cache, uint64_t index, struct page **result)
{
	int err = charge(cache, 1);
	if (err)
		return err;
	err = add_charged_page(cache, index, result);
	if (err)
		uncharge(cache, 1);
	return err;
}

int page_cache_get(struct page_cache *cache, uint64_t index, struct page **page)
{
	for (;;) {
		*page = page_cache_find(cache, index);
		if (likely(*page))
			return 0;
		int err = add_page(cache, index, page);
		if (err != -EEXIST)
			return err;
	}
}

static uint64_t count_present(struct page_cache *cache, uint64_t first, uint64_t end)
{
	uint64_t count = 0, index = first;
	for (struct page *page; (page = page_cache_next(cache, &index)); index++) {
		page_put(page);
		if (index >= end)
			break;
		count++;
	}
	return count;
}

/* *left: what was charged and is not used. */
static int add_missing(struct page_cache *cache, uint64_t first, uint64_t end, uint64_t *left)
{
	for (uint64_t index = first; index < end && *left; index++) {
		struct page *page = page_cache_find(cache, index);
		bool is_there = page;
		int err = is_there ? 0 : add_charged_page(cache, index, &page);
		if (err == -EEXIST)
			continue; /* a fault was faster, and has charged */
		if (err)
			return err;
		*left -= !is_there;
		page_put(page);
		if (signal_is_fatal_pending())
			return -EINTR;
	}
	return 0;
}

int page_cache_reserve(struct page_cache *cache, uint64_t first, uint64_t end)
{
	struct page_stats stats;
	uint64_t left = end - first - count_present(cache, first, end);
	page_stats_total(&stats);
	int err = charge(cache, left);
	if (err)
		return err;
	err = left > stats.free ? -ENOMEM : add_missing(cache, first, end, &left);
	uncharge(cache, left);
	return err;
}

/* The tree's references go after a grace period: a look-up may have found the page but not taken its reference yet. */
struct removed_pages {
	struct rcu_head rcu;
	unsigned count;
	struct page *pages[30];
};

static void put_pages(const struct removed_pages *removed)
{
	for (unsigned i = 0; i < removed->count; i++)
		page_put(removed->pages[i]);
}

static void put_removed(struct rcu_head *head)
{
	struct removed_pages *removed = container_of(head, struct removed_pages, rcu);
	put_pages(removed);
	kfree(removed);
}

static unsigned take_out(
    struct page_cache *cache, uint64_t *index, uint64_t end, struct page **pages, unsigned max)
{
	unsigned count = 0;
	spin_lock(&cache->lock);
	while (count < max) {
		struct page *page = radix_next(&cache->pages, index);
		if (!page || *index >= end)
			break;
		radix_remove(&cache->pages, *index);
		cache->count--;
		atomic_store(&page->link.next, &page->link); /* dropped */
		pages[count++] = page;
	}
	spin_unlock(&cache->lock);
	return count;
}

static void remove_pages(struct page_cache *cache, uint64_t first, uint64_t end)
{
	uint64_t index = first, total = 0;
	for (;;) {
		struct removed_pages *removed = kmalloc(sizeof(*removed)), local;
		struct removed_pages *target = removed ? removed : &local;
		target->count =
		    take_out(cache, &index, end, target->pages, ARRAY_LEN(target->pages));
		total += target->count;
		bool more = target->count == ARRAY_LEN(target->pages);
		if (!removed) {
			rcu_synchronize();
			put_pages(&local);
		} else if (target->count) {
			rcu_call(&removed->rcu, put_removed);
		} else {
			kfree(removed);
		}
		if (!more)
			break;
	}
	this_cpu_add(added_pages, -total);
	uncharge(cache, total);
}

void page_cache_destroy(struct page_cache *cache)
{
	/* Nobody else has it any more: no lock is needed to see that there was nothing. */
	if (cache->count)
		remove_pages(cache, 0, UINT64_MAX);
}

void page_cache_lock_areas(struct page_cache *cache)
{
	spin_lock(&cache->areas_lock);
}

void page_cache_unlock_areas(struct page_cache *cache)
{
	spin_unlock(&cache->areas_lock);
}

bool page_cache_may_be_written_locked(const struct page_cache *cache)
{
	const struct area *area;
	list_for_each(area, &cache->areas, mapping_link)
		if (area->flags & AREA_SHARED && area->max_prot & VM_WRITE)
			return true;
	return false;
}

void page_cache_add_area(struct page_cache *cache, struct area *area)
{
	spin_lock(&cache->areas_lock);
	if (list_is_empty(&area->mapping_link))
		list_push_back(&cache->areas, &area->mapping_link);
	spin_unlock(&cache->areas_lock);
}

void page_cache_remove_area(struct page_cache *cache, struct area *area)
{
	spin_lock(&cache->areas_lock);
	list_remove(&area->mapping_link);
	spin_unlock(&cache->areas_lock);
}

/* Where a round through the areas stands: an area of no space, in the list behind those that it has seen. Areas come and go meanwhile, and other
 * rounds are under way. */
struct round {
	struct page_cache *cache;
	struct area cursor;
	uint64_t first, end; /* pages of the cache */
};

/* What an area maps of them. False: nothing. */
static bool find_part(
    const struct round *round, const struct area *area, uintptr_t *start, uintptr_t *stop)
{
	uint64_t offset = area->offset >> PAGE_SHIFT;
	uint64_t from = max(round->first, offset), to = min(round->end, offset + area_pages(area));
	if (from >= to)
		return false;
	*start = area->start + ((from - offset) << PAGE_SHIFT);
	*stop = area->start + ((to - offset) << PAGE_SHIFT);
	return true;
}

/* The next area that maps some of the pages, with a reference to its space. NULL: none is left. */
static struct address_space *next_mapping(struct round *round, uintptr_t *start, uintptr_t *stop)
{
	struct address_space *space = NULL;
	struct list *head = &round->cache->areas;
	spin_lock(&round->cache->areas_lock);
	while (!space && round->cursor.mapping_link.next != head) {
		struct list *next = round->cursor.mapping_link.next;
		list_remove(&round->cursor.mapping_link);
		list_insert_between(&round->cursor.mapping_link, next, next->next);
		struct area *area = container_of(next, struct area, mapping_link);
		if (area->space && find_part(round, area, start, stop))
			space = address_space_hold(area->space);
	}
	spin_unlock(&round->cache->areas_lock);
	return space;
}

/* All that is mapped there, private copies too: so nothing else may have come there since the area was found. */
static void unmap_with_copies(
    const struct round *round, struct address_space *space, uintptr_t start, uintptr_t stop)
{
	rwlock_read_lock(&space->lock);
	for (const struct area *area = area_at_or_after(space, start); area && area->start < stop;
	     area = area_next(area)) {
		uintptr_t from, to;
		if (area->cache == round->cache && find_part(round, area, &from, &to))
			user_unmap_range(space, from, to);
	}
	rwlock_read_unlock(&space->lock);
}

static void unmap_everywhere(
    struct page_cache *cache, uint64_t first, uint64_t end, bool copies_too)
{
	atomic_fence(); /* dropped pages are seen as such by who maps the first area only now */
	if (list_is_empty(&cache->areas))
		return;
	struct round round = {.cache = cache, .first = first, .end = end};
	spin_lock(&cache->areas_lock);
	list_push_front(&cache->areas, &round.cursor.mapping_link);
	spin_unlock(&cache->areas_lock);
	uintptr_t start = 0,
		  stop = 0; /* gcc does not see that they are set when a space is found */
	struct address_space *space;
	while ((space = next_mapping(&round, &start, &stop))) {
		if (copies_too)
			unmap_with_copies(&round, space, start, stop);
		else
			user_unmap_cached_range(space, cache, start, stop);
		address_space_release(space);
	}
	page_cache_remove_area(cache, &round.cursor);
}

/* Unmapped after the pages are out of the tree: from then on a fault finds the end of the file. A fault that was under way may still have found
 * an old page; under the tables' lock it either sees that the page was dropped, or is done before the second round comes by. */
static void drop(struct page_cache *cache, uint64_t first, uint64_t end, bool copies_too)
{
	unmap_everywhere(cache, first, end, copies_too);
	remove_pages(cache, first, end);
	unmap_everywhere(cache, first, end, copies_too);
}

void page_cache_punch(struct page_cache *cache, uint64_t first_index, uint64_t count)
{
	drop(cache, first_index,
	    count > UINT64_MAX - first_index ? UINT64_MAX : first_index + count, false);
}

void page_cache_truncate(struct page_cache *cache, uint64_t first_index)
{
	drop(cache, first_index, UINT64_MAX, true);
}

int page_cache_fault(struct area *area, struct fault *fault)
{
	struct page_cache *cache = area->cache;
	if (fault->page_offset >= page_cache_end(cache))
		return -EFAULT;
	int err = page_cache_get(cache, fault->page_offset, &fault->page);
	/* Cut meanwhile: either the page was dropped, which is seen when it is mapped, or it came after that, and is not to be seen. */
	if (likely(err || fault->page_offset < page_cache_end(cache)))
		return err;
	page_put(fault->page);
	return -EFAULT;
}

const struct area_ops page_cache_area_ops = {.fault = page_cache_fault};
