/*
 * What a new program finds on its stack (System V ABI §3.4.1, and Linux's additions): argc, argv, envp, the auxiliary vector; above them the strings.
 */
#include "exec_impl.h"

#include <abi/errno.h>
#include <arch/mmu.h>
#include <arch/user.h>
#include <credentials/credentials.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <process/process.h>
#include <random/random.h>

enum auxiliary {
	AT_NULL = 0,
	AT_PHDR = 3,
	AT_PHENT = 4,
	AT_PHNUM = 5,
	AT_PAGESZ = 6,
	AT_BASE = 7,
	AT_FLAGS = 8,
	AT_ENTRY = 9,
	AT_UID = 11,
	AT_EUID = 12,
	AT_GID = 13,
	AT_EGID = 14,
	AT_PLATFORM = 15,
	AT_HWCAP = 16,
	AT_CLKTCK = 17,
	AT_SECURE = 23,
	AT_RANDOM = 25,
	AT_HWCAP2 = 26,
	AT_EXECFN = 31,
	AT_SYSINFO_EHDR = 33,
	AT_MINSIGSTKSZ = 51,
};

#define AUXILIARY_MAX 24
#define CLOCK_TICKS   100
#define RANDOM_LEN    16

struct layout {
	uintptr_t at; /* going down */
	uintptr_t execfn, env, arg, platform, random;
};

static int push(struct layout *layout, const void *data, size_t len, uintptr_t *where)
{
	layout->at -= len;
	*where = layout->at;
	return copy_to_user((uaddr_t){layout->at}, data, len);
}

static int push_strings(struct layout *layout, const struct exec_stack *stack)
{
	uint8_t random[RANDOM_LEN];
	random_fill(random, sizeof(random));
	int err = push(layout, "\0\0\0\0\0\0\0", 8,
	    &layout->execfn); /* Linux ends the stack with a word of zero */
	if (!err)
		err = push(layout, stack->path, strlen(stack->path) + 1, &layout->execfn);
	if (!err)
		err = push(layout, stack->envp->text, stack->envp->len, &layout->env);
	if (!err)
		err = push(layout, stack->argv->text, stack->argv->len, &layout->arg);
	if (!err)
		err = push(layout, "x86_64", 7, &layout->platform);
	layout->at = ALIGN_DOWN(layout->at, 16);
	if (!err)
		err = push(layout, random, sizeof(random), &layout->random);
	return err;
}

static uint64_t *put_vector(uint64_t *to, const struct exec_strings *strings, uintptr_t at)
{
	const char *text = strings->text;
	for (size_t i = 0; i < strings->count; i++) {
		*to++ = at + (uintptr_t)(text - strings->text);
		text += strlen(text) + 1;
	}
	*to++ = 0;
	return to;
}

static uint64_t *put_auxiliary(
    uint64_t *to, const struct exec_stack *stack, const struct layout *layout)
{
	const struct credentials *creds = current_credentials();
	const struct elf_image *image = &stack->program->image;
	uint32_t hwcap, hwcap2;
	user_hardware_capabilities(&hwcap, &hwcap2);
	const uint64_t values[][2] = {
	    {AT_SYSINFO_EHDR, stack->vdso},
	    {AT_HWCAP, hwcap},
	    {AT_PAGESZ, PAGE_SIZE},
	    {AT_CLKTCK, CLOCK_TICKS},
	    {AT_PHDR, image->phdr_va ? image->phdr_va + stack->program->bias : 0},
	    {AT_PHENT, image->phdr_size},
	    {AT_PHNUM, image->phdr_count},
	    {AT_BASE, stack->interpreter
			  ? stack->interpreter->bias + stack->interpreter->image.lowest
			  : 0},
	    {AT_FLAGS, 0},
	    {AT_ENTRY, image->entry + stack->program->bias},
	    {AT_UID, creds->uid},
	    {AT_EUID, creds->euid},
	    {AT_GID, creds->gid},
	    {AT_EGID, creds->egid},
	    {AT_SECURE, stack->secure},
	    {AT_RANDOM, layout->random},
	    {AT_HWCAP2, hwcap2},
	    {AT_EXECFN, layout->execfn},
	    {AT_PLATFORM, layout->platform},
	    {AT_MINSIGSTKSZ, user_signal_frame_size()},
	};
	static_assert(ARRAY_LEN(values) < AUXILIARY_MAX, "room for AT_NULL");
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		if (values[i][0] == AT_SYSINFO_EHDR && !stack->vdso)
			continue;
		*to++ = values[i][0];
		*to++ = values[i][1];
	}
	*to++ = AT_NULL;
	*to++ = 0;
	return to;
}

/* Kept apart: programs, and what starts them, may change theirs. */
static struct start_words *make_auxiliary(
    const struct exec_stack *stack, const struct layout *layout)
{
	struct start_words *words = kmalloc(sizeof(*words) + 2 * AUXILIARY_MAX * sizeof(uint64_t));
	if (!words)
		return NULL;
	words->refs = 1;
	words->count = (size_t)(put_auxiliary(words->words, stack, layout) - words->words);
	return words;
}

int exec_stack_fill(const struct exec_stack *stack, uaddr_t *sp)
{
	struct layout layout = {.at = stack->top};
	int err = push_strings(&layout, stack);
	if (err)
		return err;
	size_t words = 1 + stack->argv->count + 1 + stack->envp->count + 1 + 2 * AUXILIARY_MAX;
	uint64_t *vector = kmalloc_array(words, sizeof(*vector)), *at = vector;
	struct start_words *auxiliary = make_auxiliary(stack, &layout);
	if (!vector || !auxiliary) {
		kfree(vector);
		kfree(auxiliary);
		return -ENOMEM;
	}
	*at++ = stack->argv->count;
	at = put_vector(at, stack->argv, layout.arg);
	at = put_vector(at, stack->envp, layout.env);
	memcpy(at, auxiliary->words, auxiliary->count * sizeof(*at));
	at += auxiliary->count;
	size_t len = (size_t)(at - vector) * sizeof(*vector);
	sp->va = ALIGN_DOWN(layout.at - len, 16);
	err = copy_to_user(*sp, vector, len);
	kfree(vector);

	struct address_space *space = current_process()->space;
	space->arg_start = layout.arg;
	space->arg_end = layout.arg + stack->argv->len;
	space->env_start = layout.env;
	space->env_end = layout.env + stack->envp->len;
	start_words_put(space->start_words);
	atomic_store_release(&space->start_words, auxiliary);
	return err;
}
