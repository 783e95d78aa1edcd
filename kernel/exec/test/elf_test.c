/* ELF headers, good and damaged. */
#include <abi/errno.h>
#include <arch/mmu.h>
#include <arch/user_copy.h>
#include <exec/elf.h>
#include <lib/string.h>
#include <test/test.h>

/* Offsets of fields that tests damage (System V ABI). */
enum {
	E_CLASS = 4,
	E_DATA = 5,
	E_TYPE = 16,
	E_MACHINE = 18,
	E_ENTRY = 24,
	E_PHOFF = 32,
	E_PHENTSIZE = 54,
	E_PHNUM = 56,
	HEADER_LEN = 64,
	PHDR_LEN = 56,
	PHDRS = 4,
	FILE_SIZE = 0x5000,
};
enum { PT_LOAD = 1, PT_INTERP = 3, PT_GNU_STACK = 0x6474e551 };
enum { P_TYPE = 0, P_FLAGS = 4, P_OFFSET = 8, P_VA = 16, P_FILE_SIZE = 32, P_MEMORY_SIZE = 40 };

static uint8_t head[HEADER_LEN], phdrs[PHDRS * PHDR_LEN];

static void put(uint8_t *at, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static void put_phdr(unsigned index, uint32_t type, uint32_t flags, uint64_t offset, uint64_t va,
    uint64_t file_size, uint64_t memory_size)
{
	uint8_t *phdr = phdrs + index * PHDR_LEN;
	put(phdr + P_TYPE, type, 4);
	put(phdr + P_FLAGS, flags, 4);
	put(phdr + P_OFFSET, offset, 8);
	put(phdr + P_VA, va, 8);
	put(phdr + P_FILE_SIZE, file_size, 8);
	put(phdr + P_MEMORY_SIZE, memory_size, 8);
}

/* A program as a linker makes it: headers and code, then data with zeroes behind it. */
static void make_good(void)
{
	memset(head, 0, sizeof(head));
	memset(phdrs, 0, sizeof(phdrs));
	memcpy(head, "\177ELF\2\1\1", 7);
	put(head + E_TYPE, 2, 2);
	put(head + E_MACHINE, 62, 2);
	put(head + E_ENTRY, 0x401000, 8);
	put(head + E_PHOFF, HEADER_LEN, 8);
	put(head + E_PHENTSIZE, PHDR_LEN, 2);
	put(head + E_PHNUM, PHDRS, 2);
	put_phdr(0, PT_LOAD, 5, 0, 0x400000, 0x2345, 0x2345);
	put_phdr(1, PT_LOAD, 6, 0x2345, 0x403345, 0x100, 0x3000);
	put_phdr(2, PT_INTERP, 4, 0x200, 0x400200, 28, 28);
	put_phdr(3, PT_GNU_STACK, 6, 0, 0, 0, 0);
}

static int read_all(struct elf_image *image)
{
	uint64_t offset;
	size_t len;
	int err = elf_check_header(head, sizeof(head), &offset, &len);
	return err ? err : elf_read_segments(head, phdrs, len, FILE_SIZE, image);
}

TEST(elf_reads_a_program)
{
	struct elf_image image;
	make_good();
	CHECK_EQ(read_all(&image), 0);
	CHECK_EQ(image.segment_count, 2);
	CHECK_EQ(image.entry, 0x401000);
	CHECK_EQ(image.lowest, 0x400000);
	CHECK_EQ(image.highest, 0x406345);
	CHECK_EQ(image.phdr_va, 0x400000 + HEADER_LEN);
	CHECK_EQ(image.segments[0].prot, VM_READ | VM_EXEC);
	CHECK_EQ(image.segments[1].prot, VM_READ | VM_WRITE);
	CHECK_EQ(image.interpreter_len, 28);
	CHECK(!image.executable_stack && !image.is_position_independent);
	put(phdrs + 3 * PHDR_LEN + P_FLAGS, 7, 4);
	put(head + E_TYPE, 3, 2);
	CHECK_EQ(read_all(&image), 0);
	CHECK(image.executable_stack && image.is_position_independent);
}

TEST(elf_refuses_other_files)
{
	static const struct {
		size_t at;
		uint64_t value;
		size_t len;
	} damages[] = {{0, 0, 1}, {E_CLASS, 1, 1}, {E_DATA, 2, 1}, {E_TYPE, 1, 2}, {E_TYPE, 4, 2},
	    {E_MACHINE, 3, 2}, {E_PHENTSIZE, 32, 2}, {E_PHNUM, 0, 2}, {E_PHNUM, 0xffff, 2}};
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		struct elf_image image;
		make_good();
		put(head + damages[i].at, damages[i].value, damages[i].len);
		CHECK_EQ(read_all(&image), -ENOEXEC);
	}
	uint64_t offset;
	size_t len;
	make_good();
	CHECK_EQ(elf_check_header(head, HEADER_LEN - 1, &offset, &len), -ENOEXEC);
}

TEST(elf_refuses_bad_segments)
{
	static const struct {
		uint64_t offset, va, file_size, memory_size;
		int err;
	} bad[] = {
	    {0x2345, 0x403346, 0x100, 0x3000, -EINVAL},              /* not congruent */
	    {0x2345, 0x403345, 0x100, 0x99, -EINVAL},                /* more in the file */
	    {0x2345, 0x403345, 0x100, UINT64_MAX - 0x1000, -EINVAL}, /* wraps */
	    {UINT64_MAX - 0xcba, 0x403345, 0x2000, 0x3000, -EINVAL}, /* wraps in the file */
	    {0x2345, 0x403345, FILE_SIZE, FILE_SIZE, -ENOEXEC},      /* beyond the file */
	    {0x2345, 0x401345, 0x100, 0x3000, -EINVAL},              /* over the first */
	    {0x345, 0x7ffffffff345, 0x100, 0x3000, -EINVAL},         /* beyond user memory */
	    {0x345, 0xffff800000000345, 0x100, 0x3000, -EINVAL},     /* the kernel's */
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct elf_image image;
		make_good();
		put_phdr(
		    1, PT_LOAD, 6, bad[i].offset, bad[i].va, bad[i].file_size, bad[i].memory_size);
		CHECK_EQ(read_all(&image), bad[i].err);
	}
}

TEST(elf_refuses_odd_programs)
{
	struct elf_image image;
	make_good();
	put(head + E_ENTRY, USER_END, 8);
	CHECK_EQ(read_all(&image), -EINVAL);
	make_good();
	put(phdrs + P_TYPE, 0, 4);
	put(phdrs + PHDR_LEN + P_TYPE, 0, 4);
	CHECK_EQ(read_all(&image), -ENOEXEC); /* nothing to load */
	make_good();
	put(phdrs + 2 * PHDR_LEN + P_FILE_SIZE, 4097, 8);
	CHECK_EQ(read_all(&image), -ENOEXEC); /* the interpreter's name is too long */
	make_good();
	put_phdr(3, PT_INTERP, 4, 0x200, 0x400200, 28, 28);
	CHECK_EQ(read_all(&image), -EINVAL); /* two interpreters */
}

/* A position that would wrap is in no segment. */
TEST(elf_finds_headers_only_inside_a_segment)
{
	struct elf_image image;
	make_good();
	put(head + E_PHOFF, UINT64_MAX - 8, 8);
	CHECK_EQ(read_all(&image), 0);
	CHECK_EQ(image.phdr_va, 0);
	put(head + E_PHOFF, 0x2345 + 0x100 - PHDRS * PHDR_LEN, 8);
	CHECK_EQ(read_all(&image), 0);
	CHECK_EQ(image.phdr_va, 0x403345 + 0x100 - PHDRS * PHDR_LEN);
	put(head + E_PHOFF, 0x2345 + 0x100 - PHDRS * PHDR_LEN + 1, 8);
	CHECK_EQ(read_all(&image), 0);
	CHECK_EQ(image.phdr_va, 0);
}
