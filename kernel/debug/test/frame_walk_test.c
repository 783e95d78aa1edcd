/* Walking chains of frames that are whole, damaged, circular or gone. */
#include <debug/backtrace.h>
#include <test/test.h>

#define CODE_START 0x1000
#define CODE_END   0x2000

struct frame {
	uintptr_t next, return_address;
};
static struct frame stack[8];

static bool stack_is_readable(uintptr_t address)
{
	return address >= (uintptr_t)stack && address + 8 <= (uintptr_t)(stack + ARRAY_LEN(stack));
}

static bool is_fake_code(uintptr_t address)
{
	return address >= CODE_START && address < CODE_END;
}

#define TRAP_ENTRY (CODE_START + 0x800)

static bool is_fake_trap_entry(uintptr_t address)
{
	return address == TRAP_ENTRY;
}

/* Registers of three words, of which the last is the interrupted address. */
static const struct frame_checks checks = {stack_is_readable, is_fake_code, is_fake_trap_entry, 16};
static uintptr_t found[16];

static unsigned walk(uintptr_t frame)
{
	return frame_walk(frame, &checks, found, ARRAY_LEN(found));
}

static void build(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		stack[i] =
		    (struct frame){i + 1 < count ? (uintptr_t)&stack[i + 1] : 0, CODE_START + i};
}

TEST(a_whole_chain_is_followed_to_its_end)
{
	build(5);
	CHECK_EQ(walk((uintptr_t)stack), 5);
	for (unsigned i = 0; i < 5; i++)
		CHECK_EQ(found[i], CODE_START + i);
	CHECK_EQ(walk((uintptr_t)&stack[3]), 2);
}

TEST(no_frame_no_backtrace)
{
	CHECK_EQ(walk(0), 0);
}

TEST(an_unreadable_frame_ends_it)
{
	build(5);
	CHECK_EQ(walk(0xdeadbeef000), 0);
	stack[2].next = 0xdeadbeef000;
	CHECK_EQ(walk((uintptr_t)stack), 3);
	/* Half of the frame lies outside. */
	stack[2].next = (uintptr_t)(stack + ARRAY_LEN(stack)) - 8;
	CHECK_EQ(walk((uintptr_t)stack), 3);
}

TEST(a_misaligned_frame_ends_it)
{
	build(5);
	stack[1].next = (uintptr_t)&stack[2] + 1;
	CHECK_EQ(walk((uintptr_t)stack), 2);
}

TEST(a_return_address_outside_the_code_ends_it)
{
	build(5);
	stack[3].return_address = CODE_END;
	CHECK_EQ(walk((uintptr_t)stack), 3);
}

TEST(a_circle_is_bounded)
{
	build(5);
	stack[4].next = (uintptr_t)stack;
	CHECK_EQ(walk((uintptr_t)stack), ARRAY_LEN(found));
}

TEST(what_a_trap_interrupted_is_shown)
{
	build(8);
	stack[1].return_address = TRAP_ENTRY;
	stack[1].next = (uintptr_t)&stack[4];
	/* stack[2] and stack[3].next are the registers. */
	stack[3].next = CODE_START + 0x123;
	CHECK_EQ(walk((uintptr_t)stack), 2 + 1 + 4);
	CHECK_EQ(found[1], TRAP_ENTRY);
	CHECK_EQ(found[2], CODE_START + 0x123);
	CHECK_EQ(found[3], CODE_START + 4);

	stack[3].next = CODE_END; /* user code, or rubbish */
	CHECK_EQ(walk((uintptr_t)stack), 2 + 4);
	stack[7].return_address = TRAP_ENTRY; /* no room for registers behind it */
	CHECK_EQ(walk((uintptr_t)stack), 2 + 4);
}
