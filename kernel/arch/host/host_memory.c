/* Physical memory of the simulated machine: one reservation from address 0, accessible only where there is RAM. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <arch/host.h>
#include <log/assert.h>
#include <mm/page.h>
#include <mm/page_alloc.h>

uint8_t *host_memory;
struct page *page_array;
static size_t memory_len, array_len;

static void *reserve(size_t len)
{
	void *area = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		panic("cannot reserve %zu bytes of address space", len);
	return area;
}

static void make_accessible(void *base, size_t start, size_t end)
{
	start = ALIGN_DOWN(start, PAGE_SIZE);
	end = ALIGN_UP(end, PAGE_SIZE);
	if (mprotect((char *)base + start, end - start, PROT_READ | PROT_WRITE))
		panic("cannot back simulated memory");
}

void host_memory_create(const struct boot_info *info)
{
	assert(!host_memory);
	paddr_t top = 0;
	for (size_t i = 0; i < info->range_count; i++)
		if (info->ranges[i].kind == BOOT_MEMORY_RAM)
			top = max(top, info->ranges[i].end);

	/* The array covers whole blocks of the largest order, as the kernel's does. */
	memory_len = ALIGN_UP(top, PAGE_SIZE << (PAGE_ORDERS - 1));
	array_len = memory_len / PAGE_SIZE * sizeof(struct page);
	host_memory = reserve(memory_len);
	page_array = reserve(array_len);
	for (size_t i = 0; i < info->range_count; i++)
		if (info->ranges[i].kind == BOOT_MEMORY_RAM)
			make_accessible(host_memory, info->ranges[i].start, info->ranges[i].end);
}

void host_memory_destroy(void)
{
	munmap(host_memory, memory_len);
	munmap(page_array, array_len);
	host_memory = NULL;
	page_array = NULL;
}

/* Garbage, as memory after a reset may be: nobody may count on zeroes. */
void page_array_map(paddr_t start, paddr_t end)
{
	size_t from = start / PAGE_SIZE * sizeof(struct page),
	       to = DIV_ROUND_UP(end, PAGE_SIZE) * sizeof(struct page);
	make_accessible(page_array, from, to);
	memset((uint8_t *)page_array + from, 0xa5, to - from);
}
