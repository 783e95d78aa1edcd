/*
 * The words every other file is written in: fixed-width integers, attributes, and small arithmetic that refuses
 * to overflow silently. Depends on nothing but the compiler.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef static_assert
#define static_assert _Static_assert
#endif

typedef uint64_t paddr_t; /* a physical address: not a pointer, reach it through phys_to_virt() */
typedef uint64_t nsec_t;  /* a duration or a point on the uptime clock, in nanoseconds */

/* A user-space address. By value it is one register; it cannot be dereferenced by mistake. */
typedef struct {
	uintptr_t va;
} uaddr_t;

#define NSEC_MAX      UINT64_MAX
#define NSEC_PER_USEC 1000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_SEC  1000000000ull

#define KiB 1024ull
#define MiB (1024 * KiB)
#define GiB (1024 * MiB)

#define MUST_USE          __attribute__((warn_unused_result))
#define NORETURN          __attribute__((noreturn))
#define PACKED            __attribute__((packed))
#define ALIGNED(n)        __attribute__((aligned(n)))
#define SECTION(name)     __attribute__((section(name)))
#define USED              __attribute__((used))
#define WEAK              __attribute__((weak))
#define NOINLINE          __attribute__((noinline))
#define ALWAYS_INLINE     inline __attribute__((always_inline))
#define FALLTHROUGH       __attribute__((fallthrough)) /* a case goes on into the next */
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define likely(x)         __builtin_expect(!!(x), 1)
#define unlikely(x)       __builtin_expect(!!(x), 0)
/* What holds although neither compiler nor analyser can see it. Debug kernels check it. */
#define ASSUME(cond)                                                                               \
	do {                                                                                       \
		if (!(cond))                                                                       \
			__builtin_unreachable();                                                   \
	} while (0)

#define ARRAY_LEN(a)  (sizeof(a) / sizeof((a)[0]))
#define IS_ENABLED(x) (x)

/* What the object that contains this member is. Const is kept out on purpose: lists hand out mutable owners. */
#define container_of(ptr, type, member) ((type *)((uintptr_t)(ptr)-offsetof(type, member)))

/* Each argument is evaluated once; the counter keeps nested uses from shadowing one another. */
#define min(a, b)             MIN_MAX_(<, a, b, __COUNTER__)
#define max(a, b)             MIN_MAX_(>, a, b, __COUNTER__)
#define MIN_MAX_(op, a, b, n) MIN_MAX_NAMED_(op, a, b, n)
#define MIN_MAX_NAMED_(op, a, b, n)                                                                \
	({                                                                                         \
		__auto_type left_##n = (a);                                                        \
		__auto_type right_##n = (b);                                                       \
		left_##n op right_##n ? left_##n : right_##n;                                      \
	})

/* Powers of two only. */
#define ALIGN_DOWN(x, a)   ((x) & ~((__typeof__(x))(a)-1))
#define ALIGN_UP(x, a)     ALIGN_DOWN((x) + ((__typeof__(x))(a)-1), a)
#define IS_ALIGNED(x, a)   (((x) & ((__typeof__(x))(a)-1)) == 0)
#define IS_POW2(x)         ((x) != 0 && ((x) & ((x)-1)) == 0)
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))

static inline unsigned log2_floor(uint64_t x)
{
	return 63 - (unsigned)__builtin_clzll(x);
}

static inline unsigned log2_ceil(uint64_t x)
{
	return x <= 1 ? 0 : log2_floor(x - 1) + 1;
}

/* True when the sum or product does not fit; *out is then meaningless. */
#define add_overflows(a, b, out) __builtin_add_overflow(a, b, out)
#define mul_overflows(a, b, out) __builtin_mul_overflow(a, b, out)
