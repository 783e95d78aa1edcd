/*
 * Pipes and FIFOs: a ring of pages. Small writes are gathered in a page, and a page that was read goes to the next write. Writes of up to
 * PIPE_BUF bytes are atomic. Pages come as they are needed, up to the pipe's size (64 KiB, F_SETPIPE_SZ). Those of 64 KiB may stay with a
 * pipe that is not in use, as long as all that stay so are no more than a 64th of the memory; a pipe beyond that keeps one.
 *
 * Locking: pipe->lock (mutex) over everything; a wait queue for either side. A signal may end a wait.
 */
#pragma once

#include <object/object.h>

struct inode;
struct file;

#define PIPE_BUF          4096
#define PIPE_SIZE_MAX_OWN (1u << 20) /* what everybody may set with F_SETPIPE_SZ, at first */

uint32_t pipe_size_limit(void);                  /* /proc/sys/fs/pipe-max-size */
MUST_USE int pipe_set_size_limit(uint64_t size); /* rounded up; -EINVAL */

/* Both ends of a new pipe, as objects with one reference each. Flags: O_NONBLOCK, and O_DIRECT for packets. */
MUST_USE int pipe_create(unsigned flags, struct object **read_end, struct object **write_end);

/*
 * splice(2) and tee(2): bytes between a pipe and something else without a way through user memory. `pipe`, `in` and `out` are ends of pipes,
 * opened for what is done with them. They wait until something can be moved, unless nonblock (-EAGAIN), and then move what they can
 * without waiting: how many bytes, 0 at the end, or -errno. The positions are advanced; NULL for streams.
 */
MUST_USE int64_t pipe_splice_to(
    struct object *pipe, struct object *out, uint64_t *out_pos, size_t len, bool nonblock);
MUST_USE int64_t pipe_splice_from(
    struct object *in, uint64_t *in_pos, struct object *pipe, size_t len, bool nonblock);
/* keep: the bytes stay in `in` as well. Not between the ends of one pipe. */
MUST_USE int64_t pipe_splice_pipes(
    struct object *in, struct object *out, size_t len, bool keep, bool nonblock);
bool pipe_is_same(struct object *end, struct object *other);
/* Until a page can be written: how many bytes there is room for, or -errno; -EPIPE with its signal when nobody reads. */
MUST_USE int64_t pipe_wait_for_room(struct object *pipe, bool nonblock);

/* A hook, defined above: SIGPIPE for the current thread, which wrote where nobody reads. */
void pipe_signal_broken(void);
