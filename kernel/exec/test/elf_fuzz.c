/* Any bytes as a file: what is accepted must be safe to map. */
#include <arch/user_copy.h>
#include <exec/elf.h>
#include <lib/string.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(bool cond)
{
	if (!cond)
		abort();
}

static void check_image(const struct elf_image *image, uint64_t file_size)
{
	uint64_t end = 0;
	check(image->segment_count > 0 && image->segment_count <= ELF_SEGMENTS_MAX);
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct elf_segment *segment = &image->segments[i];
		check(segment->va >= end);
		check(segment->memory_size > 0 && segment->file_size <= segment->memory_size);
		check(segment->memory_size <= USER_END &&
		      segment->va <= USER_END - segment->memory_size);
		check(!segment->file_size ||
		      (segment->file_offset <= file_size &&
			  segment->file_size <= file_size - segment->file_offset));
		end = segment->va + segment->memory_size;
	}
	check(image->lowest <= image->segments[0].va && image->highest == end);
	check(image->entry < USER_END);
	check(image->interpreter_len <= 4096);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint64_t offset;
	size_t phdr_len;
	if (elf_check_header(data, len, &offset, &phdr_len) || offset > len ||
	    phdr_len > len - offset)
		return 0;
	struct elf_image image;
	if (!elf_read_segments(data, data + offset, phdr_len, len, &image))
		check_image(&image, len);
	return 0;
}
