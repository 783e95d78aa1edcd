/* Putting an ELF file's segments into an address space. */
#include "exec_impl.h"

#include <abi/errno.h>
#include <abi/linux/mman.h>
#include <arch/mmu.h>
#include <mm/slab.h>
#include <object/object.h>
#include <vm/address_space.h>

#define HEAD_LEN 64

static int read_exactly(struct object *object, void *buf, size_t len, uint64_t pos)
{
	struct io io = io_kernel(buf, len);
	int64_t n = object_pread(object, &io, pos);
	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : -ENOEXEC;
}

static int file_size(struct object *object, uint64_t *size)
{
	struct kstat stat;
	int err = object->ops->stat ? object->ops->stat(object, &stat) : -EACCES;
	if (!err)
		*size = stat.size;
	return err;
}

int exec_file_read(struct exec_file *file)
{
	uint8_t head[HEAD_LEN];
	uint64_t phdr_offset, size;
	size_t phdr_len;
	int err = file_size(file->object, &size);
	if (!err)
		err = read_exactly(file->object, head, sizeof(head), 0);
	if (!err)
		err = elf_check_header(head, sizeof(head), &phdr_offset, &phdr_len);
	if (err)
		return err;
	void *phdrs = kmalloc(phdr_len);
	if (!phdrs)
		return -ENOMEM;
	err = read_exactly(file->object, phdrs, phdr_len, phdr_offset);
	if (!err)
		err = elf_read_segments(head, phdrs, phdr_len, size, &file->image);
	kfree(phdrs);
	return err;
}

static unsigned linux_prot(unsigned prot)
{
	return (prot & VM_READ ? PROT_READ : 0u) | (prot & VM_WRITE ? PROT_WRITE : 0u) |
	       (prot & VM_EXEC ? PROT_EXEC : 0u);
}

/* The pages with file contents, then those of zeroes only. */
static int map_segment(
    const struct exec_file *file, struct address_space *space, const struct elf_segment *segment)
{
	uintptr_t va = segment->va + file->bias, start = ALIGN_DOWN(va, PAGE_SIZE);
	uintptr_t file_end = ALIGN_UP(va + segment->file_size, PAGE_SIZE),
		  end = ALIGN_UP(va + segment->memory_size, PAGE_SIZE);
	unsigned prot = linux_prot(segment->prot);
	if (segment->file_size) {
		int64_t at = vm_map(space, start, file_end - start, prot, MAP_PRIVATE | MAP_FIXED,
		    file->object, ALIGN_DOWN(segment->file_offset, PAGE_SIZE));
		if (at < 0)
			return (int)at;
	} else {
		file_end = start;
	}
	if (end > file_end) {
		int64_t at = vm_map(space, file_end, end - file_end, prot,
		    MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, NULL, 0);
		if (at < 0)
			return (int)at;
	}
	return 0;
}

int exec_file_map(
    struct exec_file *file, struct address_space *space, uint64_t base, uintptr_t *end)
{
	const struct elf_image *image = &file->image;
	file->bias = image->is_position_independent ? base - image->lowest : 0;
	if (image->highest + file->bias > USER_END)
		return -ENOMEM;
	for (size_t i = 0; i < image->segment_count; i++) {
		int err = map_segment(file, space, &image->segments[i]);
		if (err)
			return err;
	}
	*end = image->highest + file->bias;
	return 0;
}

int exec_file_clear_tails(const struct exec_file *file)
{
	for (size_t i = 0; i < file->image.segment_count; i++) {
		const struct elf_segment *segment = &file->image.segments[i];
		uintptr_t from = segment->va + file->bias + segment->file_size;
		/* To the end of the page, not of the segment: the dynamic linker takes what is behind for fresh memory. */
		uintptr_t to = ALIGN_UP(from, PAGE_SIZE);
		if (!segment->file_size || segment->memory_size == segment->file_size || from >= to)
			continue;
		/* A read-only segment with a tail is odd but legal; then the zeroes are missing, as on Linux. */
		if (clear_user((uaddr_t){from}, to - from) && segment->prot & VM_WRITE)
			return -EFAULT;
	}
	return 0;
}
