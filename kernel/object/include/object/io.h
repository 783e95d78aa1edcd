/*
 * Where bytes go to or come from: one user buffer (the common case, inline), a vector of them, or kernel memory. An operation takes
 * what it needs with io_write (object → caller) or io_read (caller → object); both advance and stop at a fault. User
 * ranges are checked by whoever makes an io, as a whole, and not again for each part.
 */
#pragma once

#include <abi/errno.h>
#include <arch/user_copy.h>
#include <lib/types.h>

struct io_segment {
	uaddr_t base;
	size_t len;
};

/* Where a write goes: as O_APPEND says, or otherwise in this call alone. */
enum io_place { IO_AS_OPENED, IO_AT_END, IO_AT_POSITION };

struct io {
	uaddr_t base; /* of the current segment */
	size_t segment_left;
	size_t left;                   /* in all segments */
	const struct io_segment *next; /* those that follow, NULL when none */
	bool is_kernel;                /* base is a kernel address */
	bool faulted;                  /* a copy stopped at bad memory */
	bool nonblock;                 /* RWF_NOWAIT: see object_must_not_wait */
	uint8_t place;                 /* enum io_place, of a write */
};

/* The range is user_range_ok. */
static inline struct io io_user(uaddr_t base, size_t len)
{
	return (struct io){.base = base, .segment_left = len, .left = len};
}

static inline struct io io_kernel(void *base, size_t len)
{
	return (struct io){
	    .base = {(uintptr_t)base}, .segment_left = len, .left = len, .is_kernel = true};
}

/* Each of the ranges is user_range_ok. */
struct io io_vector(const struct io_segment *segments, size_t count);

/* The ways through several segments, kernel memory, and beyond the end. */
size_t io_write_any(struct io *io, const void *src, size_t len);
size_t io_read_any(struct io *io, void *dst, size_t len);
size_t io_write_zeroes_any(struct io *io, size_t len);

/* After a copy of `len` bytes of the current segment, of which the last `missed` met a fault: how many were moved. */
static inline size_t io_advance(struct io *io, size_t len, size_t missed)
{
	if (unlikely(missed)) {
		io->faulted = true;
		len -= missed;
	}
	io->base.va += len;
	io->segment_left -= len;
	io->left -= len;
	return len;
}

/* Bytes moved; fewer than asked only at a fault (io->faulted) or at the end. To the caller of read(2). */
static inline size_t io_write(struct io *io, const void *src, size_t len)
{
	if (likely(!io->is_kernel && len <= io->segment_left))
		return io_advance(io, len, copy_to_user_part(io->base, src, len));
	return io_write_any(io, src, len);
}

/* From the caller of write(2). */
static inline size_t io_read(struct io *io, void *dst, size_t len)
{
	if (likely(!io->is_kernel && len <= io->segment_left))
		return io_advance(io, len, copy_from_user_part(dst, io->base, len));
	return io_read_any(io, dst, len);
}

static inline size_t io_write_zeroes(struct io *io, size_t len)
{
	if (likely(!io->is_kernel && len <= io->segment_left))
		return io_advance(io, len, clear_user_part(io->base, len));
	return io_write_zeroes_any(io, len);
}

/* A line that is written to a file of the kernel's own: cut at `size`, terminated, without its newline. False: a fault. */
MUST_USE bool io_read_line(struct io *io, char *text, size_t size);

/* What to return after moving `done` bytes: done, or -EFAULT when nothing moved because of a fault. */
static inline int64_t io_result(const struct io *io, size_t done)
{
	return done || !io->faulted ? (int64_t)done : -EFAULT;
}
