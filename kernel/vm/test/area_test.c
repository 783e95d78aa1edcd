/*
 * The tree of areas against a model that knows each page: inserted, split, merged, changed, removed at random; gaps against a search page by
 * page; and without memory. The pages, files and processes around it are played here.
 */
#include <abi/errno.h>
#include <arch/host.h>
#include <lib/random.h>
#include <lib/string.h>
#include <mm/alloc_fail.h>
#include <mm/slab.h>
#include <object/object.h>
#include <test/test.h>

#include "vm_impl.h"

#define MACHINE_BYTES (8 * MiB)
#define PAGES         512
#define BASE          (USER_MMAP_MIN + 16 * PAGE_SIZE)
#define PROTS         3

static struct address_space space;
static struct object file;
static struct page_cache cache;
static unsigned areas_in_cache;

/* What each page of the model's range is: 0 nothing, otherwise its protection + 1, and its place in the file. */
struct model_page {
	uint8_t prot;
	bool is_file;
	uint64_t offset;
};
static struct model_page model[PAGES];

void object_put(struct object *object)
{
	object->refs--;
}

void page_cache_lock_areas(struct page_cache *of)
{
	spin_lock(&of->areas_lock);
}

void page_cache_unlock_areas(struct page_cache *of)
{
	spin_unlock(&of->areas_lock);
}

void page_cache_add_area(struct page_cache *of, struct area *area)
{
	list_push_back(&of->areas, &area->mapping_link);
}

void page_cache_remove_area(struct page_cache *of, struct area *area)
{
	CHECK(of == &cache);
	list_remove(&area->mapping_link);
}

static void start(void)
{
	host_mm_start(MACHINE_BYTES);
	space = (struct address_space){.mmap_top = BASE + PAGES * PAGE_SIZE};
	file = (struct object){.refs = 1};
	cache = (struct page_cache){0};
	spin_init(&cache.areas_lock, "mapped areas", RANK_MAPPED_AREAS);
	list_init(&cache.areas);
	memset(model, 0, sizeof(model));
}

static uintptr_t address_of(unsigned page)
{
	return BASE + page * PAGE_SIZE;
}

static uint32_t prot_of(unsigned prot)
{
	static const uint32_t prots[PROTS] = {VM_READ, VM_READ | VM_WRITE, VM_READ | VM_EXEC};
	return prots[prot - 1];
}

static void remove_range(unsigned from, unsigned to)
{
	uintptr_t begin = address_of(from), end = address_of(to);
	CHECK(!area_split_at(&space, begin));
	CHECK(!area_split_at(&space, end));
	struct area *area = area_at_or_after(&space, begin);
	while (area && area->start < end) {
		struct area *next = area_next(area);
		CHECK(area->start >= begin && area->end <= end);
		area_remove(&space, area);
		area_free(area);
		area = next;
	}
	memset(&model[from], 0, (to - from) * sizeof(model[0]));
}

static void finish(void)
{
	remove_range(0, PAGES);
	CHECK(!space.areas.root);
	CHECK_EQ(space.area_count, 0);
	CHECK_EQ(space.mapped_pages, 0);
	CHECK_EQ(space.data_pages, 0);
	CHECK_EQ(space.stack_pages, 0);
	CHECK_EQ(space.locked_pages, 0);
	CHECK_EQ(file.refs, 1);
	CHECK(list_is_empty(&cache.areas));
	host_mm_finish();
}

static struct area *make_area(unsigned from, unsigned to, unsigned prot, bool is_file)
{
	struct area *area = area_create(address_of(from), address_of(to), prot_of(prot), 0);
	if (area && is_file) {
		area->object = object_get(&file);
		area->cache = &cache;
		area->offset = from * PAGE_SIZE;
	}
	return area;
}

static void insert(unsigned from, unsigned to, unsigned prot, bool is_file)
{
	remove_range(from, to);
	struct area *area = make_area(from, to, prot, is_file);
	CHECK(area);
	area = area_insert(&space, area);
	CHECK(area->start <= address_of(from) && area->end >= address_of(to));
	for (unsigned i = from; i < to; i++)
		model[i] = (struct model_page){(uint8_t)prot, is_file, i * PAGE_SIZE};
}

static unsigned shifts; /* nothing was split or merged */

/* As mprotect does. */
static void protect(unsigned from, unsigned to, unsigned prot)
{
	uintptr_t end = address_of(to);
	struct area *area = area_at_or_after(&space, address_of(from));
	while (area && area->start < end) {
		uintptr_t start = max(area->start, address_of(from)), stop = min(area->end, end);
		if (area->prot != prot_of(prot)) {
			uint64_t count = space.area_count;
			area = area_protect(&space, area, start, stop, prot_of(prot));
			CHECK(area && area->start <= start && area->end >= stop);
			shifts += count == space.area_count;
		}
		area = area_next(area);
	}
	for (unsigned i = from; i < to; i++)
		if (model[i].prot)
			model[i].prot = (uint8_t)prot;
}

static bool goes_on(unsigned page)
{
	const struct model_page *a = &model[page - 1], *b = &model[page];
	return a->prot == b->prot && a->is_file == b->is_file;
}

/* Each page is in the area that it should be in, areas are as long as they can be, and what is counted is there. */
static void compare(void)
{
	uint64_t mapped = 0, data = 0, count = 0, in_cache = 0;
	struct area *area = NULL;
	for (unsigned i = 0; i < PAGES; i++) {
		struct area *found = vm_find_area(&space, address_of(i) + 5);
		if (!model[i].prot) {
			CHECK(!found);
			area = NULL;
			continue;
		}
		CHECK(found);
		CHECK_EQ(found->prot, prot_of(model[i].prot));
		CHECK_EQ(!!found->cache, model[i].is_file);
		if (found->cache)
			CHECK_EQ(area_page_offset(found, address_of(i)), i);
		CHECK_EQ(found == area, i > 0 && area && goes_on(i));
		count += found != area;
		in_cache += found != area && found->cache;
		mapped++;
		data += model[i].prot == 2;
		area = found;
	}
	areas_in_cache = 0;
	list_for_each(area, &cache.areas, mapping_link)
		areas_in_cache++;
	CHECK_EQ(areas_in_cache, in_cache);
	CHECK_EQ(file.refs, 1 + in_cache);
	CHECK_EQ(space.area_count, count);
	CHECK_EQ(space.mapped_pages, mapped);
	CHECK_EQ(space.data_pages, data);
}

/* The highest place under mmap_top, found page by page; 0: none. */
static uintptr_t gap_of_model(unsigned pages, unsigned align_pages)
{
	unsigned run = 0;
	for (unsigned i = PAGES; i-- > 0;) {
		run = model[i].prot ? 0 : run + 1;
		if (run >= pages && IS_ALIGNED(address_of(i), align_pages * PAGE_SIZE))
			return address_of(i);
	}
	return 0;
}

static void compare_gap(uint64_t r)
{
	unsigned pages = (unsigned)(r % 24) + 1, align = r >> 8 & 1 ? 8 : 1;
	uintptr_t expected = gap_of_model(pages, align);
	uintptr_t got = area_find_gap(&space, 0, pages * PAGE_SIZE, align * PAGE_SIZE);
	if (expected)
		CHECK_EQ(got, expected);
	else
		CHECK(got < BASE); /* below the model's range there is a little room */
	if (expected && r >> 9 & 1) {
		unsigned from = (unsigned)((expected - BASE) / PAGE_SIZE);
		insert(from, from + pages, (unsigned)(r >> 10) % PROTS + 1, r >> 20 & 1);
	}
}

static void random_steps(uint64_t seed, unsigned steps)
{
	for (unsigned step = 0; step < steps; step++) {
		uint64_t r = random_next(&seed);
		unsigned from = (unsigned)(r >> 8) % PAGES, len = (unsigned)(r >> 24) % 24 + 1;
		unsigned to = min(from + len, (unsigned)PAGES),
			 prot = (unsigned)(r >> 40) % PROTS + 1;
		switch (r % 4) {
		case 0: insert(from, to, prot, r >> 50 & 1); break;
		case 1: remove_range(from, to); break;
		case 2: protect(from, to, prot); break;
		default: compare_gap(r >> 8); break;
		}
		if (step % 8 == 0)
			compare();
	}
}

TEST(areas_agree_with_a_model)
{
	start();
	for (uint64_t seed = 1; seed <= 6; seed++) {
		random_steps(seed, 1500);
		compare();
		remove_range(0, PAGES);
	}
	finish();
}

TEST(neighbours_merge_only_when_alike)
{
	start();
	insert(10, 20, 2, false);
	insert(20, 30, 2, false);
	CHECK_EQ(space.area_count, 1);
	insert(30, 40, 1, false);
	CHECK_EQ(space.area_count, 2);
	insert(40, 50, 1, true);
	insert(50, 60, 1, true);
	CHECK_EQ(space.area_count, 3);
	/* The same file, but not where it would go on. */
	struct area *area = make_area(60, 70, 1, true);
	area->offset += PAGE_SIZE;
	area_insert(&space, area);
	CHECK_EQ(space.area_count, 4);
	/* A stack never merges: it grows by itself. */
	area = area_create(address_of(100), address_of(110), VM_READ, AREA_STACK | AREA_GROWS_DOWN);
	area_insert(&space, area);
	insert(90, 100, 1, false);
	CHECK_EQ(space.area_count, 6);
	CHECK_EQ(space.stack_pages, 10);
	finish();
}

TEST(a_boundary_moves_between_alike_neighbours)
{
	start();
	insert(10, 20, 1, false);
	insert(20, 30, 2, false);
	insert(30, 40, 1, false);
	shifts = 0;
	protect(20, 25, 1); /* the lower end */
	compare();
	protect(29, 30, 1); /* the upper one */
	compare();
	protect(35, 40, 2); /* nobody is next to it */
	compare();
	protect(12, 15, 2); /* in the middle */
	compare();
	CHECK_EQ(shifts, 2);
	protect(25, 29, 1); /* all of it: the three become one */
	compare();
	insert(50, 60, 1, true);
	insert(60, 70, 2, true);
	protect(60, 65, 1); /* a file's offsets move along */
	compare();
	protect(64, 65, 2);
	compare();
	CHECK_EQ(shifts, 4);
	finish();
}

TEST(the_hint_is_taken_when_it_is_free)
{
	start();
	insert(100, 110, 1, false);
	CHECK_EQ(area_find_gap(&space, address_of(50), 10 * PAGE_SIZE, PAGE_SIZE), address_of(50));
	CHECK_EQ(
	    area_find_gap(&space, address_of(50) + 99, 10 * PAGE_SIZE, PAGE_SIZE), address_of(50));
	CHECK_EQ(area_find_gap(&space, address_of(95), 10 * PAGE_SIZE, PAGE_SIZE),
	    address_of(PAGES - 10));
	CHECK_EQ(area_find_gap(&space, USER_END - PAGE_SIZE, 2 * PAGE_SIZE, PAGE_SIZE),
	    address_of(PAGES - 2));
	finish();
}

/* Many areas side by side: the search goes on from where it was, so this is quick; and holes are found again. */
TEST(gaps_are_found_at_once)
{
	start();
	enum { COUNT = 20000 };
	space.mmap_top = USER_END;
	for (unsigned i = 0; i < COUNT; i++) {
		uintptr_t at = area_find_gap(&space, 0, PAGE_SIZE, PAGE_SIZE);
		CHECK_EQ(at, USER_END - (i + 1) * PAGE_SIZE);
		struct area *area = area_create(at, at + PAGE_SIZE, i & 1 ? VM_READ : 0, 0);
		CHECK(area);
		area_insert(&space, area);
	}
	CHECK_EQ(space.area_count, COUNT);
	uintptr_t hole = USER_END - 77 * PAGE_SIZE;
	struct area *area = vm_find_area(&space, hole);
	area_remove(&space, area);
	area_free(area);
	CHECK_EQ(
	    area_find_gap(&space, 0, 2 * PAGE_SIZE, PAGE_SIZE), USER_END - (COUNT + 2) * PAGE_SIZE);
	CHECK_EQ(area_find_gap(&space, 0, PAGE_SIZE, PAGE_SIZE), hole);
	while (space.areas.root) {
		area = area_at_or_after(&space, 0);
		area_remove(&space, area);
		area_free(area);
	}
	finish();
}

TEST(nothing_changes_without_memory)
{
	start();
	insert(10, 50, 2, true);
	for (uint64_t n = 1;; n++) {
		alloc_fail_after(n);
		int err = area_split_at(&space, address_of(30));
		if (!alloc_fail_after(0)) {
			CHECK_EQ(err, 0);
			break;
		}
		CHECK_EQ(err, -ENOMEM);
		compare();
	}
	CHECK_EQ(space.area_count, 2);
	area_merge_around(&space, address_of(30), address_of(30));
	compare();
	/* From the middle: two splits, of which the first is undone when there is no memory for the second. */
	struct area *area = vm_find_area(&space, address_of(30));
	for (uint64_t n = 1; n <= 2; n++) {
		alloc_fail_after(n);
		CHECK(!area_protect(&space, area, address_of(20), address_of(30), VM_READ));
		CHECK(alloc_fail_after(0));
		compare();
	}
	protect(20, 30, 1);
	compare();
	alloc_fail_after(1);
	CHECK(!area_create(address_of(1), address_of(2), VM_READ, 0));
	CHECK(alloc_fail_after(0));
	finish();
}

TEST(there_is_a_limit_to_areas)
{
	start();
	insert(10, 50, 2, false);
	space.area_count += AREAS_MAX - 1;
	CHECK_EQ(area_split_at(&space, address_of(30)), -ENOMEM);
	space.area_count -= AREAS_MAX - 1;
	CHECK_EQ(area_split_at(&space, address_of(30)), 0);
	finish();
}
