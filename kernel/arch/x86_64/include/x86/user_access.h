/*
 * Single moves to and from user memory, for <arch/user_copy.h>. Between begin and end SMAP lets user pages be touched; a move that faults
 * goes on at a label, where SMAP is still open. Ranges are the caller's to check.
 */
#pragma once

#include <x86/extable.h>

/* STAC and CLAC become NOPs at boot on processors without SMAP (user_copy.c), so each site is listed. */
#define SMAP_SITE(instruction)                                                                     \
	".pushsection .smap_sites, \"a\"\n"                                                        \
	".quad 771f\n"                                                                             \
	".popsection\n"                                                                            \
	"771: " instruction "\n"

static inline void user_access_begin(void)
{
	__asm__ volatile(SMAP_SITE("stac") : : : "memory", "cc");
}

static inline void user_access_end(void)
{
	__asm__ volatile(SMAP_SITE("clac") : : : "memory", "cc");
}

/* How many of `count` words were not moved. Either end may be the user's. */
static inline size_t user_move_words(void *dst, const void *src, size_t count)
{
	__asm__ volatile("774: rep movsq\n"
			 "775:\n" EXTABLE("774b", "775b")
			 : "+D"(dst), "+S"(src), "+c"(count)
			 :
			 : "memory");
	return count;
}

/* The variable's type gives the width. Volatile: without it a load whose value nobody uses is left out, and with it the fault it was for. */
#define user_load(variable, address, fault)                                                        \
	__asm__ volatile goto("772: mov %1, %0\n" EXTABLE("772b", "%l2")                           \
			      : "=r"(variable)                                                     \
			      : "m"(*(const __typeof__(variable) *)(address))                      \
			      :                                                                    \
			      : fault)
#define user_store(address, value, fault)                                                          \
	__asm__ volatile goto("773: mov %1, %0\n" EXTABLE("773b", "%l2")                           \
			      :                                                                    \
			      : "m"(*(__typeof__(value) *)(address)), "r"(value)                   \
			      : "memory"                                                           \
			      : fault)
/* A word, which may be a constant: that needs no register. */
#define user_store_word(address, value, fault)                                                     \
	__asm__ volatile goto("773: movq %1, %0\n" EXTABLE("773b", "%l2")                          \
			      :                                                                    \
			      : "m"(*(uint64_t *)(address)), "er"((uint64_t)(value))               \
			      : "memory"                                                           \
			      : fault)
