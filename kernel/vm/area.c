/* The tree of areas, ordered by address. Areas never overlap. */
#include "vm_impl.h"

#include <abi/errno.h>
#include <arch/user_copy.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <object/object.h>

struct area *area_create(uintptr_t start, uintptr_t end, uint32_t prot, uint32_t flags)
{
	struct area *area = kzalloc(sizeof(*area));
	if (!area)
		return NULL;
	area->start = start;
	area->end = end;
	area->prot = prot;
	area->max_prot = VM_READ | VM_WRITE | VM_EXEC;
	area->flags = flags;
	list_init(&area->mapping_link);
	return area;
}

void area_free(struct area *area)
{
	if (area->cache)
		page_cache_remove_area(area->cache, area);
	if (area->ops && area->ops->close)
		area->ops->close(area);
	if (area->object)
		object_put(area->object);
	kfree(area);
}

struct area *area_copy(const struct area *area, uintptr_t start, uintptr_t end, uint64_t offset)
{
	struct area *copy = kmalloc(sizeof(*copy));
	if (!copy)
		return NULL;
	*copy = *area;
	list_init(&copy->mapping_link);
	copy->start = start;
	copy->end = end;
	copy->offset = offset;
	if (copy->object)
		object_get(copy->object);
	if (copy->ops && copy->ops->open)
		copy->ops->open(copy);
	return copy;
}

struct area *area_at_or_after(struct address_space *space, uintptr_t va)
{
	struct area *hit = atomic_load(&space->last_hit);
	if (hit && va >= hit->start && va < hit->end)
		return hit;
	struct area *best = NULL;
	struct rb_node *node = space->areas.root;
	while (node) {
		struct area *area = rb_entry(node, struct area, node);
		if (area->end <= va) {
			node = node->right;
			continue;
		}
		best = area;
		if (area->start <= va)
			break;
		node = node->left;
	}
	if (best && best->start <= va)
		atomic_store(&space->last_hit, best);
	return best;
}

struct area *vm_find_area(struct address_space *space, uintptr_t va)
{
	struct area *area = area_at_or_after(space, va);
	return area && area->start <= va ? area : NULL;
}

struct area *area_next(const struct area *area)
{
	struct rb_node *node = rb_next(&area->node);
	return node ? rb_entry(node, struct area, node) : NULL;
}

struct area *area_previous(const struct area *area)
{
	struct rb_node *node = rb_prev(&area->node);
	return node ? rb_entry(node, struct area, node) : NULL;
}

static bool starts_before(const struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct area, node)->start < rb_entry(b, struct area, node)->start;
}

void area_account(struct address_space *space, const struct area *area, int64_t pages)
{
	uint64_t added = (uint64_t)pages;
	space->mapped_pages += added;
	if (area_is_data(area->prot, area->flags))
		space->data_pages += added;
	if (area->flags & (AREA_STACK | AREA_GROWS_DOWN))
		space->stack_pages += added;
	if (area->flags & AREA_LOCKED)
		space->locked_pages += added;
}

void area_remove(struct address_space *space, struct area *area)
{
	if (space->last_hit == area)
		space->last_hit = NULL;
	if (area->end > space->gaps_from && space->gaps_from) {
		const struct area *above = area_next(area);
		space->gaps_from = min(space->mmap_top, above ? above->start : USER_END);
	}
	rb_remove(&space->areas, &area->node);
	space->area_count--;
	area_account(space, area, -(int64_t)area_pages(area));
}

static void link_area(struct address_space *space, struct area *area)
{
	area->space = space;
	rb_insert(&space->areas, &area->node, starts_before);
	space->area_count++;
	area_account(space, area, (int64_t)area_pages(area));
}

/* Whether they differ in nothing but their rights and where they lie. */
static bool are_of_a_kind(const struct area *a, const struct area *b)
{
	return a->max_prot == b->max_prot && a->flags == b->flags && a->ops == b->ops &&
	       a->object == b->object && a->cache == b->cache && a->name == b->name &&
	       !(a->flags & (AREA_STACK | AREA_VDSO));
}

/* Whether `second` goes on where `first` ends, in everything but their rights. */
static bool goes_on(const struct area *first, const struct area *second)
{
	return first->end == second->start && are_of_a_kind(first, second) &&
	       (area_is_anonymous(first) ||
		   first->offset + (first->end - first->start) == second->offset);
}

static bool are_alike(const struct area *first, const struct area *second)
{
	return first->prot == second->prot && goes_on(first, second);
}

/* Before and after a change of where areas of the same object lie; `grown` is one that is longer then. Who goes through the cache's areas may have
 * been there already, and comes by again. */
static void begin_change(const struct area *grown)
{
	if (grown->cache)
		page_cache_lock_areas(grown->cache);
}

static void end_change(struct area *grown)
{
	if (!grown->cache)
		return;
	list_remove(&grown->mapping_link);
	list_push_back(&grown->cache->areas, &grown->mapping_link);
	page_cache_unlock_areas(grown->cache);
}

/* `first` swallows `second`, which is like it: the sums and the gaps stay as they are. */
static void merge(struct address_space *space, struct area *first, struct area *second)
{
	if (space->last_hit == second)
		space->last_hit = first;
	rb_remove(&space->areas, &second->node);
	space->area_count--;
	begin_change(first);
	first->end = second->end;
	end_change(first);
	area_free(second);
}

void area_link(struct address_space *space, struct area *area)
{
	link_area(space, area);
	if (area->cache)
		page_cache_add_area(area->cache, area);
}

struct area *area_insert(struct address_space *space, struct area *area)
{
	area_link(space, area);
	struct area *previous = area_previous(area), *next = area_next(area);
	if (next && are_alike(area, next))
		merge(space, area, next);
	if (previous && are_alike(previous, area)) {
		merge(space, previous, area);
		area = previous;
	}
	return area;
}

void area_merge_around(struct address_space *space, uintptr_t start, uintptr_t end)
{
	struct area *area = area_at_or_after(space, start ? start - 1 : 0);
	while (area && area->start <= end) {
		struct area *next = area_next(area);
		if (next && are_alike(area, next))
			merge(space, area, next);
		else
			area = next;
	}
}

/* `upper` follows `area` directly: it goes to the left end of what is on its right, without a search. */
static void link_behind(struct address_space *space, struct area *area, struct area *upper)
{
	struct rb_node *parent = &area->node, **link = &parent->right;
	while (*link) {
		parent = *link;
		link = &parent->left;
	}
	rb_insert_at(&space->areas, &upper->node, parent, link, false);
	space->area_count++;
}

/* At `va`, which lies within: what is behind it is an area of its own, which is returned. The sums stay as they are. NULL: out of memory. */
static struct area *split(struct address_space *space, struct area *area, uintptr_t va)
{
	struct area *upper = space->area_count < AREAS_MAX ? kmalloc(sizeof(*upper)) : NULL;
	if (!upper)
		return NULL;
	*upper = *area;
	upper->start = va;
	if (!area_is_anonymous(area))
		upper->offset = area->offset + (va - area->start);
	if (upper->object)
		object_get(upper->object);
	if (upper->cache)
		page_cache_lock_areas(upper->cache);
	area->end = va;
	if (upper->cache) {
		list_push_back(&upper->cache->areas, &upper->mapping_link);
		page_cache_unlock_areas(upper->cache);
	}
	link_behind(space, area, upper);
	if (upper->ops && upper->ops->open)
		upper->ops->open(upper);
	return upper;
}

static int split_if_within(struct address_space *space, struct area *area, uintptr_t va)
{
	return area && area->start < va && va < area->end && !split(space, area, va) ? -ENOMEM : 0;
}

int area_split_at(struct address_space *space, uintptr_t va)
{
	return split_if_within(space, vm_find_area(space, va), va);
}

int area_split_ends(struct address_space *space, uintptr_t start, uintptr_t end)
{
	struct area *area = vm_find_area(space, start);
	/* Mostly one area has both. The upper end first, as long as it does. */
	int err =
	    area && end < area->end ? split_if_within(space, area, end) : area_split_at(space, end);
	return err ? err : split_if_within(space, area, start);
}

/* [start, end) is one end of `area`, and `heir` is the neighbour there, which takes it over. */
static void hand_over(struct area *area, struct area *heir, uintptr_t start, uintptr_t end)
{
	begin_change(heir);
	if (heir->end == start) {
		heir->end = area->start = end;
		if (!area_is_anonymous(area))
			area->offset += end - start;
	} else {
		area->end = heir->start = start;
		if (!area_is_anonymous(heir))
			heir->offset -= end - start;
	}
	end_change(heir);
}

/* [start, end) of the area gets one of its own. NULL: out of memory. */
static struct area *cut_out(
    struct address_space *space, struct area *area, uintptr_t start, uintptr_t end)
{
	struct area *upper = NULL;
	if (end < area->end && !(upper = split(space, area, end)))
		return NULL;
	if (start == area->start)
		return area;
	struct area *middle = split(space, area, start);
	if (!middle && upper)
		merge(space, area, upper);
	return middle;
}

struct area *area_protect(
    struct address_space *space, struct area *area, uintptr_t start, uintptr_t end, uint32_t prot)
{
	struct area *below = start == area->start ? area_previous(area) : NULL;
	struct area *above = end == area->end ? area_next(area) : NULL;
	bool is_like_below = below && below->prot == prot && goes_on(below, area);
	bool is_like_above = above && above->prot == prot && goes_on(area, above);
	bool is_all = area->start == start && area->end == end;
	bool was_data = area_is_data(area->prot, area->flags);
	uint64_t pages = (end - start) >> PAGE_SHIFT;
	if (!is_all && (is_like_below || is_like_above)) {
		struct area *heir = is_like_below ? below : above;
		hand_over(area, heir, start, end);
		area = heir;
	} else {
		area = is_all ? area : cut_out(space, area, start, end);
		if (!area)
			return NULL;
		area->prot = prot;
		if (is_like_above)
			merge(space, area, above);
		if (is_like_below) {
			merge(space, below, area);
			area = below;
		}
	}
	if (was_data != area_is_data(prot, area->flags))
		space->data_pages += was_data ? -pages : pages;
	return area;
}

bool area_range_is_free(struct address_space *space, uintptr_t start, uintptr_t end)
{
	struct area *area = area_at_or_after(space, start);
	return !area || area->start >= end;
}

/* Between `below` and the next area above it, at most up to `top`. */
struct gap {
	uintptr_t bottom, top;
	struct area *below;
};

static struct gap gap_below(struct area *below, uintptr_t top)
{
	uintptr_t bottom = below ? below->end : USER_MMAP_MIN;
	return (struct gap){bottom, max(bottom, top), below};
}

/* The highest gap under `top`, which may cut it off. */
static struct gap first_gap(struct address_space *space, uintptr_t top)
{
	struct area *area = area_at_or_after(space, top - 1);
	if (area && area->start < top)
		return gap_below(area_previous(area), area->start);
	if (area)
		return gap_below(area_previous(area), top);
	struct rb_node *last = rb_last(&space->areas);
	return gap_below(last ? rb_entry(last, struct area, node) : NULL, top);
}

/* Top down, first fit. Above gaps_from all gaps are smaller than gaps_smaller_than, so most searches begin where the last one ended. */
static uintptr_t find_top_down(struct address_space *space, size_t len, size_t align)
{
	bool from_top = !space->gaps_from || len < space->gaps_smaller_than;
	struct gap gap = first_gap(space, from_top ? space->mmap_top : space->gaps_from);
	size_t largest = from_top ? 0 : space->gaps_smaller_than - PAGE_SIZE;
	for (;;) {
		size_t size = gap.top - gap.bottom;
		uintptr_t start = size >= len ? ALIGN_DOWN(gap.top - len, align) : 0;
		if (size >= len && start >= gap.bottom) {
			space->gaps_from = gap.top;
			space->gaps_smaller_than = largest + PAGE_SIZE;
			return start;
		}
		if (!gap.below)
			return 0;
		largest = max(largest, size);
		gap = gap_below(area_previous(gap.below), gap.below->start);
	}
}

uintptr_t area_find_gap(struct address_space *space, uintptr_t hint, size_t len, size_t align)
{
	hint = ALIGN_DOWN(hint, PAGE_SIZE);
	if (hint >= USER_MMAP_MIN && len <= USER_END && hint <= USER_END - len &&
	    area_range_is_free(space, hint, hint + len))
		return hint;
	return find_top_down(space, len, align);
}
