/* What may be done with which address: asked of the live page tables, and of the processor. */
#include <arch/mmu.h>
#include <mm/kernel_map.h>
#include <mm/page_alloc.h>
#include <mm/page_table.h>
#include <test/selftest.h>
#include <x86/probe.h>

extern char __text_start[], __text_end[], __rodata_start[], __rodata_end[], __data_start[],
    __bss_end[];
extern char boot_stack_guard[];

struct findings {
	uint64_t leaves, executable, large;
};

static paddr_t image_paddr(const char *symbol)
{
	return (uintptr_t)symbol - KERNEL_IMAGE_BASE;
}

static void check_leaf(uintptr_t va, pte_t pte, unsigned level, struct findings *found)
{
	unsigned prot = pte_prot(pte);
	uintptr_t end = va + pt_level_size(level);
	paddr_t pa = pte_paddr(pte, level);

	found->leaves++;
	found->large += level > 1;
	CHECK(!(prot & VM_WRITE && prot & VM_EXEC));
	CHECK(!(prot & VM_USER));
	if (prot & VM_EXEC) {
		found->executable++;
		CHECK(va >= (uintptr_t)__text_start && end <= (uintptr_t)__text_end);
	}
	/* Code and constants are not writable through any address. */
	if (prot & VM_WRITE)
		CHECK(pa + pt_level_size(level) <= image_paddr(__text_start) ||
		      pa >= image_paddr(__rodata_end));
}

static void check_table(paddr_t table, unsigned level, uintptr_t base, struct findings *found)
{
	const pte_t *entries = phys_to_virt(table);
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		uintptr_t va = base + i * pt_level_size(level);
		if (level == PT_LEVELS && i >= PT_ENTRIES / 2)
			va |= 0xffff000000000000;
		if (!pte_is_present(entries[i]))
			continue;
		if (pte_is_leaf(entries[i], level))
			check_leaf(va, entries[i], level, found);
		else
			check_table(pte_paddr(entries[i], 1), level - 1, va, found);
	}
}

SELFTEST(page_tables_are_writable_or_executable)
{
	struct findings found = {0};
	check_table(mmu_root(), PT_LEVELS, 0, &found);
	CHECK_EQ(found.executable, (uintptr_t)(__text_end - __text_start) / PAGE_SIZE);
	CHECK(found.large > 0);
	selftest_note(
	    "%lu entries, %lu large, %lu executable", found.leaves, found.large, found.executable);
}

SELFTEST(null_and_the_lower_half_are_not_mapped)
{
	const pte_t *entries = phys_to_virt(kernel_page_table.root);
	uint64_t value;
	for (unsigned i = 0; i < PT_ENTRIES / 2; i++)
		CHECK_EQ(entries[i], 0);
	CHECK(!probe_read_u64(0, &value));
	CHECK(!probe_read_u64(PAGE_SIZE, &value));
	CHECK(!probe_read_u64(image_paddr(__text_start), &value));
	CHECK(!probe_read_u64(0x800000000000, &value)); /* not canonical */
}

SELFTEST(the_image_is_protected_by_section)
{
	uint64_t value;
	CHECK(probe_read_u64((uintptr_t)__text_start, &value));
	CHECK(!probe_write((uintptr_t)__text_start));
	CHECK(!probe_write((uintptr_t)__text_end - 8));
	CHECK(probe_read_u64((uintptr_t)__rodata_start, &value));
	CHECK(!probe_write((uintptr_t)__rodata_start));
	CHECK(!probe_write((uintptr_t)__rodata_end - 8));
	CHECK(probe_write((uintptr_t)__data_start));
	CHECK(probe_write((uintptr_t)__bss_end - 8));
	CHECK(!probe_read_u64((uintptr_t)__bss_end, &value));
	/* The same bytes through the direct map. */
	CHECK(probe_read_u64((uintptr_t)phys_to_virt(image_paddr(__text_start)), &value));
	CHECK(!probe_write((uintptr_t)phys_to_virt(image_paddr(__text_start))));
	CHECK(!probe_write((uintptr_t)phys_to_virt(image_paddr(__rodata_end) - 8)));
}

SELFTEST(stacks_have_guard_pages)
{
	uint64_t value;
	uintptr_t stack = ALIGN_DOWN((uintptr_t)__builtin_frame_address(0), KERNEL_STACK_SIZE);
	CHECK(probe_write(stack));
	CHECK(!probe_read_u64(stack - 8, &value));
	CHECK(kernel_stack_is_guard(stack - 8));
	CHECK(!kernel_stack_is_guard(stack));
	CHECK(!probe_read_u64(stack + KERNEL_STACK_SIZE, &value));

	CHECK(!probe_read_u64((uintptr_t)boot_stack_guard, &value));
	CHECK(!probe_read_u64((uintptr_t)boot_stack_guard + PAGE_SIZE - 8, &value));
	CHECK(kernel_stack_is_guard((uintptr_t)boot_stack_guard));
	CHECK(probe_write((uintptr_t)boot_stack_guard + PAGE_SIZE));
}

SELFTEST(direct_map_covers_memory_only)
{
	struct page *page = page_alloc(0, 0);
	CHECK(page);
	paddr_t pa = page_to_phys(page);
	page_free(page, 0);
	CHECK(direct_map_covers(pa, PAGE_SIZE));
	CHECK(direct_map_covers(0, MiB));
	/* Local APIC, and far beyond what any table says. */
	CHECK(!direct_map_covers(0xfee00000, 4));
	CHECK(!direct_map_covers(1ull << 46, 1));
	CHECK(!direct_map_covers(UINT64_MAX - 4, 16));
	uint64_t value;
	CHECK(!probe_read_u64((uintptr_t)phys_to_virt(0xfee00000), &value));
}
