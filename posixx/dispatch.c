/*
 * The table that system calls of Linux programs go through. Its entries are called from assembly only, with the C calling convention, so
 * a handler's own signature is what it gets.
 */
#include <abi/errno.h>
#include <arch/user.h>
#include <posixx/syscalls.h>
#include <x86/user_asm.h>

static int64_t not_done(void)
{
	return -ENOSYS;
}

/* Entries for calls that need the whole frame are in syscall_entry.S. */
#define SYS(number, name, tier, promise, flags, arguments) DECLARE_##flags(name)
#define DECLARE_0(name)
#define DECLARE_FULL_FRAME(name) void full_frame_sys_##name(void);
#define NOT(number, name)
#include <abi/linux.tbl.h>
#undef SYS

#define ENTRY_0(name)                                      (syscall_handler_t) sys_##name
#define ENTRY_FULL_FRAME(name)                             full_frame_sys_##name
#define SYS(number, name, tier, promise, flags, arguments) [number] = ENTRY_##flags(name),

/* The range first, then the rows over it: that is the point. */
#pragma GCC diagnostic push
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
const syscall_handler_t linux_syscall_table[SYSCALL_TABLE_SIZE] = {
    [0 ... SYSCALL_TABLE_SIZE - 1] = (syscall_handler_t)not_done,
#include <abi/linux.tbl.h>
};
#pragma GCC diagnostic pop
