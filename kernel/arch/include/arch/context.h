/*
 * Switching stacks between two kernel threads. Everything that the C calling convention does not save for us
 * (RBX, RBP, R12–R15) goes onto the old stack; what remains of a context is one stack pointer.
 */
#pragma once

#include <lib/types.h>

struct context {
	uintptr_t sp;
};

/* Prepares a stack such that the first switch to it calls entry(arg, previous) with interrupts off, previous being
 * the context that switched. entry must not return. */
void context_init(struct context *context, void *stack_base, size_t stack_size,
    void (*entry)(void *arg, struct context *previous), void *arg);

/* Saves into *from, continues *to. Returns, on the old stack, when somebody switches back: the context from which that
 * somebody came. `from` and `to` differ. */
struct context *context_switch(struct context *from, const struct context *to);

/* Where a saved context will continue, and its frame pointer: for backtraces. */
void context_position(const struct context *context, uintptr_t *ip, uintptr_t *frame);
