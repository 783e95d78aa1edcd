/* What the processor says of itself. */
#pragma once

#include <lib/types.h>

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r;
	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

/* The features that the kernel decides by. One row: name, leaf, register, bit. Subleaf 0 everywhere. */
// clang-format off
#define CPU_FEATURES(X)                          \
	X(x2apic,       0x00000001, ecx, 21)     \
	X(tsc_deadline, 0x00000001, ecx, 24)     \
	X(xsave,        0x00000001, ecx, 26)     \
	X(rdrand,       0x00000001, ecx, 30)     \
	X(hypervisor,   0x00000001, ecx, 31)     \
	X(pcid,         0x00000001, ecx, 17)     \
	X(pge,          0x00000001, edx, 13)     \
	X(pat,          0x00000001, edx, 16)     \
	X(fsgsbase,     0x00000007, ebx,  0)     \
	X(smep,         0x00000007, ebx,  7)     \
	X(erms,         0x00000007, ebx,  9)     \
	X(invpcid,      0x00000007, ebx, 10)     \
	X(rdseed,       0x00000007, ebx, 18)     \
	X(smap,         0x00000007, ebx, 20)     \
	X(umip,         0x00000007, ecx,  2)     \
	X(rdpid,        0x00000007, ecx, 22)     \
	X(fsrm,         0x00000007, edx,  4)     \
	X(syscall,      0x80000001, edx, 11)     \
	X(nx,           0x80000001, edx, 20)     \
	X(page_1g,      0x80000001, edx, 26)     \
	X(rdtscp,       0x80000001, edx, 27)     \
	X(long_mode,    0x80000001, edx, 29)     \
	X(invariant_tsc,0x80000007, edx,  8)
// clang-format on

struct cpu_features {
#define X(name, leaf, reg, bit) bool name;
	CPU_FEATURES(X)
#undef X
	char vendor[13];
	char model[49];
	uint32_t max_leaf, max_extended_leaf;
};

/* Of the boot processor; the others are assumed to be alike, and a warning is logged when they are not. */
extern struct cpu_features cpu_features;
void cpu_features_detect(void);
/* The names of the features present, for the monitor. */
void cpu_features_list(char *buf, size_t size);
/* All that CPUID tells, by the names of Linux's /proc/cpuinfo. */
void cpu_for_each_flag(void (*tell)(const char *name, void *ctx), void *ctx);
