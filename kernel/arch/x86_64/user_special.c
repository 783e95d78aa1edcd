/*
 * Other rights in user mode than all others have: touching I/O ports (ioperm, iopl), not reading the time-stamp counter. The processor is told at
 * every switch to and from such a thread; a child begins with what its parent had.
 *
 * iopl is not done by the processor's own I/O privilege level, with which a program could also switch interrupts off: level 3 allows all ports.
 */
#include <abi/errno.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <x86/gdt.h>
#include <x86/user_state.h>

#define CR4_TSD      (1u << 2) /* RDTSC faults in user mode */
#define IO_LEVEL_ALL 3
#define PORT_BYTES   (USER_PORT_COUNT / 8)

static void forbid_timestamp(bool forbid)
{
	uint64_t cr4;
	__asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
	cr4 = forbid ? cr4 | CR4_TSD : cr4 & ~(uint64_t)CR4_TSD;
	__asm__ volatile("movq %0, %%cr4" : : "r"(cr4) : "memory");
}

void user_special_enter(const struct user_special *special)
{
	if (special->io_level == IO_LEVEL_ALL)
		gdt_allow_ports(NULL);
	else if (special->forbidden)
		gdt_allow_ports(special->forbidden);
	if (special->no_timestamp)
		forbid_timestamp(true);
}

void user_special_leave(void)
{
	gdt_forbid_ports();
	forbid_timestamp(false);
}

bool user_special_clone(struct user_special *special)
{
	if (!special->forbidden)
		return true;
	uint8_t *copy = kmalloc(PORT_BYTES);
	if (copy)
		memcpy(copy, special->forbidden, PORT_BYTES);
	special->forbidden = copy;
	return copy;
}

void user_special_free(struct user_special *special)
{
	kfree(special->forbidden);
}

static struct user_special *own(void)
{
	return &current_thread()->user->special;
}

/* After a change, made with interrupts off. */
static void apply(struct user_special *special)
{
	special->any = special->io_level || special->forbidden || special->no_timestamp;
	user_special_leave();
	user_special_enter(special);
}

int user_ports_allow(unsigned first, unsigned count, bool allow)
{
	struct user_special *special = own();
	uint8_t *fresh = NULL;
	if (!special->forbidden) {
		if (!allow)
			return 0;
		fresh = kmalloc(PORT_BYTES);
		if (!fresh)
			return -ENOMEM;
		memset(fresh, 0xff, PORT_BYTES);
	}
	irq_flags_t flags = irq_save();
	if (fresh)
		special->forbidden = fresh;
	for (unsigned port = first; port < first + count; port++) {
		uint8_t bit = (uint8_t)(1u << port % 8), *byte = &special->forbidden[port / 8];
		*byte = (uint8_t)(allow ? *byte & ~bit : *byte | bit);
	}
	apply(special);
	irq_restore(flags);
	return 0;
}

unsigned user_io_level(void)
{
	return own()->io_level;
}

void user_set_io_level(unsigned level)
{
	irq_flags_t flags = irq_save();
	own()->io_level = (uint8_t)level;
	apply(own());
	irq_restore(flags);
}

bool user_may_read_timestamp(void)
{
	return !own()->no_timestamp;
}

void user_allow_timestamp(bool allow)
{
	irq_flags_t flags = irq_save();
	own()->no_timestamp = !allow;
	apply(own());
	irq_restore(flags);
}
