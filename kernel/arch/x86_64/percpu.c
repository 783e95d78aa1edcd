/* Where each CPU's copy of the per-CPU section lies. CPU 0 uses the section itself, so its offset is zero. */
#include <arch/percpu.h>
#include <mm/page_alloc.h>
#include <x86/cpu_init.h>
#include <x86/msr.h>

extern char __percpu_start[], __percpu_end[];

PER_CPU(uintptr_t, percpu_offset);
PER_CPU(unsigned, cpu_number);
uintptr_t percpu_offsets[CPU_MAX];
unsigned cpu_count = 1;
cpumask_t cpu_online_mask = 1;

bool percpu_create(unsigned cpu)
{
	size_t pages = DIV_ROUND_UP((size_t)(__percpu_end - __percpu_start), PAGE_SIZE);
	struct page *page = page_alloc_contiguous(pages, PAGE_ZERO);
	if (!page)
		return false;
	percpu_offsets[cpu] = (uintptr_t)page_to_virt(page) - (uintptr_t)__percpu_start;
	*per_cpu_ptr(percpu_offset, cpu) = percpu_offsets[cpu];
	*per_cpu_ptr(cpu_number, cpu) = cpu;
	return true;
}

void percpu_load(unsigned cpu)
{
	msr_write(MSR_GS_BASE, percpu_offsets[cpu]);
}
