/*
 * The frame a signal handler finds on the user's stack, byte for byte as Linux lays it out, because libraries read it: return address, ucontext,
 * siginfo, and above them the vector state in XSAVE's standard form. Frames are written and read in place, word by word, and so is the
 * vector state, by XSAVE and XRSTOR themselves (signal_vectors.c): a signal costs no second copy.
 */
#include <abi/errno.h>
#include <abi/linux/signal.h>
#include <arch/user.h>
#include <arch/user_copy.h>
#include <x86/boot.h>
#include <x86/fpu.h>
#include <x86/registers.h>
#include <x86/signal_vectors.h>
#include <x86/user_access.h>
#include <x86/user_asm.h>

#define RED_ZONE 128
/* What RT_SIGRETURN may set: the arithmetic flags, DF, TF, AC, RF. */
#define RFLAGS_USER 0x50dd5ull

#define UC_FP_XSTATE         1
#define UC_SIGCONTEXT_SS     2
#define UC_STRICT_RESTORE_SS 4

struct sigcontext {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	uint64_t segments; /* 16 bits each: cs, gs, fs, ss */
	uint64_t error, trap, old_mask, cr2, fpstate, reserved[8];
};
static_assert(sizeof(struct sigcontext) == 256, "Linux's ABI");

struct ucontext {
	uint64_t flags, link;
	uint64_t stack_base;
	uint64_t stack_flags; /* 32 bits and padding */
	uint64_t stack_size;
	struct sigcontext context;
	uint64_t mask;
};
static_assert(sizeof(struct ucontext) == 304, "Linux's ABI");

struct signal_frame {
	uint64_t return_address;
	struct ucontext ucontext;
	uint64_t siginfo[16];
};
static_assert(sizeof(struct signal_frame) == 440, "Linux's ABI");

#define IN_FRAME(field)   offsetof(struct signal_frame, field)
#define IN_CONTEXT(field) offsetof(struct signal_frame, ucontext.context.field)

/* What both directions move as it is. */
#define FOR_EACH_REGISTER(do)                                                                      \
	do                                                                                         \
	(r8) do(r9) do(r10) do(r11) do(r12) do(r13) do(r14) do(r15) do(rdi) do(rsi) do(rbp) do(    \
	    rbx) do(rdx) do(rax) do(rcx) do(rsp)

static ALWAYS_INLINE int store_context(
    uaddr_t to, const struct registers *regs, const struct user_signal *signal, uint64_t vectors)
{
	const struct user_exception *exception = signal->exception;
#define STORE_REGISTER(name) store_word(to.va + IN_CONTEXT(name), regs->name);
	FOR_EACH_REGISTER(STORE_REGISTER)
	store_word(to.va + IN_CONTEXT(rip), regs->rip);
	store_word(to.va + IN_CONTEXT(rflags), regs->rflags);
	store_word(to.va + IN_CONTEXT(segments), regs->cs | regs->ss << 48);
	store_word(to.va + IN_CONTEXT(error), exception->error);
	store_word(to.va + IN_CONTEXT(trap), exception->trap);
	store_word(to.va + IN_CONTEXT(old_mask), signal->mask);
	store_word(to.va + IN_CONTEXT(cr2), exception->address);
	store_word(to.va + IN_CONTEXT(fpstate), vectors);
	store_8_zeroes(to.va + IN_CONTEXT(reserved));
	return 0;
failed:
	return -EFAULT;
}

static ALWAYS_INLINE int store_frame(uaddr_t to, const struct registers *regs,
    const struct user_signal *signal, uint64_t vectors, bool nested)
{
	const struct user_alt_stack *alt_stack = signal->alt_stack;
	const uint64_t *siginfo = signal->siginfo;
	uint64_t stack_flags = alt_stack->flags;
	if (!alt_stack->size)
		stack_flags |= SS_DISABLE;
	else if (nested)
		stack_flags |= SS_ONSTACK;
	store_word(to.va + IN_FRAME(return_address), signal->restorer.va);
	store_word(to.va + IN_FRAME(ucontext.flags),
	    UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | (xsave_components ? UC_FP_XSTATE : 0));
	store_word(to.va + IN_FRAME(ucontext.link), 0);
	store_word(to.va + IN_FRAME(ucontext.stack_base), alt_stack->base.va);
	store_word(to.va + IN_FRAME(ucontext.stack_flags), stack_flags);
	store_word(to.va + IN_FRAME(ucontext.stack_size), alt_stack->size);
	store_word(to.va + IN_FRAME(ucontext.mask), signal->mask);
	static_assert(USER_SIGINFO_WORDS == 6, "as many as here");
	store_word(to.va + IN_FRAME(siginfo[0]), siginfo[0]);
	store_word(to.va + IN_FRAME(siginfo[1]), siginfo[1]);
	store_word(to.va + IN_FRAME(siginfo[2]), siginfo[2]);
	store_word(to.va + IN_FRAME(siginfo[3]), siginfo[3]);
	store_word(to.va + IN_FRAME(siginfo[4]), siginfo[4]);
	store_word(to.va + IN_FRAME(siginfo[5]), siginfo[5]);
	store_word(to.va + IN_FRAME(siginfo[6]), 0);
	store_word(to.va + IN_FRAME(siginfo[7]), 0);
	store_8_zeroes(to.va + IN_FRAME(siginfo[8]));
	return store_context(to, regs, signal, vectors);
failed:
	return -EFAULT;
}

bool user_on_alt_stack(const struct registers *regs, const struct user_alt_stack *alt_stack)
{
	return !(alt_stack->flags & SS_AUTODISARM) && regs->rsp > alt_stack->base.va &&
	       regs->rsp - alt_stack->base.va <= alt_stack->size;
}

int user_signal_push(struct registers *regs, const struct user_signal *signal)
{
	const struct user_alt_stack *alt_stack = signal->alt_stack;
	bool may_switch = signal->use_alt_stack && alt_stack->size;
	bool nested = alt_stack->size && user_on_alt_stack(regs, alt_stack);
	uint64_t sp =
	    may_switch && !nested ? alt_stack->base.va + alt_stack->size : regs->rsp - RED_ZONE;
	uint64_t vectors = signal_vectors_place(sp);
	/* As after a call: the stack is 8 off a multiple of 16 at the handler's first instruction. */
	uint64_t frame_at = ((vectors - sizeof(struct signal_frame)) & ~15ull) - 8;
	/* What is on the alternate stack, or goes there, must not run out of its bottom. */
	if ((may_switch || nested) && frame_at < alt_stack->base.va)
		return -EFAULT;
	if (!user_range_ok((uaddr_t){vectors}, signal_vectors_len()) ||
	    !user_range_ok((uaddr_t){frame_at}, sizeof(struct signal_frame)))
		return -EFAULT;

	user_access_begin();
	int err = signal_vectors_store((uaddr_t){vectors});
	if (likely(!err))
		err = store_frame((uaddr_t){frame_at}, regs, signal, vectors, nested);
	user_access_end();
	if (unlikely(err))
		return err;

	regs->rip = signal->handler.va;
	regs->rsp = frame_at;
	regs->rdi = (uint64_t)signal->number;
	regs->rsi = frame_at + IN_FRAME(siginfo);
	regs->rdx = frame_at + IN_FRAME(ucontext);
	regs->rax = 0;
	regs->rflags &= ~0x10500ull; /* DF, TF and RF as the ABI wants them at a function's start */
	regs->cs = SELECTOR_USER_CODE | 3;
	regs->ss = SELECTOR_USER_DATA | 3;
	return 0;
}

/* IRET to an address that is not canonical would fault in the kernel: looked at before anything is changed. */
static ALWAYS_INLINE int load_context(struct registers *regs, uaddr_t from)
{
	uint64_t rip, rflags;
	user_load(rip, from.va + IN_CONTEXT(rip), failed);
	if (rip >= USER_END)
		goto failed;
	user_load(rflags, from.va + IN_CONTEXT(rflags), failed);
#define LOAD_REGISTER(name) user_load(regs->name, from.va + IN_CONTEXT(name), failed);
	FOR_EACH_REGISTER(LOAD_REGISTER)
	regs->rip = rip;
	regs->rflags = (regs->rflags & ~RFLAGS_USER) | (rflags & RFLAGS_USER);
	regs->cs = SELECTOR_USER_CODE | 3;
	regs->ss = SELECTOR_USER_DATA | 3;
	regs->vector = VECTOR_SYSCALL;
	regs->error = UINT64_MAX;
	return 0;
failed:
	return -EFAULT;
}

static ALWAYS_INLINE int load_frame(struct registers *regs, uaddr_t from, uint64_t *vectors,
    uint64_t *mask, struct user_alt_stack *alt_stack)
{
	uint64_t stack_flags;
	user_load(*vectors, from.va + IN_CONTEXT(fpstate), failed);
	user_load(*mask, from.va + IN_FRAME(ucontext.mask), failed);
	user_load(alt_stack->base.va, from.va + IN_FRAME(ucontext.stack_base), failed);
	user_load(stack_flags, from.va + IN_FRAME(ucontext.stack_flags), failed);
	user_load(alt_stack->size, from.va + IN_FRAME(ucontext.stack_size), failed);
	alt_stack->flags = (uint32_t)stack_flags;
	return load_context(regs, from);
failed:
	return -EFAULT;
}

int user_signal_pop(struct registers *regs, uint64_t *mask, struct user_alt_stack *alt_stack)
{
	/* The handler's RET took the return address. */
	uaddr_t frame_at = {regs->rsp - sizeof(uint64_t)};
	uint64_t vectors;
	if (!user_range_ok(frame_at, sizeof(struct signal_frame)))
		return -EFAULT;
	user_access_begin();
	int err = load_frame(regs, frame_at, &vectors, mask, alt_stack);
	user_access_end();
	return likely(!err) ? signal_vectors_load((uaddr_t){vectors}) : err;
}

size_t user_signal_frame_size(void)
{
	return sizeof(struct signal_frame) + signal_vectors_len() + FPU_STATE_ALIGN + RED_ZONE + 16;
}
