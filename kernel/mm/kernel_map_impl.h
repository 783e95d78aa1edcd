/* What the two users of the kernel's map area share: areas (kernel_map.c) and stacks (kernel_stack.c). */
#pragma once

#include <mm/kernel_map.h>
#include <mm/page_table.h>

/* Fresh pages from the allocator, mapped one by one. False, with nothing left behind but dead translations noted
 * in `batch`, when memory runs out. */
MUST_USE bool kernel_map_back(
    uintptr_t va, size_t len, unsigned page_flags, struct tlb_batch *batch);
/* Unmaps what kernel_map_back mapped. The pages go at once: nobody uses the addresses any more, and no CPU follows
 * a translation that nobody uses into anything but its cache. */
void kernel_map_unback(uintptr_t va, size_t len, struct tlb_batch *batch);

void kernel_stack_trim(void);
void kernel_stack_stats(struct kernel_map_stats *stats);

/* The boot stack's guard page, which lies in the image. Set by kernel_page_table_init. */
extern uintptr_t boot_stack_guard_page;
