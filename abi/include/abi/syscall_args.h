/*
 * The kinds of system-call arguments and the C type of each. A kind says more than the type: the tracer prints a FD, a PATH and an
 * INT differently. A handler takes exactly these types, so a wrong signature does not compile.
 */
#pragma once

#include <lib/types.h>

typedef int abi_FD; /* file descriptor, or AT_FDCWD */
typedef int abi_INT;
typedef unsigned abi_UINT;
typedef unsigned abi_FLAGS; /* a set of bits, printed in hexadecimal */
typedef int abi_OFLAGS;     /* O_… */
typedef unsigned abi_MODE;  /* permission bits */
typedef size_t abi_SIZE;
typedef int64_t abi_OFF;   /* signed file offset */
typedef uint64_t abi_WORD; /* whatever fits in a register */
typedef uaddr_t abi_UPTR;  /* user memory */
typedef uaddr_t abi_PATH;  /* user memory: a path, NUL-terminated */

#define ARGS0()                           void
#define ARGS1(ka, a)                      abi_##ka a
#define ARGS2(ka, a, kb, b)               abi_##ka a, abi_##kb b
#define ARGS3(ka, a, kb, b, kc, c)        abi_##ka a, abi_##kb b, abi_##kc c
#define ARGS4(ka, a, kb, b, kc, c, kd, d) abi_##ka a, abi_##kb b, abi_##kc c, abi_##kd d
#define ARGS5(ka, a, kb, b, kc, c, kd, d, ke, e)                                                   \
	abi_##ka a, abi_##kb b, abi_##kc c, abi_##kd d, abi_##ke e
#define ARGS6(ka, a, kb, b, kc, c, kd, d, ke, e, kf, f)                                            \
	abi_##ka a, abi_##kb b, abi_##kc c, abi_##kd d, abi_##ke e, abi_##kf f
