/* What the calls that move bytes share. */
#pragma once

#include <object/object.h>

#define RW_MAX 0x7ffff000ul /* Linux moves at most this many bytes a call */

#define SPLICE_F_NONBLOCK 2u
#define SPLICE_FLAGS      15u /* to move pages, that more will come, and to give them away are hints */

/* Of preadv2(2) and the like: 0, -EOPNOTSUPP or -EINVAL. */
MUST_USE int rw_check_flags(unsigned flags);

/* A read or write as io_submit(2) has it; what has no position is not asked for one. */
struct rw_request {
	uaddr_t base; /* a buffer, or a vector of them */
	size_t count; /* bytes, or buffers */
	int64_t offset;
	unsigned flags; /* RWF_… */
	bool is_vector, is_write;
};
/* Of an object that was looked up for it: bytes, or -errno. */
int64_t rw_at(struct object *object, const struct rw_request *request);
