/*
 * Areas of the kernel's map: which addresses are taken (two trees, used and free, both by address), and what is mapped
 * there. A freed area is dead until one flush of every TLB has covered it and many others.
 */
#include "kernel_map_impl.h"
#include "page_table_impl.h"

#include <lib/rbtree.h>
#include <lib/string.h>
#include <log/assert.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <sync/preempt.h>

#define LARGE_PAGE     (2 * MiB)
#define DEAD_PAGES_MAX 4096 /* 16 MiB of addresses: then the TLBs are flushed */

/* k: map_lock, while in a tree or list; a new one is its creator's */
struct area {
	struct rb_node node;  /* k: in used_areas or free_areas */
	struct list link;     /* k: in dead_areas */
	uintptr_t start, end; /* k: the unmapped page at the end included */
};

static struct spinlock map_lock = SPINLOCK_INIT("kernel map", RANK_KERNEL_MAP);
static struct rb_tree used_areas = RB_TREE_INIT;       /* k */
static struct rb_tree free_areas = RB_TREE_INIT;       /* k: no two touch */
static struct list dead_areas = LIST_INIT(dead_areas); /* k */
static struct tlb_batch dead_batch;                    /* k */
static uint64_t used_count, used_pages, dead_pages;    /* k */

static struct area *area_of(const struct rb_node *node)
{
	return rb_entry(node, struct area, node);
}

static bool area_less(const struct rb_node *a, const struct rb_node *b)
{
	return area_of(a)->start < area_of(b)->start;
}

static uint64_t area_pages(const struct area *area)
{
	return (area->end - area->start) >> PAGE_SHIFT;
}

/* The last area of the tree that starts at or below va. */
static struct area *area_at_or_below(const struct rb_tree *tree, uintptr_t va)
{
	struct area *best = NULL;
	for (struct rb_node *node = tree->root; node;) {
		if (area_of(node)->start <= va) {
			best = area_of(node);
			node = node->right;
		} else {
			node = node->left;
		}
	}
	return best;
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */

/*
 * The structs that a change of the trees may need are allocated before the lock is taken and lie in a list; what was
 * not needed, or became superfluous, is in the list afterwards and freed.
 */
static struct area *take_node(struct list *nodes)
{
	struct list *node = list_pop_front(nodes);
	assert(node);
	return list_entry(node, struct area, link);
}

static void free_nodes(struct list *nodes)
{
	struct list *node;
	while ((node = list_pop_front(nodes)))
		kfree(list_entry(node, struct area, link));
}

static bool alloc_nodes(struct list *nodes, unsigned count)
{
	while (count--) {
		struct area *area = kmalloc(sizeof(*area));
		if (!area)
			return false;
		list_push_back(nodes, &area->link);
	}
	return true;
}

/*
 * Takes [start, end) out of a free area that contains it. Whatever part is the highest keeps the struct, as it does when
 * areas are joined again: so a burst of areas leaves the structs of before, not newcomers in other slabs.
 */
static struct area *carve_locked(
    struct area *hole, uintptr_t start, uintptr_t end, struct list *nodes)
{
	struct area *area = hole;
	uintptr_t hole_start = hole->start;

	if (end < hole->end) {
		area = take_node(nodes);
		hole->start = end;
	} else {
		rb_remove(&free_areas, &hole->node);
	}
	if (start > hole_start) {
		struct area *rest = take_node(nodes);
		rest->start = hole_start;
		rest->end = start;
		rb_insert(&free_areas, &rest->node, area_less);
	}
	area->start = start;
	area->end = end;
	rb_insert(&used_areas, &area->node, area_less);
	used_count++;
	used_pages += area_pages(area);
	return area;
}

/* The first `len` free bytes that start `offset` bytes after a multiple of `align`. */
static struct area *find_and_carve(size_t len, size_t align, size_t offset, struct list *nodes)
{
	struct area *area = NULL;
	struct rb_node *node;

	spin_lock(&map_lock);
	rb_for_each(node, &free_areas) {
		struct area *hole = area_of(node);
		uintptr_t start = ALIGN_UP(hole->start - offset, align) + offset;
		if (start <= hole->end && hole->end - start >= len) {
			area = carve_locked(hole, start, start + len, nodes);
			break;
		}
	}
	spin_unlock(&map_lock);
	return area;
}

/* Puts an area back among the free ones, joined with its neighbours. */
static void insert_free_locked(struct area *area, struct list *nodes)
{
	struct area *before = area_at_or_below(&free_areas, area->start);
	struct rb_node *after_node = before ? rb_next(&before->node) : rb_first(&free_areas);
	struct area *after = after_node ? area_of(after_node) : NULL;

	if (before && before->end == area->start) {
		area->start = before->start;
		rb_remove(&free_areas, &before->node);
		list_push_back(nodes, &before->link);
	}
	/* What follows keeps its place in the tree: nothing free lies between the two. */
	if (after && after->start == area->end) {
		after->start = area->start;
		list_push_back(nodes, &area->link);
	} else {
		rb_insert(&free_areas, &area->node, area_less);
	}
}

/* Makes dead addresses free again. */
static void flush_dead(void)
{
	struct list areas = LIST_INIT(areas), nodes = LIST_INIT(nodes);
	struct tlb_batch batch;
	struct list *node;

	tlb_batch_init(&batch);
	spin_lock(&map_lock);
	list_splice(&areas, &dead_areas);
	tlb_batch_merge(&batch, &dead_batch);
	dead_pages = 0;
	spin_unlock(&map_lock);

	tlb_flush_kernel(&batch);

	spin_lock(&map_lock);
	while ((node = list_pop_front(&areas)))
		insert_free_locked(list_entry(node, struct area, link), &nodes);
	spin_unlock(&map_lock);
	free_nodes(&nodes);
}

/* `len` bytes of whole pages, and an unmapped one behind them. NULL when out of memory or addresses. */
static struct area *area_alloc(size_t len, size_t align, size_t offset)
{
	struct list nodes = LIST_INIT(nodes);
	struct area *area = NULL;

	if (alloc_nodes(&nodes, 2)) {
		area = find_and_carve(len + PAGE_SIZE, align, offset, &nodes);
		if (!area) {
			flush_dead();
			area = find_and_carve(len + PAGE_SIZE, align, offset, &nodes);
		}
	}
	free_nodes(&nodes);
	return area;
}

/* The area goes to the dead, with what its unmapping left to flush. */
static void area_free(struct area *area, struct tlb_batch *batch)
{
	spin_lock(&map_lock);
	rb_remove(&used_areas, &area->node);
	list_push_back(&dead_areas, &area->link);
	tlb_batch_merge(&dead_batch, batch);
	used_count--;
	used_pages -= area_pages(area);
	dead_pages += area_pages(area);
	bool is_enough = dead_pages >= DEAD_PAGES_MAX;
	spin_unlock(&map_lock);

	if (is_enough)
		flush_dead();
}

/* The used area that holds va. Panics when there is none: it was freed twice, or never ours. */
static struct area *area_find(const void *va)
{
	spin_lock(&map_lock);
	struct area *area = area_at_or_below(&used_areas, (uintptr_t)va);
	bool is_inside = area && (uintptr_t)va < area->end - PAGE_SIZE;
	spin_unlock(&map_lock);

	if (!is_inside)
		panic("kernel map: %p is not mapped", va);
	return area;
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

bool kernel_map_back(uintptr_t va, size_t len, unsigned page_flags, struct tlb_batch *batch)
{
	for (size_t done = 0; done < len; done += PAGE_SIZE) {
		struct page *page = page_alloc(0, page_flags);
		if (page && !page_table_map(&kernel_page_table, va + done, page_to_phys(page),
				PAGE_SIZE, VM_KERNEL, 1))
			continue;
		if (page)
			page_free(page, 0);
		if (done)
			kernel_map_unback(va, done, batch);
		return false;
	}
	return true;
}

void kernel_map_unback(uintptr_t va, size_t len, struct tlb_batch *batch)
{
	struct list pages = LIST_INIT(pages);
	struct list *node;

	for (size_t done = 0; done < len; done += PAGE_SIZE) {
		struct translation translation;
		int err = page_table_translate(&kernel_page_table, va + done, &translation);
		assert(!err);
		list_push_back(&pages, &phys_to_page(translation.pa)->link);
	}
	int err = page_table_unmap(&kernel_page_table, va, len, batch);
	assert(!err); /* whole small pages: no table is needed */
	while ((node = list_pop_front(&pages)))
		page_free(list_entry(node, struct page, link), 0);
}

void *vmalloc(size_t len)
{
	assert_no_interrupt();
	if (!len || len > KERNEL_MAP_END - KERNEL_AREAS_BASE)
		return NULL;
	len = ALIGN_UP(len, PAGE_SIZE);
	struct area *area = area_alloc(len, PAGE_SIZE, 0);
	if (!area)
		return NULL;

	struct tlb_batch batch;
	tlb_batch_init(&batch);
	if (kernel_map_back(area->start, len, PAGE_ZERO, &batch))
		return (void *)area->start;
	area_free(area, &batch);
	return NULL;
}

void vfree(void *va)
{
	assert_no_interrupt();
	if (!va)
		return;
	struct area *area = area_find(va);
	struct tlb_batch batch;

	assert(area->start == (uintptr_t)va);
	tlb_batch_init(&batch);
	kernel_map_unback(area->start, area->end - PAGE_SIZE - area->start, &batch);
	area_free(area, &batch);
}

/* --- devices ------------------------------------------------------------------------------------------------------ */

void *device_map(paddr_t pa, size_t len)
{
	paddr_t start = ALIGN_DOWN(pa, PAGE_SIZE), end;
	if (!len || add_overflows(pa, len, &end) || end > UINT64_MAX - PAGE_SIZE)
		return NULL;
	size_t pages_len = ALIGN_UP(end, PAGE_SIZE) - start;
	if (pages_len > KERNEL_MAP_END - KERNEL_AREAS_BASE)
		return NULL;

	/* Large pages need both addresses to be alike in their lower bits. */
	bool is_large = pages_len >= LARGE_PAGE;
	struct area *area = is_large ? area_alloc(pages_len, LARGE_PAGE, start & (LARGE_PAGE - 1))
				     : area_alloc(pages_len, PAGE_SIZE, 0);
	if (!area)
		return NULL;
	if (!page_table_map(&kernel_page_table, area->start, start, pages_len, VM_DEVICE, 2))
		return (uint8_t *)area->start + (pa - start);

	struct tlb_batch batch;
	tlb_batch_init(&batch);
	area_free(area, &batch);
	return NULL;
}

void device_unmap(void *va)
{
	if (!va)
		return;
	struct area *area = area_find(va);
	struct tlb_batch batch;

	tlb_batch_init(&batch);
	int err = page_table_unmap(
	    &kernel_page_table, area->start, area->end - PAGE_SIZE - area->start, &batch);
	assert(!err); /* the whole of what was mapped: nothing is split */
	area_free(area, &batch);
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

void kernel_map_stats(struct kernel_map_stats *stats)
{
	kernel_stack_stats(stats);
	spin_lock(&map_lock);
	stats->areas = used_count;
	stats->area_pages = used_pages;
	stats->dead_pages = dead_pages;
	spin_unlock(&map_lock);
}

void kernel_map_trim(void)
{
	kernel_stack_trim();
	flush_dead();
}

void kernel_map_init(void)
{
	page_tables_are_early = false;
	tlb_batch_init(&dead_batch);
	struct area *all = kmalloc(sizeof(*all));
	if (!all)
		panic("kernel map: no memory for its first area");
	/* The page before the first area stays unmapped, like those behind each. */
	all->start = KERNEL_AREAS_BASE + PAGE_SIZE;
	all->end = KERNEL_MAP_END;
	rb_insert(&free_areas, &all->node, area_less);
}
