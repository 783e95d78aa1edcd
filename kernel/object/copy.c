/* From one object to another without a way through user memory. */
#include <mm/slab.h>
#include <object/object.h>
#include <wait/interruptible.h>

#define CHUNK (64 * KiB)

/* Reads once, and writes what came. The position to read from, if there is one, only advances by what was written. */
static int64_t copy_chunk(struct object *in, uint64_t *in_pos, struct object *out,
    uint64_t *out_pos, void *buf, size_t len)
{
	uint64_t from = in_pos ? *in_pos : 0;
	struct io io = io_kernel(buf, len);
	int64_t n = in->ops->read(in, &io, in_pos ? &from : NULL);
	if (n <= 0)
		return n;
	io = io_kernel(buf, (size_t)n);
	n = out->ops->write(out, &io, out_pos);
	if (n > 0 && in_pos)
		*in_pos += (uint64_t)n;
	return n;
}

int64_t object_copy(
    struct object *in, uint64_t *in_pos, struct object *out, uint64_t *out_pos, size_t len)
{
	if (!in->ops->read || !out->ops->write)
		return -EINVAL;
	size_t size = min(len, (size_t)CHUNK), done = 0;
	void *buf = kmalloc(size + !size);
	if (!buf)
		return -ENOMEM;
	int64_t n = 0;
	while (done < len) {
		size_t part = min(len - done, size);
		n = copy_chunk(in, in_pos, out, out_pos, buf, part);
		if (n <= 0)
			break;
		done += (size_t)n;
		if ((size_t)n < part || signal_is_pending())
			break;
	}
	kfree(buf);
	return done ? (int64_t)done : n;
}
