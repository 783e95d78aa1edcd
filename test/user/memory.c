/* Memory: mapping, sharing, copying on write, protection, faults and what they tell. */
#include "check.h"

#include <setjmp.h>
#include <sys/resource.h>

static const size_t page = 4096;

static sigjmp_buf back;
static volatile siginfo_t seen;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	memcpy((void *)&seen, info, sizeof(*info));
	siglongjmp(back, 1);
}

static void catch_faults(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	CHECK_OK(sigaction(SIGSEGV, &action, NULL));
	CHECK_OK(sigaction(SIGBUS, &action, NULL));
}

#define FAULTS(access, signal, code, address)                                                      \
	do {                                                                                       \
		if (sigsetjmp(back, 1) == 0) {                                                     \
			access;                                                                    \
			FAIL("%s does not fault", #access);                                        \
		}                                                                                  \
		CHECK_EQ(seen.si_signo, (signal));                                                 \
		CHECK_EQ(seen.si_code, (code));                                                    \
		CHECK_EQ((uintptr_t)seen.si_addr, (uintptr_t)(address));                           \
	} while (0)

static char *map(size_t len, int prot, int flags)
{
	char *p = mmap(NULL, len, prot, flags | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	return p;
}

static int filled_file(const char *name, size_t len)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	CHECK(fd >= 0);
	for (size_t i = 0; i < len; i++) {
		char c = (char)('a' + i / page % 26);
		CHECK_EQ(write(fd, &c, 1), 1);
		if (i % page == 0) { /* one byte tells the page; the rest is a hole */
			i += page - 1;
			CHECK_OK(lseek(fd, (off_t)i + 1, SEEK_SET));
		}
	}
	CHECK_OK(ftruncate(fd, (off_t)len));
	return fd;
}

TEST(fresh_memory_is_zero)
{
	char *p = map(1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (size_t i = 0; i < 1 << 20; i += 64)
		CHECK_EQ(p[i], 0);
	memset(p, 1, 1 << 20);
	CHECK_OK(munmap(p, 1 << 20));
	p = map(1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (size_t i = 0; i < 1 << 20; i += 64)
		CHECK_EQ(p[i], 0);
}

TEST(mmap_checks_its_arguments)
{
	CHECK_ERR((long)mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERR((long)mmap(NULL, page, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERR((long)mmap(NULL, page, PROT_READ, MAP_PRIVATE, 99, 0), EBADF);
	CHECK_ERR(
	    syscall(SYS_mmap, 0, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 1), EINVAL);
	CHECK_ERR((long)mmap(NULL, (size_t)1 << 62, PROT_READ,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
	    ENOMEM);
	CHECK_ERR(
	    (long)mmap((void *)1, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
	    EINVAL);
	int fd = open("f", O_WRONLY | O_CREAT, 0644);
	CHECK_ERR((long)mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0), EACCES);
	int other = open("f", O_RDONLY);
	CHECK_ERR((long)mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0), EACCES);
	CHECK(
	    (void *)mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, other, 0) != MAP_FAILED);
}

TEST(faults_tell_address_and_reason)
{
	catch_faults();
	char *p = map(3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	CHECK_OK(munmap(p + page, page));
	CHECK_OK(mprotect(p + 2 * page, page, PROT_READ));
	FAULTS(*(volatile char *)(p + page + 5), SIGSEGV, SEGV_MAPERR, p + page + 5);
	FAULTS(*(volatile char *)(p + 2 * page + 7) = 1, SIGSEGV, SEGV_ACCERR, p + 2 * page + 7);
	CHECK_OK(mprotect(p, page, PROT_NONE));
	FAULTS(*(volatile char *)(p + 9), SIGSEGV, SEGV_ACCERR, p + 9);
	volatile uintptr_t low = 8;
	FAULTS(*(volatile char *)low, SIGSEGV, SEGV_MAPERR, 8);
	FAULTS(*(volatile char *)0xffffffff80000000, SIGSEGV, SEGV_MAPERR, 0xffffffff80000000);
	CHECK_OK(mprotect(p, page, PROT_READ));
	CHECK_EQ(*(volatile char *)p, 0);
}

TEST(executing_data_faults)
{
	catch_faults();
	char *p = map(page, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	*p = (char)0xc3;
	FAULTS(((void (*)(void))p)(), SIGSEGV, SEGV_ACCERR, p);
	CHECK_OK(mprotect(p, page, PROT_READ | PROT_EXEC));
	((void (*)(void))p)();
}

TEST(past_the_end_of_a_file_is_a_bus_error)
{
	catch_faults();
	int fd = filled_file("f", 100);
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	CHECK_EQ(p[0], 'a');
	CHECK_EQ(p[100], 0);
	FAULTS(*(volatile char *)(p + page), SIGBUS, BUS_ADRERR, p + page);
	CHECK_OK(ftruncate(fd, 2 * (off_t)page));
	CHECK_EQ(p[page], 0);
	CHECK_OK(ftruncate(fd, 0));
	FAULTS(*(volatile char *)p, SIGBUS, BUS_ADRERR, p);
}

TEST(fork_copies_private_and_shares_shared)
{
	char *private = map(page * 64, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	char *shared = map(page * 64, PROT_READ | PROT_WRITE, MAP_SHARED);
	for (size_t i = 0; i < 64; i++)
	private[i * page] = (char)i;
	pid_t pid = forked();
	if (pid == 0) {
		for (size_t i = 0; i < 64; i++) {
			CHECK_EQ(private[i * page], (char)i);
			private[i * page] = 99;
			shared[i * page] = (char)(i + 1);
		}
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
	for (size_t i = 0; i < 64; i++) {
		CHECK_EQ(private[i * page], (char)i);
		CHECK_EQ(shared[i * page], (char)(i + 1));
	}
}

TEST(copies_survive_generations)
{
	volatile int *p = (int *)map(page * 16, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (int depth = 0; depth < 8; depth++) {
		p[depth * 1024] = depth + 1;
		pid_t pid = forked();
		if (pid > 0) {
			p[depth * 1024] = -1;
			CHECK_EQ(ended(pid), 0);
			for (int i = depth + 1; i < 8; i++)
				CHECK_EQ(p[i * 1024], 0);
			if (depth > 0)
				_exit(0);
			return;
		}
		for (int i = 0; i <= depth; i++)
			CHECK_EQ(p[i * 1024], i + 1);
	}
	_exit(0);
}

TEST(file_mappings_and_writes_agree)
{
	int fd = filled_file("f", 3 * page);
	char *shared = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *private = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(shared != MAP_FAILED && private != MAP_FAILED);
	CHECK_EQ(shared[page], 'b');
	CHECK_EQ(private[page], 'b');
	CHECK_EQ(pwrite(fd, "X", 1, (off_t)page), 1);
	CHECK_EQ(shared[page], 'X');
	CHECK_EQ(private[page], 'X');
	shared[page + 1] = 'Y';
	char got[2];
	CHECK_EQ(pread(fd, got, 2, (off_t)page), 2);
	CHECK_EQ(got[1], 'Y');
	private[page] = 'P';
	CHECK_EQ(shared[page], 'X');
	CHECK_EQ(pread(fd, got, 1, (off_t)page), 1);
	CHECK_EQ(got[0], 'X');
	CHECK_OK(close(fd)); /* the mapping keeps the file */
	CHECK_OK(unlink("f"));
	CHECK_EQ(shared[2 * page], 'c');
}

TEST(offset_mapping)
{
	int fd = filled_file("f", 8 * page);
	char *p = mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 5 * (off_t)page);
	CHECK(p != MAP_FAILED);
	CHECK_EQ(p[0], 'f');
}

TEST(areas_split_and_fixed_replaces)
{
	char *p = map(10 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	memset(p, 7, 10 * page);
	char *q = mmap(p + 3 * page, 2 * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	CHECK(q == p + 3 * page);
	CHECK_EQ(q[0], 0);
	CHECK_EQ(p[2 * page], 7);
	CHECK_EQ(p[5 * page], 7);
	CHECK_ERR((long)mmap(
		      p, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
	    EEXIST);
	CHECK_OK(munmap(p, 10 * page));
	CHECK_OK(munmap(p, 10 * page)); /* nothing there is no error */
	CHECK_ERR(munmap(p + 1, page), EINVAL);
	CHECK_ERR(munmap(p, 0), EINVAL);
}

TEST(mprotect_over_holes_fails)
{
	char *p = map(4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	CHECK_OK(munmap(p + 2 * page, page));
	CHECK_ERR(mprotect(p, 4 * page, PROT_READ), ENOMEM);
	CHECK_ERR(syscall(SYS_mprotect, p + 1, page, PROT_READ), EINVAL);
	CHECK_OK(mprotect(p, 0, PROT_READ));
}

/* Advice about memory that is not the program's: above it lies the kernel's. */
TEST(advice_about_the_kernel_is_refused)
{
	static const int advices[] = {MADV_NORMAL, MADV_DONTNEED, MADV_DONTFORK, MADV_DOFORK,
	    MADV_DONTDUMP, MADV_DODUMP, MADV_HUGEPAGE, MADV_WIPEONFORK};
	static const unsigned long places[] = {0x7ffffffff000, 0x800000000000, 0xffff800000000000,
	    0xffff800000100000, 0xffffffff80001000, 0xffffffffffe00000};
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		for (size_t j = 0; j < sizeof(places) / sizeof(places[0]); j++)
			CHECK_ERR(madvise((void *)places[j], 65536, advices[i]), ENOMEM);
}

/* With a length of 0 the old mapping stays: unless the new one takes its place. */
TEST(a_second_mapping_cannot_replace_the_first)
{
	char *p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK_ERR((long)mremap(p, 0, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, p), EFAULT);
	CHECK_ERR((long)mremap(p, 0, 4096, MREMAP_MAYMOVE), EFAULT); /* it is gone */
	CHECK(mremap(p + 4096, 0, 4096, MREMAP_MAYMOVE) != MAP_FAILED);
}

TEST(mremap_grows_moves_shrinks)
{
	char *p = map(2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	strcpy(p + page, "second");
	CHECK_ERR((long)mremap(p, page, 0, 0), EINVAL);
	char *q = mremap(p, 2 * page, 200 * page, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED);
	CHECK(strcmp(q + page, "second") == 0);
	CHECK_EQ(q[199 * page], 0);
	q[199 * page] = 1;
	CHECK(mremap(q, 200 * page, 2 * page, 0) == q);
	CHECK(strcmp(q + page, "second") == 0);
	catch_faults();
	FAULTS(*(volatile char *)(q + 2 * page), SIGSEGV, SEGV_MAPERR, q + 2 * page);
	char *target = map(2 * page, PROT_READ, MAP_PRIVATE);
	CHECK(mremap(q, 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
	CHECK(strcmp(target + page, "second") == 0);
	CHECK_ERR((long)mremap(q, page, page, 0), EFAULT);
}

TEST(brk_grows_and_shrinks)
{
	char *start = (char *)syscall(SYS_brk, 0);
	CHECK((char *)syscall(SYS_brk, start + 100 * page) == start + 100 * page);
	memset(start, 5, 100 * page);
	CHECK((char *)syscall(SYS_brk, start + page) == start + page);
	CHECK((char *)syscall(SYS_brk, start + 100 * page) == start + 100 * page);
	CHECK_EQ(start[0], 5);
	CHECK_EQ(start[50 * page], 0);
	CHECK((char *)syscall(SYS_brk, (char *)1) == start + 100 * page);
}

static int deep(int levels)
{
	volatile char frame[4000];
	frame[0] = (char)levels;
	frame[sizeof(frame) - 1] = 1;
	return levels == 0 ? 0 : deep(levels - 1) + frame[sizeof(frame) - 1];
}

/* Rights that the program has taken from the end of its heap are not those of what comes behind. */
TEST(a_heap_grows_with_its_own_rights)
{
	char *heap = sbrk(0);
	heap += -(uintptr_t)heap & 4095;
	CHECK_OK(syscall(SYS_brk, heap + 8192) == (long)heap + 8192 ? 0 : -1);
	CHECK_OK(mprotect(heap + 4096, 4096, PROT_READ));
	CHECK_OK(syscall(SYS_brk, heap + 16384) == (long)heap + 16384 ? 0 : -1);
	heap[8192] = 1;
	heap[0] = 1;
	CHECK_OK(syscall(SYS_brk, heap) == (long)heap ? 0 : -1);
}

TEST(the_stack_grows)
{
	CHECK_EQ(deep(1000), 1000); /* 4 MiB */
}

TEST(the_stack_ends_at_its_limit)
{
	pid_t pid = forked();
	if (pid == 0)
		_exit(deep(1 << 20) & 0);
	CHECK_EQ(ended(pid), -1 - SIGSEGV);
}

TEST(a_limit_on_the_address_space_holds)
{
	struct rlimit limit = {64 << 20, 64 << 20};
	CHECK_OK(setrlimit(RLIMIT_AS, &limit));
	CHECK_ERR(
	    (long)mmap(NULL, 100 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	map(1 << 20, PROT_READ, MAP_PRIVATE);
}

TEST(madvise_dontneed_gives_zeros)
{
	char *p = map(8 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	memset(p, 3, 8 * page);
	CHECK_OK(madvise(p + page, 2 * page, MADV_DONTNEED));
	CHECK_EQ(p[0], 3);
	CHECK_EQ(p[page], 0);
	CHECK_EQ(p[3 * page], 3);
	CHECK_ERR(madvise(p, page, 12345), EINVAL);
	CHECK_ERR(madvise(p + 1, page, MADV_DONTNEED), EINVAL);
}

TEST(mincore_and_msync)
{
	unsigned char in[4];
	char *p = map(4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	p[page] = 1;
	CHECK_OK(mincore(p, 4 * page, in));
	CHECK_EQ(in[1] & 1, 1);
	CHECK_OK(munmap(p + 3 * page, page));
	CHECK_ERR(mincore(p, 4 * page, in), ENOMEM);
	CHECK_OK(msync(p, 3 * page, MS_SYNC));
	CHECK_ERR(msync(p, 4 * page, MS_SYNC), ENOMEM);
	CHECK_ERR(msync(p, page, MS_SYNC | MS_ASYNC), EINVAL);
}

TEST(large_areas_hold_what_is_written)
{
	size_t len = 24 << 20;
	char *p = map(len, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (size_t i = 0; i < len; i += page)
		*(size_t *)(p + i) = i;
	CHECK_OK(munmap(p + (5 << 20), 3 * page));
	CHECK_OK(mprotect(p + (9 << 20), page, PROT_READ));
	pid_t pid = forked();
	if (pid == 0) {
		for (size_t i = 10 << 20; i < len; i += page)
			*(size_t *)(p + i) += 1;
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
	for (size_t i = 6 << 20; i < len; i += page)
		CHECK_EQ(*(size_t *)(p + i), i);
}

TEST(many_areas)
{
	enum { COUNT = 1000 };
	char *p = map(2 * COUNT * page, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (size_t i = 0; i < COUNT; i++) {
		p[2 * i * page] = (char)i;
		CHECK_OK(mprotect(p + 2 * i * page, page, PROT_READ));
	}
	for (size_t i = 0; i < COUNT; i++)
		CHECK_EQ(p[2 * i * page], (char)i);
	for (size_t i = 0; i < COUNT; i++)
		CHECK_OK(munmap(p + (2 * i + 1) * page, page));
	for (size_t i = 0; i < COUNT; i++)
		CHECK_EQ(p[2 * i * page], (char)i);
}

TEST(mlock_family)
{
	char *p = map(4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	CHECK_OK(mlock(p, 4 * page));
	CHECK_OK(munlock(p, 4 * page));
	CHECK_OK(munmap(p + page, page));
	CHECK_ERR(mlock(p, 4 * page), ENOMEM);
	CHECK_ERR(mlockall(0), EINVAL);
	CHECK_OK(munlockall());
}

TEST(bad_addresses_are_told_by_calls)
{
	char *none = map(page, PROT_NONE, MAP_PRIVATE);
	int ends[2];
	CHECK_OK(pipe(ends));
	CHECK_ERR(write(ends[1], none, 10), EFAULT);
	CHECK_ERR(write(ends[1], (void *)0xffff800000000000, 10), EFAULT);
	CHECK_EQ(write(ends[1], "0123456789", 10), 10);
	CHECK_ERR(read(ends[0], none, 10), EFAULT);
	CHECK_ERR(read(ends[0], (void *)0x0000800000000000, 10), EFAULT);
	CHECK_ERR(open(none, O_RDONLY), EFAULT);
	CHECK_ERR(open((void *)-1, O_RDONLY), EFAULT);
	CHECK_ERR(syscall(SYS_pipe, none), EFAULT);
}

TEST(lock_on_fault_brings_nothing_in)
{
	unsigned char there[4];
	char *pages =
	    mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(pages != MAP_FAILED);
	pages[4096] = 1;
	CHECK(syscall(SYS_mlock2, pages, 4 * 4096, 1) == 0);
	CHECK(mincore(pages, 4 * 4096, there) == 0);
	CHECK(!(there[0] & 1) && there[1] & 1 && !(there[2] & 1));
	CHECK(syscall(SYS_mlock2, pages, 4 * 4096, 0) == 0);
	CHECK(mincore(pages, 4 * 4096, there) == 0 && there[0] & 1 && there[3] & 1);
	CHECK_ERR(syscall(SYS_mlock2, pages, 4096, 2), EINVAL);
	CHECK_ERR(msync(pages, 4096, MS_INVALIDATE | MS_SYNC), EBUSY);
	CHECK_ERR(madvise(pages, 4096, MADV_REMOVE), EINVAL);
}

TEST(unknown_flags_and_no_length)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0 && ftruncate(fd, 4096) == 0);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE, fd, 0) != MAP_FAILED);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED | 1 << 7, fd, 0) != MAP_FAILED);
	/* No length is wrong before what the descriptor allows, but not before it is one. */
	int read_only = open("file", O_RDONLY);
	CHECK(mmap(NULL, 0, PROT_WRITE, MAP_SHARED, read_only, 0) == MAP_FAILED && errno == EINVAL);
	CHECK(mmap(NULL, 0, PROT_READ, MAP_SHARED, 999, 0) == MAP_FAILED && errno == EBADF);
}

/* The old place stays mapped: together they are more than may be. */
TEST(a_second_place_counts_for_the_limit)
{
	size_t len = (size_t)64 << 20;
	char *area = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(area != MAP_FAILED);
	struct rlimit limit = {(size_t)100 << 20, (size_t)100 << 20};
	CHECK_OK(setrlimit(RLIMIT_AS, &limit));
	const int flags = MREMAP_MAYMOVE | 4; /* MREMAP_DONTUNMAP */
	CHECK_ERR(syscall(SYS_mremap, area, len, len, flags, 0), ENOMEM);
	area[0] = 1;
	CHECK_OK(syscall(SYS_mremap, area, len / 8, len / 8, flags, 0));
	CHECK_EQ(area[0], 0);
}

TEST(what_cannot_be_mapped_replaces_nothing)
{
	int ends[2];
	CHECK(!pipe(ends));
	char *area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(area != MAP_FAILED);
	area[4096] = 'a';
	CHECK_ERR((long)mmap(area, 8192, PROT_READ, MAP_PRIVATE | MAP_FIXED, ends[0], 0), ENODEV);
	CHECK_EQ(area[4096], 'a');
}

/* One in so many allocations fails; 0: none. */
static void make_fail(int fd, int interval)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", interval);
	while (write(fd, text, (size_t)len) != len)
		CHECK_EQ(errno, ENOMEM);
}

TEST(what_cannot_be_moved_stays_whole)
{
	const size_t page = 4096;
	int fd = open("/proc/self/make-it-fail", O_WRONLY);
	for (int round = 0; round < 300 && fd >= 0; round++) {
		char *area = mmap(
		    NULL, 8 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(area != MAP_FAILED);
		for (size_t i = 0; i < 8; i++)
			area[i * page] = (char)('0' + i);
		make_fail(fd, 2 + round % 10);
		char *moved = mremap(area + 2 * page, 3 * page, 4 * page, MREMAP_MAYMOVE);
		int err = errno;
		make_fail(fd, 0);
		if (moved == MAP_FAILED) {
			CHECK_EQ(err, ENOMEM);
			moved = area + 2 * page;
		}
		for (size_t i = 0; i < 3; i++)
			CHECK_EQ(moved[i * page], (char)('2' + i));
		CHECK(area[page] == '1' && area[5 * page] == '5');
		CHECK_OK(munmap(moved, 4 * page));
		CHECK_OK(munmap(area, 8 * page));
	}
}
