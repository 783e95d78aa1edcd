/* ELF64 headers, checked. Pure: host-tested and fuzzed. */
#pragma once

#include <lib/types.h>

#define ELF_SEGMENTS_MAX 64

struct elf_segment {
	uint64_t va, file_offset, file_size, memory_size, align;
	unsigned prot; /* VM_READ, VM_WRITE, VM_EXEC */
};

struct elf_image {
	bool is_position_independent;
	bool executable_stack;
	uint64_t entry, phdr_va, lowest, highest; /* addresses as in the file */
	uint16_t phdr_count, phdr_size;
	uint64_t interpreter_offset, interpreter_len; /* 0: none */
	size_t segment_count;
	struct elf_segment segments[ELF_SEGMENTS_MAX];
};

/* head: the first bytes of the file. 0 and where the program headers are, or -ENOEXEC: damaged, or not for us. */
MUST_USE int elf_check_header(
    const void *head, size_t head_len, uint64_t *phdr_offset, size_t *phdr_len);
/* -ENOEXEC or -EINVAL, as Linux answers. */
MUST_USE int elf_read_segments(const void *head, const void *phdrs, size_t phdr_len,
    uint64_t file_size, struct elf_image *image);
