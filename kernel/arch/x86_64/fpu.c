/*
 * Vector registers. They stay the user's until another user thread runs on the CPU: then they are saved with XSAVEOPT, which writes only
 * what changed. Processors without XSAVE fall back to FXSAVE. The kernel itself uses them only between vector_begin and vector_end.
 */
#include <arch/percpu.h>
#include <arch/vector.h>
#include <lib/string.h>
#include <log/assert.h>
#include <sync/preempt.h>
#include <x86/boot.h>
#include <x86/cpuid.h>
#include <x86/fpu.h>

#define MXCSR_OFFSET     24
#define MXCSR_DEFAULT    0x1f80
#define CONTROL_DEFAULT  0x37f
#define HEADER_XSTATE_BV FPU_LEGACY_SIZE
/* x87, SSE, AVX and the three parts of AVX-512: what needs no further control bits. */
#define COMPONENTS_WANTED 0xe7ull

size_t fpu_state_size = FPU_LEGACY_SIZE;
uint64_t xsave_components;
static bool has_xsaveopt;

static void set_xcr0(uint64_t value)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

void fpu_init_cpu(void)
{
	if (!cpu_features.xsave)
		return;
	uint64_t cr4;
	__asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("movq %0, %%cr4" : : "r"(cr4 | CR4_OSXSAVE));
	if (!xsave_components) {
		struct cpuid r = cpuid(0xd, 0);
		xsave_components = (r.eax | (uint64_t)r.edx << 32) & COMPONENTS_WANTED;
		/* AVX-512 is three bits that go together. */
		if ((xsave_components & 0xe0) != 0xe0)
			xsave_components &= 0x7;
		has_xsaveopt = cpuid(0xd, 1).eax & 1;
		set_xcr0(xsave_components);
		fpu_state_size = cpuid(0xd, 0).ebx;
	}
	set_xcr0(xsave_components);
}

void fpu_state_init(void *state)
{
	static const uint16_t control = CONTROL_DEFAULT;
	static const uint32_t mxcsr = MXCSR_DEFAULT;
	memset(state, 0, fpu_state_size);
	memcpy(state, &control, sizeof(control));
	memcpy((uint8_t *)state + MXCSR_OFFSET, &mxcsr, sizeof(mxcsr));
}

void fpu_save(void *state)
{
	uint32_t low = (uint32_t)xsave_components, high = (uint32_t)(xsave_components >> 32);
	if (has_xsaveopt)
		__asm__ volatile("xsaveopt64 (%0)" : : "r"(state), "a"(low), "d"(high) : "memory");
	else if (xsave_components)
		__asm__ volatile("xsave64 (%0)" : : "r"(state), "a"(low), "d"(high) : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" : : "r"(state) : "memory");
}

void fpu_restore(const void *state)
{
	uint32_t low = (uint32_t)xsave_components, high = (uint32_t)(xsave_components >> 32);
	if (xsave_components)
		__asm__ volatile("xrstor64 (%0)" : : "r"(state), "a"(low), "d"(high) : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" : : "r"(state) : "memory");
}

/* XRSTOR faults on reserved bits, so what comes from a user's signal frame is cleaned first. */
void fpu_state_sanitize(void *state)
{
	uint8_t *bytes = state;
	uint32_t mxcsr, mask;
	memcpy(&mxcsr, bytes + MXCSR_OFFSET, sizeof(mxcsr));
	mask = 0xffff;
	mxcsr &= mask;
	memcpy(bytes + MXCSR_OFFSET, &mxcsr, sizeof(mxcsr));
	if (!xsave_components)
		return;
	uint64_t present;
	memcpy(&present, bytes + HEADER_XSTATE_BV, sizeof(present));
	present &= xsave_components;
	memset(bytes + FPU_LEGACY_SIZE, 0, FPU_HEADER_SIZE);
	memcpy(bytes + HEADER_XSTATE_BV, &present, sizeof(present));
}

/* SSE's instructions leave the wider halves of the registers alone, so only these 16 bytes of each need a place. */
#define FOR_EACH_XMM(do)                                                                           \
	do                                                                                         \
	(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11) do(12) do(13) do(  \
	    14) do(15)
#define STORE_XMM(n) "movups %%xmm" #n ", 16*" #n "(%0)\n"
#define LOAD_XMM(n)  "movups 16*" #n "(%0), %%xmm" #n "\n"

void vector_begin(struct vector_registers *user)
{
	static_assert(sizeof(*user) == 16 * 16, "one place for each");
	debug_assert(this_cpu_read(preempt_count) || irqs_are_off());
	__asm__ volatile(FOR_EACH_XMM(STORE_XMM) : : "r"(user) : "memory");
}

void vector_end(const struct vector_registers *user)
{
	__asm__ volatile(FOR_EACH_XMM(LOAD_XMM) : : "r"(user) : "memory");
}
