/* Mapping and faults. */
#include "bench.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

void run_mmap_munmap(long n)
{
	OPS(n)
	{
		long p = call(
		    SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		MUST(call(SYS_munmap, p, PAGE));
	}
}
static void touch_pages(char *p, long n)
{
	inner_start = ticks();
	for (long i = 0; i < n; i++)
		p[i * PAGE] = 1;
	inner_end = ticks();
}
void run_anonymous_fault(long n)
{
	char *p = mmap(
	    NULL, (size_t)n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(p, (size_t)n * PAGE, MADV_NOHUGEPAGE);
	touch_pages(p, n);
	call(SYS_munmap, p, (size_t)n * PAGE);
}
static void copy_pages(void *arg)
{
	uint64_t *result = *(uint64_t **)arg;
	touch_pages(area, 256);
	result[0] = inner_start;
	result[1] = inner_end;
}
void run_cow_fault(long n)
{
	static uint64_t *result;
	memset(area, 1, 256 * PAGE);
	(void)n; /* 256: as many as `area` has */
	if (!result)
		result =
		    mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	result[0] = result[1] = 0;
	waitpid(child_of(copy_pages, &result), NULL, 0);
	inner_start = result[0];
	inner_end = result[1];
	is_broken |= result[1] == 0;
}
void run_file_fault(long n)
{
	int fd = (int)call(SYS_open, "/tmp/big", O_RDONLY);
	volatile char *p = mmap(NULL, (size_t)n * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	is_broken |= (void *)p == MAP_FAILED;
	inner_start = ticks();
	for (long i = 0; i < n && !is_broken; i++)
		(void)p[i * PAGE];
	inner_end = ticks();
	call(SYS_munmap, (void *)p, (size_t)n * PAGE);
	call(SYS_close, fd);
}
void run_touch_16m_page(long n)
{
	size_t len = 18 << 20;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *aligned = (char *)(((uintptr_t)p + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1));
	madvise(aligned, 16 << 20, MADV_HUGEPAGE);
	touch_pages(aligned, n);
	call(SYS_munmap, p, len);
}
void run_mprotect(long n)
{
	for (long i = 0; i < n; i += 2) {
		MUST(call(SYS_mprotect, area, PAGE, PROT_READ));
		MUST(call(SYS_mprotect, area, PAGE, PROT_READ | PROT_WRITE));
	}
}
