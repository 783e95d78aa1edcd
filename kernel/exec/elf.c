/* Reading ELF64 headers of untrusted files (System V ABI, chapter 4 and 5). Nothing here touches the machine. */
#include <abi/errno.h>
#include <arch/mmu.h>
#include <arch/user_copy.h>
#include <exec/elf.h>
#include <lib/string.h>

#define ELF_CLASS_64      2
#define ELF_LITTLE_ENDIAN 1
#define ELF_VERSION       1
#define ET_EXEC           2
#define ET_DYN            3
#define EM_X86_64         62
#define PHDRS_LEN_MAX     65536

#define PT_LOAD      1
#define PT_INTERP    3
#define PT_PHDR      6
#define PT_GNU_STACK 0x6474e551

#define PF_X 1
#define PF_W 2
#define PF_R 4

struct elf_header {
	uint8_t magic[4], class, data, version, os_abi, padding[8];
	uint16_t type, machine;
	uint32_t file_version;
	uint64_t entry, phdr_offset, shdr_offset;
	uint32_t flags;
	uint16_t header_size, phdr_size, phdr_count, shdr_size, shdr_count, names_index;
};
static_assert(sizeof(struct elf_header) == 64, "System V ABI");

struct elf_phdr {
	uint32_t type, flags;
	uint64_t offset, va, pa, file_size, memory_size, align;
};
static_assert(sizeof(struct elf_phdr) == 56, "System V ABI");

static bool header_is_ours(const struct elf_header *header)
{
	return memcmp(header->magic, "\177ELF", 4) == 0 && header->class == ELF_CLASS_64 &&
	       header->data == ELF_LITTLE_ENDIAN && header->version == ELF_VERSION &&
	       header->machine == EM_X86_64 &&
	       (header->type == ET_EXEC || header->type == ET_DYN) &&
	       header->phdr_size == sizeof(struct elf_phdr);
}

int elf_check_header(const void *head, size_t head_len, uint64_t *phdr_offset, size_t *phdr_len)
{
	struct elf_header header;
	if (head_len < sizeof(header))
		return -ENOEXEC;
	memcpy(&header, head, sizeof(header));
	size_t len = (size_t)header.phdr_count * sizeof(struct elf_phdr);
	if (!header_is_ours(&header) || !len || len > PHDRS_LEN_MAX)
		return -ENOEXEC;
	*phdr_offset = header.phdr_offset;
	*phdr_len = len;
	return 0;
}

static unsigned prot_of(uint32_t flags)
{
	return (flags & PF_R ? VM_READ : 0u) | (flags & PF_W ? VM_WRITE : 0u) |
	       (flags & PF_X ? VM_EXEC : 0u);
}

static int add_segment(struct elf_image *image, const struct elf_phdr *phdr, uint64_t file_size)
{
	uint64_t file_end, memory_end;
	if (add_overflows(phdr->offset, phdr->file_size, &file_end) ||
	    add_overflows(phdr->va, phdr->memory_size, &memory_end))
		return -EINVAL;
	if (phdr->file_size > phdr->memory_size || memory_end > USER_END)
		return -EINVAL;
	/* Pages are mapped, so address and offset must agree within one. */
	if ((phdr->va & (PAGE_SIZE - 1)) != (phdr->offset & (PAGE_SIZE - 1)))
		return -EINVAL;
	if (file_end > file_size && phdr->file_size)
		return -ENOEXEC;
	if (!phdr->memory_size)
		return 0;
	if (image->segment_count == ELF_SEGMENTS_MAX)
		return -ENOEXEC;
	/* Ascending and not overlapping: what the ABI says, and what mapping one after another needs. */
	if (image->segment_count && phdr->va < image->highest)
		return -EINVAL;
	image->segments[image->segment_count++] = (struct elf_segment){.va = phdr->va,
	    .file_offset = phdr->offset,
	    .file_size = phdr->file_size,
	    .memory_size = phdr->memory_size,
	    .align = phdr->align,
	    .prot = prot_of(phdr->flags)};
	image->lowest = min(image->lowest, ALIGN_DOWN(phdr->va, PAGE_SIZE));
	image->highest = memory_end;
	return 0;
}

/* Where the program headers themselves are in memory: in the segment that holds their part of the file. */
static void find_phdrs(struct elf_image *image, uint64_t phdr_offset, size_t phdr_len)
{
	for (size_t i = 0; i < image->segment_count && !image->phdr_va; i++) {
		const struct elf_segment *segment = &image->segments[i];
		uint64_t before = phdr_offset - segment->file_offset;
		if (phdr_offset >= segment->file_offset && before <= segment->file_size &&
		    phdr_len <= segment->file_size - before)
			image->phdr_va = segment->va + before;
	}
}

int elf_read_segments(const void *head, const void *phdrs, size_t phdr_len, uint64_t file_size,
    struct elf_image *image)
{
	struct elf_header header;
	memcpy(&header, head, sizeof(header));
	*image = (struct elf_image){.is_position_independent = header.type == ET_DYN,
	    .entry = header.entry,
	    .lowest = UINT64_MAX,
	    .phdr_count = header.phdr_count,
	    .phdr_size = header.phdr_size,
	    .executable_stack = false};
	for (size_t at = 0; at < phdr_len; at += sizeof(struct elf_phdr)) {
		struct elf_phdr phdr;
		memcpy(&phdr, (const uint8_t *)phdrs + at, sizeof(phdr));
		int err = 0;
		if (phdr.type == PT_LOAD) {
			err = add_segment(image, &phdr, file_size);
		} else if (phdr.type == PT_INTERP) {
			if (image->interpreter_len)
				err = -EINVAL;
			image->interpreter_offset = phdr.offset;
			image->interpreter_len = phdr.file_size;
		} else if (phdr.type == PT_GNU_STACK) {
			image->executable_stack = phdr.flags & PF_X;
		}
		if (err)
			return err;
	}
	if (!image->segment_count || image->entry >= USER_END)
		return image->segment_count ? -EINVAL : -ENOEXEC;
	if (image->interpreter_len > 4096 || image->interpreter_len == 1)
		return -ENOEXEC;
	find_phdrs(image, header.phdr_offset, phdr_len);
	return 0;
}
