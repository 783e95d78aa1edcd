/* Mapped files that are cut, memory that is locked, and huge pages that areas and forks divide. */
#include "access.h"

#include <pthread.h>
#include <setjmp.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

static const size_t page = 4096;

static char *map(size_t pages, int prot, int flags, int fd)
{
	char *area = mmap(NULL, pages * page, prot, flags, fd, 0);
	CHECK(area != MAP_FAILED);
	return area;
}

static char *map_memory(size_t pages)
{
	return map(pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static int file_of(size_t pages)
{
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0 && ftruncate(fd, (off_t)(pages * page)) == 0);
	return fd;
}

TEST(what_lies_behind_the_end_is_not_seen)
{
	int fd = file_of(1);
	CHECK(pipe(ends) == 0);
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 16 * (off_t)page) < 0 && errno == EOPNOTSUPP)
		return;
	char *area = map(16, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	CHECK_EQ(*(volatile char *)area, 0);
	for (size_t i = 1; i < 16; i++)
		CHECK(!can_read(area + i * page));
	CHECK(ftruncate(fd, 4 * (off_t)page) == 0);
	CHECK_EQ(*(volatile char *)(area + 2 * page), 0);
	CHECK(can_read(area + 3 * page) && !can_read(area + 4 * page));
}

TEST(private_copies_are_cut_too_but_not_by_holes)
{
	int fd = file_of(4);
	CHECK(pipe(ends) == 0);
	char *copy = map(4, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
	for (size_t i = 0; i < 4; i++)
		copy[i * page] = (char)(i + 1);
	CHECK(ftruncate(fd, 2 * (off_t)page) == 0);
	CHECK(copy[0] == 1 && copy[page] == 2);
	CHECK(!can_read(copy + 2 * page) && !can_read(copy + 3 * page));
	CHECK(ftruncate(fd, 4 * (off_t)page) == 0);
	CHECK_EQ(copy[2 * page], 0);
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2 * (off_t)page) == 0)
		CHECK(copy[0] == 1 && copy[page] == 2);
}

static volatile int phase; /* odd: the writer writes */
static volatile int seen;  /* by the writer */
static sigjmp_buf back;

static void on_bus(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

static void *write_on(void *arg)
{
	volatile char *area = arg;
	for (;;) {
		int now = __atomic_load_n(&phase, __ATOMIC_ACQUIRE);
		__atomic_store_n(&seen, now, __ATOMIC_RELEASE);
		if (now < 0)
			return NULL;
		if (now & 1 && sigsetjmp(back, 1) == 0)
			for (size_t i = 0; i < 16; i++)
				area[i * page] = 1;
		else
			sched_yield();
	}
}

static void set_phase(int to)
{
	__atomic_store_n(&phase, to, __ATOMIC_RELEASE);
	while (__atomic_load_n(&seen, __ATOMIC_ACQUIRE) != to)
		sched_yield();
}

/* What is written before the file is cut goes with it, and after that nothing is written. */
TEST(nothing_is_written_behind_the_end)
{
	static char zeroes[16 * 4096], got[16 * 4096];
	int fd = file_of(16);
	char *area = map(16, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	pthread_t thread;
	signal(SIGBUS, on_bus);
	CHECK(pthread_create(&thread, NULL, write_on, area) == 0);
	for (int round = 0; round < 300; round++) {
		set_phase(2 * round + 1);
		if (round & 1)
			usleep(100);
		CHECK(ftruncate(fd, 0) == 0);
		set_phase(2 * round + 2);
		CHECK(ftruncate(fd, 16 * (off_t)page) == 0);
		CHECK(pread(fd, got, sizeof(got), 0) == (ssize_t)sizeof(got));
		CHECK(memcmp(got, zeroes, sizeof(got)) == 0);
	}
	__atomic_store_n(&phase, -1, __ATOMIC_RELEASE);
	CHECK(pthread_join(thread, NULL) == 0);
}

/* The border of two areas lies within a huge page. */
static void fork_divided(void)
{
	const size_t huge = 512;
	int status;
	char *area = map_memory(3 * huge);
	for (size_t i = 0; i < 3 * huge; i++)
		area[i * page] = 1;
	CHECK(madvise(area, (huge + huge / 2) * page, MADV_DONTDUMP) == 0);
	pid_t child = fork();
	if (child == 0)
		_exit(area[huge * page] != 1 || area[3 * huge * page - page] != 1);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	_exit(0);
}

/* More than there is, if each lost a huge page. */
TEST(forks_of_divided_huge_pages_lose_nothing)
{
	for (int i = 0; i < 400; i++) {
		int status;
		pid_t child = fork();
		if (child == 0)
			fork_divided();
		CHECK(waitpid(child, &status, 0) == child);
		CHECK_EQ(status, 0);
	}
}

TEST(all_that_is_locked_is_there)
{
	unsigned char there[64];
	char *area = map_memory(64), *none = map(4, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	(void)none;
	if (mlockall(MCL_CURRENT) < 0)
		return; /* the limit is less than what is mapped */
	CHECK(mincore(area, 64 * page, there) == 0);
	for (int i = 0; i < 64; i++)
		CHECK(there[i] & 1);
	CHECK_ERR(madvise(area, page, MADV_DONTNEED), EINVAL);
	CHECK_ERR(madvise(area, page, 20 /* MADV_COLD */), EINVAL);
	area[0] = 5;
	if (madvise(area, page, 24 /* MADV_DONTNEED_LOCKED */) == 0)
		CHECK_EQ(area[0], 0);
	CHECK(munlockall() == 0);
}

TEST(populating_obeys_rights)
{
	unsigned char there[4];
	char *reader = map(4, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *none = map(4, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1), *memory = map_memory(4);
	if (madvise(reader, page, MADV_POPULATE_READ) < 0 && errno == EINVAL)
		return; /* before 5.14 */
	CHECK_ERR(madvise(reader, page, MADV_POPULATE_WRITE), EINVAL);
	CHECK_ERR(madvise(none, page, MADV_POPULATE_READ), EINVAL);
	CHECK(madvise(memory, 4 * page, MADV_POPULATE_WRITE) == 0);
	CHECK(mincore(memory, 4 * page, there) == 0 && there[0] & there[3] & 1);
	CHECK(munmap(memory + page, page) == 0);
	CHECK_ERR(madvise(memory, 4 * page, MADV_POPULATE_READ), ENOMEM);
	char *behind = map(4, PROT_READ | PROT_WRITE, MAP_SHARED, file_of(1));
	CHECK_ERR(madvise(behind, 4 * page, MADV_POPULATE_WRITE), EFAULT);
}

TEST(addresses_that_cannot_be)
{
	char *memory = map_memory(4), *far = (char *)(1L << 50);
	CHECK_ERR(mlock(far, page), ENOMEM);
	CHECK_ERR(munlock(far, page), ENOMEM);
	CHECK_ERR(mlock((char *)-page, 2 * page), EINVAL);
	CHECK(mremap(far, page, 2 * page, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
	CHECK(mremap(memory, page, 1UL << 50, MREMAP_MAYMOVE) == MAP_FAILED);
	CHECK_ERR(madvise(far, page, MADV_NORMAL), ENOMEM);
	CHECK_ERR(madvise((char *)-page, 2 * page, MADV_NORMAL), EINVAL);
	CHECK_ERR(madvise(memory, SIZE_MAX, MADV_NORMAL), EINVAL);
	CHECK_ERR(munmap(far, page), EINVAL);
	CHECK_ERR(mprotect(far, page, PROT_READ), ENOMEM);
	CHECK(mprotect(memory, page, PROT_READ | 8 /* PROT_SEM */) == 0);
	CHECK_ERR(msync(far, page, MS_ASYNC), ENOMEM);
	CHECK(mmap(NULL, page, PROT_READ, 3 /* MAP_SHARED_VALIDATE */ | MAP_ANONYMOUS, -1, 0) ==
	      MAP_FAILED);
	CHECK_EQ(errno, EINVAL);
}

/* In KiB, of the area that begins there. */
static long usage_of(const char *area, const char *what)
{
	char line[400], name[40];
	long value, result = -1;
	bool is_here = false;
	FILE *smaps = fopen("/proc/self/smaps", "r");
	CHECK(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		unsigned long start, end;
		if (sscanf(line, "%lx-%lx", &start, &end) == 2)
			is_here = start == (unsigned long)area;
		else if (is_here && sscanf(line, "%39[^:]: %ld kB", name, &value) == 2 &&
			 strcmp(name, what) == 0)
			result = value;
	}
	fclose(smaps);
	return result;
}

TEST(what_is_there_is_told)
{
	/* With a neighbour that differs, so that it is an area of its own. */
	char *area = map(8, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	CHECK(madvise(area, 8 * page, MADV_NOHUGEPAGE) == 0);
	CHECK_EQ(usage_of(area, "Size"), 32);
	CHECK_EQ(usage_of(area, "Rss"), 0);
	area[0] = area[3 * page] = 1;
	CHECK(area[5 * page] == 0); /* nothing of one's own */
	CHECK_EQ(usage_of(area, "Rss"), 8);
	CHECK_EQ(usage_of(area, "Pss"), 8);
	CHECK_EQ(usage_of(area, "Anonymous"), 8);
	CHECK_EQ(usage_of(area, "Private_Dirty"), 8);
	CHECK_EQ(usage_of(area, "Locked"), 0);
	pid_t child = fork();
	if (child == 0) {
		CHECK_EQ(usage_of(area, "Rss"), 8);
		CHECK_EQ(usage_of(area, "Pss"), 4);
		CHECK_EQ(usage_of(area, "Shared_Dirty"), 8);
		_exit(0);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	if (mlock(area, 8 * page) == 0)
		CHECK_EQ(usage_of(area, "Locked"), 32);
}

/* A round through what maps a file takes its time: tables as far as this, and a page in each. */
#define LONG_WAY ((size_t)256 << 20)
#define TABLE    ((size_t)2 << 20)

static int cut_file;
static volatile bool cut_ends;

static void *cut_and_grow(void *arg)
{
	while (!cut_ends)
		CHECK(!ftruncate(cut_file, 0) && !ftruncate(cut_file, (off_t)LONG_WAY));
	return arg;
}

/* Other memory takes the place of a mapped file while the file is cut. */
TEST(a_cut_takes_nothing_from_who_comes_after)
{
	const int fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
	pthread_t thread;
	cut_file = file_of(LONG_WAY / page);
	char *area = mmap(NULL, LONG_WAY, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(area != MAP_FAILED);
	CHECK_OK(madvise(area, LONG_WAY, MADV_NOHUGEPAGE));
	for (size_t at = 0; at < LONG_WAY; at += TABLE)
		area[at] = 1;
	char *last = area + LONG_WAY - page;
	CHECK(!pthread_create(&thread, NULL, cut_and_grow, NULL));
	for (int64_t end = now_ms() + 3000; now_ms() < end;) {
		CHECK(
		    mmap(area, LONG_WAY, PROT_READ, MAP_PRIVATE | MAP_FIXED, cut_file, 0) == area);
		sched_yield();
		CHECK(mmap(area, LONG_WAY, PROT_READ | PROT_WRITE, fixed, -1, 0) == area);
		*last = 1;
		for (int64_t until = now_ms() + 2; now_ms() < until;)
			CHECK_EQ(*(volatile char *)last, 1);
	}
	cut_ends = true;
	CHECK(!pthread_join(thread, NULL));
}

/* A file is cut while processes that map it end. */
TEST(a_cut_meets_processes_that_end)
{
	enum { PAGES = 64 };
	int fd = file_of(PAGES);
	pid_t cutter = forked();
	if (!cutter)
		for (;;)
			CHECK(!ftruncate(fd, 0) && !ftruncate(fd, (off_t)(PAGES * page)));
	for (int64_t end = now_ms() + 1000; now_ms() < end;) {
		pid_t pids[4];
		for (int i = 0; i < 4; i++)
			if (!(pids[i] = forked())) {
				volatile char *area = mmap(
				    NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
				for (size_t at = 0; at < PAGES * page; at += page)
					area[at] = 1; /* or SIGBUS, behind the end */
				_exit(0);
			}
		for (int i = 0; i < 4; i++) {
			int how = ended(pids[i]);
			CHECK(how == 0 || how == -1 - SIGBUS);
		}
	}
	CHECK_OK(kill(cutter, SIGKILL));
	CHECK_EQ(ended(cutter), -1 - SIGKILL);
}

TEST(a_shared_mapping_shows_its_file_in_another_order)
{
	int fd = file_of(8);
	for (size_t i = 0; i < 8; i++)
		CHECK(pwrite(fd, &(char){(char)('a' + i)}, 1, (off_t)(i * page)) == 1);
	char *area = map(4, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	NEEDS(syscall(SYS_remap_file_pages, area, page, 0, 0, 0));
	CHECK_OK(syscall(SYS_remap_file_pages, area, 2 * page, 0, 6, 0));
	CHECK_OK(syscall(SYS_remap_file_pages, area + 3 * page, page, 0, 0, 0));
	CHECK(
	    area[0] == 'g' && area[page] == 'h' && area[2 * page] == 'c' && area[3 * page] == 'a');
	area[0] = 'G';
	char byte;
	CHECK(pread(fd, &byte, 1, 6 * (off_t)page) == 1 && byte == 'G');
	/* Across the pieces, with their rights. */
	CHECK_OK(mprotect(area, 4 * page, PROT_READ));
	CHECK_OK(syscall(SYS_remap_file_pages, area, 4 * page, 0, 1, 0));
	CHECK(pipe(ends) == 0);
	CHECK(area[0] == 'b' && area[3 * page] == 'e' && can_read(area));
	CHECK_ERR(pread(fd, area, 1, 0), EFAULT);
	/* And memory without a file. */
	area = map(3, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	for (size_t i = 0; i < 3; i++)
		area[i * page] = (char)('x' + i);
	CHECK_OK(syscall(SYS_remap_file_pages, area, page, 0, 2, 0));
	CHECK(area[0] == 'z' && area[page] == 'y' && area[2 * page] == 'z');
}

TEST(only_shared_mappings_are_put_into_another_order)
{
	int fd = file_of(4);
	char *area = map(2, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	NEEDS(syscall(SYS_remap_file_pages, area, page, 0, 0, 0));
	CHECK_ERR(syscall(SYS_remap_file_pages, area, page, PROT_READ, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_remap_file_pages, area, 0, 0, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_remap_file_pages, area, page, 0, -1L, 0), EINVAL);
	CHECK_OK(munmap(area + page, page));
	CHECK_ERR(syscall(SYS_remap_file_pages, area, 2 * page, 0, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_remap_file_pages, area + page, page, 0, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_remap_file_pages, map_memory(1), page, 0, 0, 0), EINVAL);
}

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

TEST(sealed_memory_stays_as_it_is)
{
	char *area = map_memory(4);
	memset(area, 'a', 4 * page);
	NEEDS(syscall(SYS_mseal, area, 0, 0));
	CHECK_OK(mprotect(area + page, 2 * page, PROT_READ));
	CHECK_OK(syscall(SYS_mseal, area + page, 2 * page, 0));
	for (int round = 0; round < 2; round++) {
		CHECK_ERR(munmap(area, 4 * page), EPERM);
		CHECK_ERR(mprotect(area + page, page, PROT_READ | PROT_WRITE), EPERM);
		CHECK_ERR(madvise(area + page, page, MADV_DONTNEED), EPERM);
		CHECK_ERR(madvise(area + 2 * page, page, MADV_FREE), EPERM);
		CHECK(mmap(area + 2 * page, page, PROT_READ,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED &&
		      errno == EPERM);
		CHECK(mremap(area + page, page, 2 * page, MREMAP_MAYMOVE) == MAP_FAILED &&
		      errno == EPERM);
		CHECK(mremap(area + page, 2 * page, page, 0) == MAP_FAILED && errno == EPERM);
		CHECK(area[0] == 'a' && area[page] == 'a' && area[4 * page - 1] == 'a');
		if (round)
			_exit(0);
		pid_t child = fork(); /* a child's is sealed, too */
		if (child) {
			CHECK_EQ(ended(child), 0);
			break;
		}
	}
	CHECK_OK(madvise(area + page, page, MADV_WILLNEED));
	CHECK_OK(munmap(area, page));
	CHECK_OK(munmap(area + 3 * page, page));
	CHECK_OK(syscall(SYS_mseal, area + page, page, 0)); /* once more */
	/* Pages that may be written may be emptied as well. */
	area = map_memory(1);
	CHECK_OK(syscall(SYS_mseal, area, page, 0));
	CHECK_OK(madvise(area, page, MADV_DONTNEED));
	CHECK_ERR(munmap(area, page), EPERM);
}

TEST(only_what_is_mapped_as_a_whole_can_be_sealed)
{
	char *area = map_memory(4);
	NEEDS(syscall(SYS_mseal, area, 0, 0));
	CHECK_ERR(syscall(SYS_mseal, area, page, 1), EINVAL);
	CHECK_ERR(syscall(SYS_mseal, area + 1, page, 0), EINVAL);
	CHECK_ERR(syscall(SYS_mseal, area, -page + 2, 0), EINVAL);
	CHECK_OK(munmap(area + 2 * page, page));
	CHECK_ERR(syscall(SYS_mseal, area, 4 * page, 0), ENOMEM);
	CHECK_ERR(syscall(SYS_mseal, area + 2 * page, page, 0), ENOMEM);
	CHECK_OK(munmap(area, 2 * page)); /* nothing has been sealed */
}

TEST(what_is_too_long_is_cut_whatever_areas_it_is_in)
{
	char *area = map_memory(6);
	CHECK(pipe(ends) == 0);
	memset(area, 'a', 6 * page);
	CHECK_OK(mprotect(area + 3 * page, page, PROT_READ));
	CHECK(mremap(area, 6 * page, 2 * page, 0) == area);
	CHECK(can_read(area + page) && !can_read(area + 2 * page) && !can_read(area + 5 * page));
	CHECK(
	    mremap(area, 6 * page, 6 * page, 0) == area); /* nothing is to be done: nobody looks */
	CHECK(mremap(area, 3 * page, 4 * page, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
	/* And when it moves. */
	area = map_memory(6);
	memset(area, 'b', 6 * page);
	CHECK_OK(mprotect(area + 3 * page, page, PROT_READ));
	char *target = map_memory(2);
	CHECK(mremap(area, 6 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
	CHECK(target[page] == 'b' && !can_read(area) && !can_read(area + 4 * page));
}
