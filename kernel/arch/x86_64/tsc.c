/*
 * Clock rates as the processor (CPUID 0x15, 0x16; Intel SDM vol. 2A) or the hypervisor (leaf 0x40000010, in kHz, which
 * KVM and VMware share) tell them. QEMU's emulated processor tells none of them.
 */
#include <arch/cpu.h>
#include <arch/timer.h>
#include <lib/string.h>
#include <x86/cpuid.h>
#include <x86/tsc.h>

#define LEAF_CRYSTAL        0x15
#define LEAF_FREQUENCY      0x16
#define LEAF_HYPERVISOR     0x40000000
#define LEAF_HYPERVISOR_KHZ 0x40000010

/* Below and above this no TSC was ever built: what says so is wrong. */
#define TSC_HZ_MIN 100000000ull
#define TSC_HZ_MAX 20000000000ull

static bool is_plausible(uint64_t hz)
{
	return hz >= TSC_HZ_MIN && hz <= TSC_HZ_MAX;
}

/* All zero when there is no such leaf. */
static struct cpuid hypervisor_leaf(uint32_t leaf)
{
	struct cpuid none = {0, 0, 0, 0};
	if (!cpu_features.hypervisor || cpuid(LEAF_HYPERVISOR, 0).eax < leaf)
		return none;
	return cpuid(leaf, 0);
}

static uint64_t crystal_hz(const struct cpuid *leaf)
{
	if (leaf->ecx)
		return leaf->ecx;
	/* The crystal's own rate may be missing while the base frequency (in MHz) and the ratio are there. */
	if (cpu_features.max_leaf < LEAF_FREQUENCY || !leaf->ebx)
		return 0;
	uint64_t base_hz = (cpuid(LEAF_FREQUENCY, 0).eax & 0xffff) * 1000000ull;
	return base_hz * leaf->eax / leaf->ebx;
}

/* TSC = crystal * ebx / eax. */
static uint64_t tsc_hz_of_crystal(void)
{
	if (cpu_features.max_leaf < LEAF_CRYSTAL)
		return 0;
	struct cpuid leaf = cpuid(LEAF_CRYSTAL, 0);
	if (!leaf.eax || !leaf.ebx)
		return 0;
	return crystal_hz(&leaf) * leaf.ebx / leaf.eax;
}

struct timestamp_facts arch_timestamp_facts(void)
{
	struct timestamp_facts facts = {
	    .is_invariant = cpu_features.invariant_tsc, .is_virtual = cpu_features.hypervisor};
	uint64_t hypervisor_hz = hypervisor_leaf(LEAF_HYPERVISOR_KHZ).eax * 1000ull;
	uint64_t crystal = tsc_hz_of_crystal();
	if (is_plausible(hypervisor_hz)) {
		facts.frequency_hz = hypervisor_hz;
		facts.told_by = "kvm";
	} else if (is_plausible(crystal)) {
		facts.frequency_hz = crystal;
		facts.told_by = "cpuid";
	}
	return facts;
}

/* QEMU's own translator, not KVM below QEMU. */
static bool is_emulated(void)
{
	struct cpuid who = hypervisor_leaf(LEAF_HYPERVISOR);
	uint32_t name[3] = {who.ebx, who.ecx, who.edx};
	return memcmp(name, "TCGTCGTCGTCG", sizeof(name)) == 0;
}

/* TSC ticks around so many instructions that do nothing. */
#define TICKS_OF_NOPS(count)                                                                       \
	({                                                                                         \
		uint64_t start_ = cpu_timestamp();                                                 \
		__asm__ volatile(".rept " #count "\n\tnop\n\t.endr" ::: "memory");                 \
		cpu_timestamp() - start_;                                                          \
	})

bool tsc_counts_instructions(void)
{
	if (!is_emulated())
		return false;
	/* Nothing else makes 64 idle instructions the same multiple of 64 ticks every time. */
	uint64_t first = 0;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t few = TICKS_OF_NOPS(16);
		uint64_t difference = TICKS_OF_NOPS(80) - few;
		if (i == 0)
			first = difference;
		if (difference == 0 || difference % 64 != 0 || difference != first)
			return false;
	}
	return true;
}

uint64_t tsc_told_bus_hz(void)
{
	uint64_t hypervisor_hz = hypervisor_leaf(LEAF_HYPERVISOR_KHZ).ebx * 1000ull;
	if (hypervisor_hz)
		return hypervisor_hz;

	/* QEMU's emulated APIC counts nanoseconds; it has no leaf to say so. */
	if (is_emulated())
		return NSEC_PER_SEC;

	if (cpu_features.max_leaf < LEAF_CRYSTAL)
		return 0;
	return cpuid(LEAF_CRYSTAL, 0).ecx;
}
