/* What pipes do with memory. What they do with bytes is tested by programs: test/user/pipe.c. */
#include <abi/errno.h>
#include <ipc/pipe.h>
#include <mm/alloc_fail.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <object/object.h>
#include <test/selftest.h>

#define PIPES     600
#define PIPE_SIZE (64 * KiB)

static struct object *readers[PIPES], *writers[PIPES];

static uint64_t free_pages(void)
{
	struct page_stats stats;
	page_stats_total(&stats);
	return stats.free;
}

static void fill_and_empty(unsigned i, uint8_t *buf)
{
	struct io io = io_kernel(buf, PIPE_SIZE);
	CHECK_EQ(object_write(writers[i], &io), PIPE_SIZE);
	io = io_kernel(buf, PIPE_SIZE);
	CHECK_EQ(object_read(readers[i], &io), PIPE_SIZE);
}

SELFTEST(pipe_idle_ones_do_not_fill_the_memory)
{
	uint8_t *buf = kmalloc(PIPE_SIZE);
	CHECK(buf);
	for (unsigned i = 0; i < PIPES; i++)
		CHECK_EQ(pipe_create(0, &readers[i], &writers[i]), 0);
	struct page_stats stats;
	page_stats_total(&stats);
	uint64_t before = free_pages();
	for (unsigned i = 0; i < PIPES; i++)
		fill_and_empty(i, buf);
	uint64_t kept = before - free_pages();
	/* A 64th of the memory, and a page each. */
	CHECK(kept <= stats.total / 64 + PIPES + PIPE_SIZE / PAGE_SIZE);
	for (unsigned i = 0; i < PIPES; i++) {
		object_put(readers[i]);
		object_put(writers[i]);
	}
	kfree(buf);
}

/* Each allocation on the way fails once; what was written before is there, and nothing is lost. */
SELFTEST(pipe_writes_what_it_has_pages_for)
{
	uint8_t *buf = kmalloc(PIPE_SIZE);
	CHECK(buf);
	for (unsigned n = 1; n <= 16; n++) {
		CHECK_EQ(pipe_create(O_NONBLOCK, &readers[0], &writers[0]), 0);
		struct io io = io_kernel(buf, PIPE_SIZE);
		(void)alloc_fail_after(n);
		int64_t written = object_write(writers[0], &io);
		(void)alloc_fail_after(0);
		CHECK(written == -ENOMEM || (written > 0 && written % (int64_t)PAGE_SIZE == 0));
		io = io_kernel(buf, PIPE_SIZE);
		CHECK_EQ(object_read(readers[0], &io), written > 0 ? written : -EAGAIN);
		object_put(readers[0]);
		object_put(writers[0]);
	}
	kfree(buf);
}
