/*
 * "signal_vectors.h". The common frame is the one we wrote ourselves: XRSTOR reads it where it lies, and faults, which the table of fixups
 * turns into -EFAULT, on whatever it does not like. A frame that describes less goes through a copy that is completed first.
 */
#include <abi/errno.h>
#include <arch/cpu.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <x86/signal_vectors.h>
#include <x86/user_access.h>
#include <x86/user_entry.h>

/* In the part of the FXSAVE area that software may use: says that an extended state follows, and how much. */
#define SOFTWARE_OFFSET 464
#define MAGIC1          0x46505853u
#define MAGIC2          0x46505845u
struct software_words {
	uint64_t magic1_and_size; /* MAGIC1, and the length with MAGIC2 in the upper half */
	uint64_t components;
	uint64_t state_size;
	uint64_t padding[3];
};
static_assert(SOFTWARE_OFFSET + sizeof(struct software_words) == FPU_LEGACY_SIZE, "Linux's ABI");
#define IN_SOFTWARE(field) (SOFTWARE_OFFSET + offsetof(struct software_words, field))

static uint64_t magic1_and_size(void)
{
	return MAGIC1 | (uint64_t)(fpu_state_size + sizeof(uint32_t)) << 32;
}

int signal_vectors_store(uaddr_t to)
{
	bool is_extended = xsave_components;
	store_word(to.va + IN_SOFTWARE(magic1_and_size), is_extended ? magic1_and_size() : 0);
	store_word(to.va + IN_SOFTWARE(components), xsave_components);
	store_word(to.va + IN_SOFTWARE(state_size), is_extended ? fpu_state_size : 0);
	store_word(to.va + IN_SOFTWARE(padding[0]), 0);
	store_word(to.va + IN_SOFTWARE(padding[1]), 0);
	store_word(to.va + IN_SOFTWARE(padding[2]), 0);
	if (!is_extended) {
		__asm__ goto("1: fxsave64 (%0)\n" EXTABLE("1b", "%l1")
			     :
			     : "r"(to.va)
			     : "memory"
			     : failed);
		return 0;
	}
	/* XSAVE leaves alone what it does not know of the header; XRSTOR wants zeroes there. */
	store_8_zeroes(to.va + FPU_LEGACY_SIZE);
	__asm__ goto(
	    "1: xsave64 (%0)\n" EXTABLE("1b", "%l3")
	    :
	    : "r"(to.va), "a"((uint32_t)xsave_components), "d"((uint32_t)(xsave_components >> 32))
	    : "memory"
	    : failed);
	__asm__ goto("1: movl %0, (%1)\n" EXTABLE("1b", "%l2")
		     :
		     : "i"(MAGIC2), "r"(to.va + fpu_state_size)
		     : "memory"
		     : failed);
	return 0;
failed:
	return -EFAULT;
}

/* Without the marks of an extended state, only the FXSAVE part counts and the rest is reset. */
static NOINLINE int load_copy(uaddr_t from)
{
	uint8_t *copy = kmalloc(fpu_state_size + FPU_STATE_ALIGN);
	if (!copy)
		return -ENOMEM;
	uint8_t *state = (uint8_t *)ALIGN_UP((uintptr_t)copy, FPU_STATE_ALIGN);
	fpu_state_init(state);

	int err = 0;
	if (!uaddr_is_null(from)) {
		struct software_words software;
		err = copy_from_user(&software, uaddr_add(from, SOFTWARE_OFFSET), sizeof(software));
		size_t size = (uint32_t)software.state_size;
		bool is_extended =
		    !err && xsave_components && (uint32_t)software.magic1_and_size == MAGIC1 &&
		    size <= fpu_state_size && size >= FPU_LEGACY_SIZE + FPU_HEADER_SIZE;
		if (!err)
			err = copy_from_user(state, from, is_extended ? size : FPU_LEGACY_SIZE);
		if (!err && xsave_components && !is_extended)
			memcpy(state + FPU_LEGACY_SIZE, &(uint64_t){3},
			    sizeof(uint64_t)); /* x87 and SSE are present */
	}
	if (!err) {
		fpu_state_sanitize(state);
		irq_flags_t flags = irq_save();
		memcpy(user_fpu_state(current_thread()), state, fpu_state_size);
		fpu_restore(user_fpu_state(current_thread()));
		irq_restore(flags);
	}
	kfree(copy);
	return err;
}

/* 1: not a frame as we write them, and nothing has been loaded. */
static ALWAYS_INLINE int load_in_place(uaddr_t from)
{
	uint64_t first, components, size;
	user_load(first, from.va + IN_SOFTWARE(magic1_and_size), failed);
	user_load(components, from.va + IN_SOFTWARE(components), failed);
	user_load(size, from.va + IN_SOFTWARE(state_size), failed);
	if (first != magic1_and_size() || components != xsave_components ||
	    (uint32_t)size != fpu_state_size)
		return 1;
	__asm__ goto(
	    "1: xrstor64 (%0)\n" EXTABLE("1b", "%l3")
	    :
	    : "r"(from.va), "a"((uint32_t)xsave_components), "d"((uint32_t)(xsave_components >> 32))
	    : "memory"
	    : failed);
	return 0;
failed:
	return -EFAULT;
}

int signal_vectors_load(uaddr_t from)
{
	bool is_aligned = from.va % FPU_STATE_ALIGN == 0;
	if (likely(
		xsave_components && from.va && is_aligned && user_range_ok(from, fpu_state_size))) {
		user_access_begin();
		int err = load_in_place(from);
		user_access_end();
		if (likely(err <= 0))
			return err;
	}
	return load_copy(from);
}
