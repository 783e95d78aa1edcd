/* What each processor needs before it can run the kernel: features found, control registers set, tables loaded. */
#include <arch/cpu.h>
#include <arch/entropy.h>
#include <arch/mmu.h>
#include <arch/percpu.h>
#include <lib/fmt.h>
#include <lib/string.h>
#include <log/log.h>
#include <x86/boot.h>
#include <x86/cpu_init.h>
#include <x86/cpuid.h>
#include <x86/gdt.h>
#include <x86/msr.h>
#include <x86/trap.h>

struct cpu_features cpu_features;

static void detect(struct cpu_features *features)
{
	features->max_leaf = cpuid(0, 0).eax;
	features->max_extended_leaf = cpuid(0x80000000, 0).eax;

	/* One CPUID per leaf, not per feature: under a hypervisor each is an exit. */
	uint32_t leaf = 0;
	struct cpuid r = {0};
#define X(name, leaf_, reg, bit)                                                                   \
	if (leaf != (leaf_)) {                                                                     \
		leaf = (leaf_);                                                                    \
		bool exists = leaf <= (leaf & 0x80000000 ? features->max_extended_leaf             \
							 : features->max_leaf);                    \
		r = exists ? cpuid(leaf, 0) : (struct cpuid){0};                                   \
	}                                                                                          \
	features->name = r.reg >> (bit)&1;
	CPU_FEATURES(X)
#undef X
}

void cpu_features_detect(void)
{
	detect(&cpu_features);

	struct cpuid r = cpuid(0, 0);
	memcpy(cpu_features.vendor, &r.ebx, 4);
	memcpy(cpu_features.vendor + 4, &r.edx, 4);
	memcpy(cpu_features.vendor + 8, &r.ecx, 4);
	if (cpu_features.max_extended_leaf >= 0x80000004) {
		for (uint32_t i = 0; i < 3; i++) {
			r = cpuid(0x80000002 + i, 0);
			memcpy(cpu_features.model + i * 16, &r, 16);
		}
	}
}

void cpu_features_list(char *buf, size_t size)
{
	size_t used = 0;
	if (size)
		buf[0] = '\0';
#define X(name, leaf, reg, bit)                                                                    \
	if (cpu_features.name && used < size)                                                      \
		used += (size_t)snprintf(buf + used, size - used, "%s" #name, used ? " " : "");
	CPU_FEATURES(X)
#undef X
}

static uint64_t read_cr4(void)
{
	uint64_t value;
	__asm__ volatile("movq %%cr4, %0" : "=r"(value));
	return value;
}

static void write_cr4(uint64_t value)
{
	__asm__ volatile("movq %0, %%cr4" : : "r"(value) : "memory");
}

static void set_control_registers(void)
{
	const struct cpu_features *has = &cpu_features;
	uint64_t cr4 = read_cr4() | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	cr4 |= (has->pge ? CR4_PGE : 0) | (has->umip ? CR4_UMIP : 0) |
	       (has->fsgsbase ? CR4_FSGSBASE : 0);
	cr4 |=
	    (has->smep ? CR4_SMEP : 0) | (has->smap ? CR4_SMAP : 0) | (has->pcid ? CR4_PCIDE : 0);
	write_cr4(cr4);
}

void cpu_init_this(unsigned cpu)
{
	this_cpu_write(cpu_number, cpu);
	gdt_load(cpu);
	trap_load_idt();
	set_control_registers();
	mmu_init_cpu();
}

void cpu_check_alike(unsigned cpu)
{
	struct cpu_features mine = cpu_features;
	detect(&mine);
	/* mine began as a copy, so that the padding is alike. NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
	if (memcmp(&mine, &cpu_features, sizeof(mine)) != 0)
		log_warn("cpu", "CPU %u does not have the features of CPU 0", cpu);
}

NORETURN void cpu_stop(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

uint64_t arch_entropy(void)
{
	uint64_t word = cpu_timestamp();
	bool ok = false;
	if (cpu_features.rdseed)
		__asm__ volatile("rdseed %0" : "=r"(word), "=@ccc"(ok));
	if (!ok && cpu_features.rdrand)
		__asm__ volatile("rdrand %0" : "=r"(word), "=@ccc"(ok));
	return word ^ cpu_timestamp();
}
