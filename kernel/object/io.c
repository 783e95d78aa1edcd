/* Moving bytes between an object and whoever called read or write: <object/io.h>. */
#include <lib/string.h>
#include <object/io.h>

struct io io_vector(const struct io_segment *segments, size_t count)
{
	struct io io = {.next = segments};
	for (size_t i = 0; i < count; i++)
		io.left += segments[i].len;
	return io;
}

/* Steps over segments that are used up (or empty). `left` says that there is another. */
static void next_segment(struct io *io)
{
	while (!io->segment_left && io->left) {
		io->base = io->next->base;
		io->segment_left = io->next->len;
		io->next++;
	}
}

static size_t copy_out(const struct io *io, const void *src, size_t len)
{
	if (!io->is_kernel)
		return copy_to_user_part(io->base, src, len);
	memcpy((void *)io->base.va, src, len);
	return 0;
}

static size_t copy_in(const struct io *io, void *dst, size_t len)
{
	if (!io->is_kernel)
		return copy_from_user_part(dst, io->base, len);
	memcpy(dst, (const void *)io->base.va, len);
	return 0;
}

static size_t clear_out(const struct io *io, size_t len)
{
	if (!io->is_kernel)
		return clear_user_part(io->base, len);
	memset((void *)io->base.va, 0, len);
	return 0;
}

size_t io_write_any(struct io *io, const void *src, size_t len)
{
	size_t done = 0;
	len = min(len, io->left);
	while (done < len && !io->faulted) {
		next_segment(io);
		size_t part = min(len - done, io->segment_left);
		done += io_advance(io, part, copy_out(io, (const uint8_t *)src + done, part));
	}
	return done;
}

size_t io_read_any(struct io *io, void *dst, size_t len)
{
	size_t done = 0;
	len = min(len, io->left);
	while (done < len && !io->faulted) {
		next_segment(io);
		size_t part = min(len - done, io->segment_left);
		done += io_advance(io, part, copy_in(io, (uint8_t *)dst + done, part));
	}
	return done;
}

size_t io_write_zeroes_any(struct io *io, size_t len)
{
	size_t done = 0;
	len = min(len, io->left);
	while (done < len && !io->faulted) {
		next_segment(io);
		size_t part = min(len - done, io->segment_left);
		done += io_advance(io, part, clear_out(io, part));
	}
	return done;
}

bool io_read_line(struct io *io, char *text, size_t size)
{
	size_t len = io_read(io, text, size - 1);
	if (io->faulted)
		return false;
	text[len] = '\0';
	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	return true;
}
