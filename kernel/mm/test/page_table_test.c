/* Page tables against a model: an array that says, page by page, what should be mapped. */
#include <abi/errno.h>
#include <mm/alloc_fail.h>
#include <mm/page_table.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

#define WINDOW_BASE  (510 * GiB) /* around a boundary of the top level */
#define WINDOW_PAGES (4 * GiB / PAGE_SIZE)

struct model_page {
	uint32_t frame; /* 0: not mapped */
	uint32_t prot;
};

struct fixture {
	struct page_table table;
	struct model_page *model;
	uint64_t random;
};

struct page_table kernel_page_table;

static void setup(struct fixture *f, uint64_t seed)
{
	MACHINE({0, 64 * MiB});
	CHECK_EQ(page_table_init(&f->table), 0);
	f->model = calloc(WINDOW_PAGES, sizeof(*f->model));
	f->random = seed;
}

/* What unmapped tables are kept for a flush, which the host does not need. */
static void drop_batch(struct tlb_batch *batch)
{
	tlb_flush(batch, 1);
	CHECK(tlb_batch_is_empty(batch));
}

static void unmap_everything(struct fixture *f)
{
	struct tlb_batch batch;
	tlb_batch_init(&batch);
	for (size_t first = 0, end; first < WINDOW_PAGES; first = end) {
		bool is_mapped = f->model[first].frame != 0;
		for (end = first + 1; end < WINDOW_PAGES && (f->model[end].frame != 0) == is_mapped;
		     end++)
			;
		if (is_mapped)
			CHECK_EQ(page_table_unmap(&f->table, WINDOW_BASE + first * PAGE_SIZE,
				     (end - first) * PAGE_SIZE, &batch),
			    0);
	}
	drop_batch(&batch);
}

static void teardown(struct fixture *f)
{
	unmap_everything(f);
	CHECK_EQ(f->table.table_pages, 0);
	page_table_destroy(&f->table);
	free(f->model);
	machine_finish();
}

static void check_page(struct fixture *f, size_t i)
{
	uint64_t inside = random_next(&f->random) % PAGE_SIZE;
	struct translation t;
	int err = page_table_translate(&f->table, WINDOW_BASE + i * PAGE_SIZE + inside, &t);

	if (!f->model[i].frame) {
		CHECK_EQ(err, -ENOENT);
		return;
	}
	CHECK_EQ(err, 0);
	CHECK_EQ(t.pa, f->model[i].frame * PAGE_SIZE + inside);
	CHECK_EQ(t.prot, f->model[i].prot);
}

static void check_all(struct fixture *f)
{
	for (size_t i = 0; i < WINDOW_PAGES; i++)
		check_page(f, i);
}

/* Every table holds as many entries as its page says, none is empty, and their number is known. */
static uint64_t check_tables(paddr_t table, unsigned level)
{
	const pte_t *entries = phys_to_virt(table);
	uint64_t present = 0, tables = 0;

	CHECK_EQ(phys_to_page(table)->kind, PAGE_USED);
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		if (!pte_is_present(entries[i]))
			continue;
		present++;
		if (!pte_is_leaf(entries[i], level))
			tables += 1 + check_tables(pte_paddr(entries[i], 1), level - 1);
	}
	CHECK_EQ(phys_to_page(table)->owner_data, present);
	CHECK(present || level == PT_LEVELS);
	return tables;
}

/* --- random traffic ----------------------------------------------------------------------------------------------- */

/* A range whose start and length are multiples of a page, or often of a larger size. */
static void random_range(struct fixture *f, size_t *first, size_t *count)
{
	static const size_t steps[] = {1, 1, 512, 512 * 512};
	size_t step = steps[random_next(&f->random) % ARRAY_LEN(steps)];
	*first = random_next(&f->random) % (WINDOW_PAGES / step) * step;
	size_t most = min((WINDOW_PAGES - *first) / step, (size_t)(step == 1 ? 2000 : 3));
	*count = (random_next(&f->random) % most + 1) * step;
	if (random_next(&f->random) % 4 == 0 && *count > 1)
		*count -= random_next(&f->random) % *count;
	/* Single pages close together: the short way, and tables that become empty one page at a time. */
	if (random_next(&f->random) % 3 == 0) {
		*first = random_next(&f->random) % 24 * 128;
		*count = 1;
	}
}

static unsigned random_prot(struct fixture *f)
{
	static const unsigned prots[] = {VM_READ, VM_READ | VM_WRITE, VM_READ | VM_EXEC,
	    VM_READ | VM_WRITE | VM_USER, VM_READ | VM_EXEC | VM_USER | VM_GLOBAL, VM_DEVICE,
	    VM_READ | VM_WRITE | VM_WRITE_COMBINING};
	return prots[random_next(&f->random) % ARRAY_LEN(prots)];
}

static size_t count_mapped(const struct fixture *f, size_t first, size_t count)
{
	size_t mapped = 0;
	for (size_t i = first; i < first + count; i++)
		mapped += f->model[i].frame != 0;
	return mapped;
}

static void step_map(struct fixture *f, size_t first, size_t count)
{
	/* Frames that are aligned like the addresses, or not: both happen. */
	uint32_t frame =
	    (uint32_t)(random_next(&f->random) % 2 ? 0x1000000 + first
						   : 0x2000000 + random_next(&f->random) % 4096);
	unsigned prot = random_prot(f), level = 1 + (unsigned)(random_next(&f->random) % 3);
	int err = page_table_map(&f->table, WINDOW_BASE + first * PAGE_SIZE, frame * PAGE_SIZE,
	    count * PAGE_SIZE, prot, level);

	CHECK_EQ(err, count_mapped(f, first, count) ? -EEXIST : 0);
	for (size_t i = 0; !err && i < count; i++)
		f->model[first + i] = (struct model_page){frame + (uint32_t)i, prot};
}

static void step_unmap(struct fixture *f, size_t first, size_t count)
{
	struct tlb_batch batch;
	tlb_batch_init(&batch);
	int err =
	    page_table_unmap(&f->table, WINDOW_BASE + first * PAGE_SIZE, count * PAGE_SIZE, &batch);
	drop_batch(&batch);

	CHECK_EQ(err, count_mapped(f, first, count) == count ? 0 : -ENOENT);
	if (!err)
		memset(&f->model[first], 0, count * sizeof(*f->model));
}

static void step_protect(struct fixture *f, size_t first, size_t count)
{
	struct tlb_batch batch;
	tlb_batch_init(&batch);
	unsigned prot = random_prot(f);
	int err = page_table_protect(
	    &f->table, WINDOW_BASE + first * PAGE_SIZE, count * PAGE_SIZE, prot, &batch);
	drop_batch(&batch);

	CHECK_EQ(err, count_mapped(f, first, count) == count ? 0 : -ENOENT);
	for (size_t i = 0; !err && i < count; i++)
		f->model[first + i].prot = prot;
}

/* A part of a run that is mapped, so that unmap and protect do more than fail. */
static void mapped_range(struct fixture *f, size_t *first, size_t *count)
{
	random_range(f, first, count);
	size_t i = *first;
	while (i < WINDOW_PAGES && !f->model[i].frame)
		i++;
	if (i == WINDOW_PAGES)
		return;
	size_t end = i;
	while (end < WINDOW_PAGES && end < i + *count && f->model[end].frame)
		end++;
	*first = i;
	*count = end - i;
	if (random_next(&f->random) % 2 && *count > 1) {
		*first += random_next(&f->random) % *count;
		*count = end - *first;
	}
}

TEST(page_table_agrees_with_a_model)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct fixture f;
		setup(&f, seed);
		for (unsigned step = 0; step < 1500; step++) {
			size_t first, count;
			unsigned kind = (unsigned)(random_next(&f.random) % 8);
			if (kind < 3 || kind == 7)
				random_range(&f, &first, &count);
			else
				mapped_range(&f, &first, &count);
			if (kind < 3)
				step_map(&f, first, count);
			else if (kind < 5)
				step_unmap(&f, first, count);
			else
				step_protect(&f, first, count);
			for (unsigned i = 0; i < 16; i++) {
				check_page(&f, random_next(&f.random) % WINDOW_PAGES);
				check_page(&f,
				    min(first + random_next(&f.random) % count, WINDOW_PAGES - 1));
			}
			CHECK_EQ(check_tables(f.table.root, PT_LEVELS), f.table.table_pages);
			if (step % 250 == 0)
				check_all(&f);
		}
		check_all(&f);
		teardown(&f);
	}
}

/* --- page sizes --------------------------------------------------------------------------------------------------- */

static unsigned level_at(struct fixture *f, uintptr_t va)
{
	struct translation t;
	CHECK_EQ(page_table_translate(&f->table, va, &t), 0);
	return t.level;
}

static void note_mapping(
    struct fixture *f, size_t first, size_t count, uint32_t frame, unsigned prot)
{
	for (size_t i = 0; i < count; i++)
		f->model[first + i] =
		    frame ? (struct model_page){frame + (uint32_t)i, prot} : (struct model_page){0};
}

TEST(page_table_uses_the_largest_page_that_fits)
{
	struct fixture f;
	setup(&f, 1);
	/* From 4 KiB below a 2 MiB boundary, over two whole GiB, to 4 KiB above one. */
	size_t first = 511, count = 1 + 511 * 512 + 2 * 512 * 512 + 512 + 1;
	CHECK_EQ(page_table_map(&f.table, WINDOW_BASE + first * PAGE_SIZE,
		     4 * GiB + first * PAGE_SIZE, count * PAGE_SIZE, VM_READ, 3),
	    0);
	note_mapping(&f, first, count, 0x100000 + 511, VM_READ);
	CHECK_EQ(level_at(&f, WINDOW_BASE + 511 * PAGE_SIZE), 1);
	CHECK_EQ(level_at(&f, WINDOW_BASE + 2 * MiB), 2);
	CHECK_EQ(level_at(&f, WINDOW_BASE + GiB), 3);
	CHECK_EQ(level_at(&f, WINDOW_BASE + 3 * GiB - 1), 3);
	CHECK_EQ(level_at(&f, WINDOW_BASE + 3 * GiB), 2);
	CHECK_EQ(level_at(&f, WINDOW_BASE + 3 * GiB + 2 * MiB), 1);
	/* Two directories, three tables of pages and the two pointer tables above: the window crosses 512 GiB. */
	CHECK_EQ(f.table.table_pages, 2 + 2 + 2);
	check_all(&f);
	teardown(&f);
}

TEST(page_table_splits_only_what_sticks_out)
{
	struct fixture f;
	setup(&f, 1);
	CHECK_EQ(
	    page_table_map(&f.table, WINDOW_BASE, 0x40000000, 2 * GiB, VM_READ | VM_WRITE, 3), 0);
	note_mapping(&f, 0, 2 * GiB / PAGE_SIZE, 0x40000, VM_READ | VM_WRITE);
	CHECK_EQ(f.table.table_pages, 1);

	step_protect(&f, 5, 1);
	CHECK_EQ(f.table.table_pages, 3);
	CHECK_EQ(level_at(&f, WINDOW_BASE + 5 * PAGE_SIZE), 1);
	CHECK_EQ(level_at(&f, WINDOW_BASE + 2 * MiB), 2);
	CHECK_EQ(level_at(&f, WINDOW_BASE + GiB), 3);
	/* A whole large page needs no split. */
	step_protect(&f, 512, 1024);
	CHECK_EQ(f.table.table_pages, 3);
	/* From the middle of one GiB to the middle of the next. */
	step_unmap(&f, 512 * 511 + 7, 512 * 2);
	CHECK_EQ(f.table.table_pages, 3 + 1 + 2);
	check_all(&f);
	teardown(&f);
}

TEST(page_table_frees_tables_when_empty)
{
	struct fixture f;
	setup(&f, 1);
	for (unsigned round = 0; round < 3; round++) {
		CHECK_EQ(page_table_map(&f.table, WINDOW_BASE, 0x1000, PAGE_SIZE, VM_READ, 1), 0);
		CHECK_EQ(
		    page_table_map(&f.table, WINDOW_BASE + 2 * MiB, 0x2000, PAGE_SIZE, VM_READ, 1),
		    0);
		note_mapping(&f, 0, 1, 1, VM_READ);
		note_mapping(&f, 512, 1, 2, VM_READ);
		CHECK_EQ(f.table.table_pages, 4);
		step_unmap(&f, 0, 1);
		CHECK_EQ(f.table.table_pages, 3);
		step_unmap(&f, 512, 1);
		CHECK_EQ(f.table.table_pages, 0);
	}
	/* Where tables were, a large page fits again. */
	CHECK_EQ(page_table_map(&f.table, WINDOW_BASE, GiB, GiB, VM_READ, 3), 0);
	note_mapping(&f, 0, GiB / PAGE_SIZE, GiB / PAGE_SIZE, VM_READ);
	CHECK_EQ(f.table.table_pages, 1);
	teardown(&f);
}

/* A table that became empty must not be reused while a CPU may still walk it: it stays allocated until the flush. */
TEST(page_table_keeps_empty_tables_until_the_flush)
{
	struct fixture f;
	setup(&f, 1);
	struct page_stats before, after;
	struct tlb_batch batch;
	tlb_batch_init(&batch);
	CHECK_EQ(page_table_map(&f.table, WINDOW_BASE, 0x1000, PAGE_SIZE, VM_READ, 1), 0);
	page_stats_total(&before);
	CHECK_EQ(page_table_unmap(&f.table, WINDOW_BASE, PAGE_SIZE, &batch), 0);
	page_stats_total(&after);
	CHECK_EQ(after.free, before.free);
	CHECK_EQ(f.table.table_pages, 0);
	drop_batch(&batch);
	page_stats_total(&after);
	CHECK_EQ(after.free, before.free + 3);
	teardown(&f);
}

/* --- errors ------------------------------------------------------------------------------------------------------- */

TEST(page_table_tells_errors_apart)
{
	struct fixture f;
	setup(&f, 1);
	struct page_table *t = &f.table;
	uintptr_t va = WINDOW_BASE;
	struct translation out;
	struct tlb_batch batch;
	tlb_batch_init(&batch);

	CHECK_EQ(page_table_map(t, va + 1, 0, PAGE_SIZE, VM_READ, 1), -EINVAL);
	CHECK_EQ(page_table_map(t, va, 1, PAGE_SIZE, VM_READ, 1), -EINVAL);
	CHECK_EQ(page_table_map(t, va, 0, 0, VM_READ, 1), -ERANGE);
	CHECK_EQ(page_table_map(t, va, 0, PAGE_SIZE + 1, VM_READ, 1), -ERANGE);
	CHECK_EQ(page_table_map(t, va, 0, PAGE_SIZE, VM_READ, 0), -ERANGE);
	CHECK_EQ(page_table_map(t, va, 0, PAGE_SIZE, VM_READ, 4), -ERANGE);
	CHECK_EQ(page_table_map(t, va, 0, PAGE_SIZE, VM_READ | VM_WRITE | VM_EXEC, 1), -EACCES);
	CHECK_EQ(page_table_map(t, va, 0, PAGE_SIZE, VM_WRITE, 1), -EACCES);
	CHECK_EQ(page_table_map(t, 0x800000000000, 0, PAGE_SIZE, VM_READ, 1), -EFAULT);
	CHECK_EQ(page_table_map(t, 0x7ffffffff000, 0, PAGE_SIZE, VM_READ, 1), -EFAULT);
	CHECK_EQ(page_table_map(t, 0x7fffffffe000, 0, 2 * PAGE_SIZE, VM_READ, 1), -EFAULT);
	CHECK_EQ(page_table_map(t, va, 1ull << 52, PAGE_SIZE, VM_READ, 1), -EFAULT);
	CHECK_EQ(
	    page_table_map(t, va, (1ull << 52) - PAGE_SIZE, 2 * PAGE_SIZE, VM_READ, 1), -EFAULT);
	CHECK_EQ(page_table_map(t, va, 0, ~0ull << 12, VM_READ, 1), -EFAULT);
	/* The kernel's half is not this table's to change. */
	CHECK_EQ(page_table_map(t, DIRECT_MAP_BASE, 0, PAGE_SIZE, VM_READ, 1), -EFAULT);
	CHECK_EQ(page_table_unmap(t, va, PAGE_SIZE, &batch), -ENOENT);
	CHECK_EQ(page_table_protect(t, va, PAGE_SIZE, VM_READ, &batch), -ENOENT);
	CHECK_EQ(page_table_translate(t, va, &out), -ENOENT);
	CHECK_EQ(page_table_translate(t, 0x900000000000, &out), -EFAULT);

	CHECK_EQ(page_table_map(t, va, 0x5000, 2 * PAGE_SIZE, VM_READ, 1), 0);
	note_mapping(&f, 0, 2, 5, VM_READ);
	CHECK_EQ(page_table_map(t, va + PAGE_SIZE, 0, 2 * PAGE_SIZE, VM_READ, 1), -EEXIST);
	CHECK_EQ(page_table_map(t, va, 0, GiB, VM_READ, 3), -EEXIST);
	CHECK_EQ(page_table_unmap(t, va, 3 * PAGE_SIZE, &batch), -ENOENT);
	CHECK_EQ(page_table_unmap(t, va + 1, PAGE_SIZE, &batch), -EINVAL);
	CHECK_EQ(page_table_unmap(t, va, 0, &batch), -ERANGE);
	CHECK_EQ(
	    page_table_protect(t, va, PAGE_SIZE, VM_READ | VM_WRITE | VM_EXEC, &batch), -EACCES);
	CHECK_EQ(page_table_protect(t, va, 3 * PAGE_SIZE, VM_READ, &batch), -ENOENT);
	CHECK(tlb_batch_is_empty(&batch));
	check_all(&f);
	teardown(&f);
}

/* Each operation is run with its 1st, 2nd, ... allocation failing, until none does; a failure changes nothing. */

static int try_map(struct fixture *f, struct tlb_batch *batch)
{
	(void)batch;
	size_t first = 511, count = 512 * 512 + 1024;
	int err = page_table_map(&f->table, WINDOW_BASE + first * PAGE_SIZE, 0x10000000,
	    count * PAGE_SIZE, VM_READ | VM_WRITE, 1);
	if (!err)
		note_mapping(f, first, count, 0x10000, VM_READ | VM_WRITE);
	return err;
}

static int try_split_protect(struct fixture *f, struct tlb_batch *batch)
{
	size_t first = 3 * 512 * 512 + 7, count = 512 * 100;
	int err = page_table_protect(
	    &f->table, WINDOW_BASE + first * PAGE_SIZE, count * PAGE_SIZE, VM_READ, batch);
	for (size_t i = 0; !err && i < count; i++)
		f->model[first + i].prot = VM_READ;
	return err;
}

static int try_split_unmap(struct fixture *f, struct tlb_batch *batch)
{
	size_t first = 2 * 512 * 512 + 5, count = 3;
	int err =
	    page_table_unmap(&f->table, WINDOW_BASE + first * PAGE_SIZE, count * PAGE_SIZE, batch);
	if (!err)
		note_mapping(f, first, count, 0, 0);
	return err;
}

static uint64_t fail_each_allocation(
    struct fixture *f, int (*attempt)(struct fixture *f, struct tlb_batch *batch))
{
	struct tlb_batch batch;
	tlb_batch_init(&batch);
	for (uint64_t n = 1;; n++) {
		uint64_t tables = f->table.table_pages;
		alloc_fail_after(n);
		int err = attempt(f, &batch);
		bool has_failed = alloc_fail_after(0);
		CHECK_EQ(err, has_failed ? -ENOMEM : 0);
		if (!has_failed) {
			drop_batch(&batch);
			check_all(f);
			return n - 1;
		}
		CHECK(tlb_batch_is_empty(&batch));
		CHECK_EQ(f->table.table_pages, tables);
		if (n % 64 == 1)
			check_all(f);
	}
}

TEST(page_table_survives_every_failed_allocation)
{
	struct fixture f;
	setup(&f, 1);
	CHECK_EQ(page_table_map(
		     &f.table, WINDOW_BASE + 2 * GiB, 8 * GiB, 2 * GiB, VM_READ | VM_WRITE, 3),
	    0);
	note_mapping(&f, 2 * 512 * 512, 2 * 512 * 512, 0x200000, VM_READ | VM_WRITE);

	/* Pages of 4 KiB over a GiB: a pointer table, two directories, 515 tables. */
	CHECK(fail_each_allocation(&f, try_map) >= 515);
	CHECK_EQ(fail_each_allocation(&f, try_split_protect), 3);
	CHECK_EQ(fail_each_allocation(&f, try_split_unmap), 2);
	teardown(&f);
}

/* Every address space has the kernel's top-level entries. */
TEST(page_table_shares_the_kernels_half)
{
	struct fixture f;
	setup(&f, 1);
	struct page *root = page_alloc(0, PAGE_ZERO);
	CHECK(root);
	kernel_page_table.root = page_to_phys(root);
	((pte_t *)page_to_virt(root))[256] = 0x1234000 | 1;
	((pte_t *)page_to_virt(root))[0] = 0x4321000 | 1;

	struct page_table other;
	CHECK_EQ(page_table_init(&other), 0);
	const pte_t *entries = phys_to_virt(other.root);
	CHECK_EQ(entries[256], 0x1234000 | 1);
	CHECK_EQ(entries[0], 0);
	page_table_destroy(&other);
	page_free(root, 0);
	kernel_page_table.root = 0;

	alloc_fail_after(1);
	CHECK_EQ(page_table_init(&other), -ENOMEM);
	CHECK(alloc_fail_after(0));
	teardown(&f);
}
