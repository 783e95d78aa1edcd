/* A new thread's stack, laid out as if context_switch had already been called on it. */
#include <arch/context.h>

/* In the order in which context_switch pops. */
struct switch_frame {
	uint64_t r15, r14, r13, r12, rbx, rbp, rip;
};

/* context.S: calls the function in r12 with rbx and with what context_switch returns. */
void context_first(void);

void context_init(struct context *context, void *stack_base, size_t stack_size,
    void (*entry)(void *arg, struct context *previous), void *arg)
{
	/* The ABI wants the stack aligned to 16 before the call that context_first imitates with one push. */
	uintptr_t top = ALIGN_DOWN((uintptr_t)stack_base + stack_size, 16ul);
	struct switch_frame *frame = (struct switch_frame *)top - 1;
	*frame = (struct switch_frame){
	    .r12 = (uintptr_t)entry,
	    .rbx = (uintptr_t)arg,
	    .rip = (uintptr_t)context_first,
	};
	context->sp = (uintptr_t)frame;
}

void context_position(const struct context *context, uintptr_t *ip, uintptr_t *frame)
{
	const struct switch_frame *saved = (const struct switch_frame *)context->sp;
	*ip = saved->rip;
	*frame = saved->rbp;
}
