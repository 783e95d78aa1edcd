/*
 * The kernel's own page tables, built once at boot from early memory: the image by section, the direct map, the page array as
 * the page allocator asks for it, and one empty table for the kernel's map area. Every top-level entry of the kernel's half that
 * will ever be used exists afterwards, so every address space can copy them and never look back.
 */
#include "direct_map.h"
#include "kernel_map_impl.h"
#include "mm_impl.h"
#include "page_table_impl.h"

#include <log/assert.h>

#define LARGE_PAGE (2 * MiB)

/* From the linker script. */
extern char __text_start[], __text_end[], __rodata_start[], __rodata_end[], __data_start[],
    __bss_end[];
extern char boot_stack_guard[]; /* the page below the boot thread's stack */

struct page_table kernel_page_table = {.lock = SPINLOCK_INIT("kernel page table", RANK_PAGE_TABLE)};

static void map(uintptr_t va, paddr_t pa, size_t len, unsigned prot, unsigned max_level)
{
	int err = page_table_map(&kernel_page_table, va, pa, len, prot, max_level);
	if (err)
		panic("cannot map %#llx at %#lx: error %d", (unsigned long long)pa, va, err);
}

static paddr_t image_paddr(const char *symbol)
{
	return (uintptr_t)symbol - KERNEL_IMAGE_BASE;
}

static void map_section(const char *start, const char *end, unsigned prot)
{
	map((uintptr_t)start, image_paddr(start), (size_t)(end - start), prot, 1);
}

static void map_image(void)
{
	map_section(__text_start, __text_end, VM_CODE);
	map_section(__rodata_start, __rodata_end, VM_READ_ONLY);
	map_section(__data_start, boot_stack_guard, VM_KERNEL);
	map_section(boot_stack_guard + PAGE_SIZE, __bss_end, VM_KERNEL);
	boot_stack_guard_page = (uintptr_t)boot_stack_guard;
}

static void map_physical_memory(const struct boot_info *info)
{
	struct direct_map_cursor cursor = {0};
	struct paddr_range range;
	while (direct_map_next(info, &cursor, &range))
		map(DIRECT_MAP_BASE + range.start, range.start, range.end - range.start, VM_KERNEL,
		    3);

	/* What is read-only in the image must not be writable through its other address. */
	struct tlb_batch batch;
	tlb_batch_init(&batch);
	paddr_t start = image_paddr(__text_start), end = image_paddr(__rodata_end);
	int err = page_table_protect(
	    &kernel_page_table, DIRECT_MAP_BASE + start, end - start, VM_READ_ONLY, &batch);
	if (err)
		panic("the kernel image is not in memory: error %d", err);
}

static void create_top_entry(uintptr_t va)
{
	pte_t *slot = &page_table_entries(kernel_page_table.root)[pt_index(va, PT_LEVELS)];
	if (pte_is_present(*slot))
		return;
	*slot = pte_make_table(page_early_alloc(PAGE_SIZE, PAGE_SIZE));
	kernel_page_table.table_pages++;
}

void kernel_page_table_init(const struct boot_info *info)
{
	page_tables_are_early = true;
	kernel_page_table.root = page_early_alloc(PAGE_SIZE, PAGE_SIZE);
	map_image();
	map_physical_memory(info);
	create_top_entry(PAGE_ARRAY_BASE);
	create_top_entry(KERNEL_MAP_BASE);
	mmu_set_root(kernel_page_table.root);
	mmu_flush_everything();
}

/* [va, end) of the page array has no memory yet. Large pages where a whole one is needed. */
static void back_page_array(uintptr_t va, uintptr_t end)
{
	while (va < end) {
		bool is_large = IS_ALIGNED(va, LARGE_PAGE) && end - va >= LARGE_PAGE;
		size_t len = is_large ? LARGE_PAGE : min(end, ALIGN_UP(va + 1, LARGE_PAGE)) - va;
		map(va, page_early_take(len, is_large ? LARGE_PAGE : PAGE_SIZE), len, VM_KERNEL, 2);
		va += len;
	}
}

/* Ranges come in order and overlap at most where they were rounded to blocks. */
void page_array_map(paddr_t start, paddr_t end)
{
	static uintptr_t backed_to;
	uintptr_t va = ALIGN_DOWN((uintptr_t)phys_to_page(start), PAGE_SIZE);
	uintptr_t va_end =
	    ALIGN_UP((uintptr_t)phys_to_page(end - 1) + sizeof(struct page), PAGE_SIZE);
	va = max(va, backed_to);
	if (va < va_end)
		back_page_array(va, va_end);
	backed_to = max(backed_to, va_end);
}

bool direct_map_covers(paddr_t pa, size_t len)
{
	paddr_t end;
	if (add_overflows(pa, len, &end) || end > PAGE_ARRAY_BASE - DIRECT_MAP_BASE)
		return false;
	for (paddr_t at = pa; at < end;) {
		struct translation translation;
		if (page_table_translate(&kernel_page_table, DIRECT_MAP_BASE + at, &translation))
			return false;
		at = ALIGN_DOWN(at, pt_level_size(translation.level)) +
		     pt_level_size(translation.level);
	}
	return true;
}
