/* What mprotect leaves of each page's rights, and that every page keeps its place while areas are split, joined and moved. */
#include "access.h"

static const size_t page = 4096;
#define PAGES 24

static void check_page(char *at, int prot, char content)
{
	CHECK_EQ(can_read(at), !!(prot & PROT_READ));
	if (!(prot & PROT_READ))
		return;
	CHECK_EQ(*at, content);
	CHECK_EQ(can_write(at), !!(prot & PROT_WRITE));
}

static void change_and_compare(char *area, unsigned seed)
{
	int model[PAGES];
	for (int i = 0; i < PAGES; i++) {
		model[i] = PROT_READ | PROT_WRITE;
		area[(size_t)i * page] = (char)('a' + i);
	}
	static const int rights[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};
	srand(seed);
	for (int round = 0; round < 300; round++) {
		int from = rand() % PAGES, to = from + 1 + rand() % (PAGES - from);
		int prot = rights[rand() % 3];
		CHECK(mprotect(area + (size_t)from * page, (size_t)(to - from) * page, prot) == 0);
		for (int i = from; i < to; i++)
			model[i] = prot;
		for (int i = 0; i < PAGES; i++)
			check_page(area + (size_t)i * page, model[i], (char)('a' + i));
	}
	CHECK(mprotect(area, PAGES * page, PROT_READ | PROT_WRITE) == 0);
}

static char *map(int flags, int fd)
{
	char *area = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, flags, fd, 0);
	CHECK(area != MAP_FAILED && pipe(ends) == 0);
	return area;
}

TEST(anonymous_pages_have_the_rights_that_were_set_last)
{
	change_and_compare(map(MAP_PRIVATE | MAP_ANONYMOUS, -1), 1);
	change_and_compare(map(MAP_SHARED | MAP_ANONYMOUS, -1), 2);
}

TEST(pages_of_files_keep_their_place)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0 && ftruncate(fd, PAGES * (off_t)page) == 0);
	char *area = map(MAP_SHARED, fd), byte;
	change_and_compare(area, 3);
	for (int i = 0; i < PAGES; i++) {
		CHECK(pread(fd, &byte, 1, i * (off_t)page) == 1);
		CHECK_EQ(byte, 'a' + i);
	}
	/* Not yet touched since the areas moved about: what is there comes from the right place. */
	char *fresh = map(MAP_SHARED, fd);
	for (int i = 0; i < PAGES; i += 3)
		CHECK(mprotect(fresh + (size_t)i * page, page, PROT_READ) == 0);
	CHECK(mprotect(fresh + page, page, PROT_READ) == 0);
	CHECK(mprotect(fresh + 5 * page, page, PROT_READ) == 0);
	for (int i = 0; i < PAGES; i++)
		CHECK_EQ(fresh[(size_t)i * page], 'a' + i);
	CHECK(ftruncate(fd, 0) == 0);
	for (int i = 0; i < PAGES; i++)
		CHECK(!can_read(fresh + (size_t)i * page));
	change_and_compare(map(MAP_PRIVATE, fd = open("/dev/zero", O_RDWR)), 4);
}

TEST(hidden_pages_stay_hidden_when_a_huge_one_is_split)
{
	const size_t huge = 2 << 20;
	CHECK(pipe(ends) == 0);
	char *area =
	    mmap(NULL, 4 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(area != MAP_FAILED);
	memset(area, 7, 4 * huge);
	CHECK(mprotect(area, 4 * huge, PROT_NONE) == 0);
	for (size_t at = 0; at < 4 * huge; at += huge)
		CHECK(munmap(area + at + 5 * page, page) == 0);
	for (size_t at = 0; at < 4 * huge; at += huge / 4) {
		CHECK(!can_read(area + at));
		CHECK(mprotect(area + at, page, PROT_READ) == 0);
		CHECK(can_read(area + at) && area[at] == 7);
	}
}

TEST(private_copies_are_not_shared_again)
{
	char *area = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	strcpy(area, "ours");
	pid_t child = fork();
	if (child == 0) {
		CHECK(mprotect(area, page, PROT_READ) == 0);
		CHECK(mprotect(area, page, PROT_READ | PROT_WRITE) == 0);
		strcpy(area, "theirs");
		_exit(0);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	CHECK(strcmp(area, "ours") == 0);
}

TEST(growing_reaches_the_end_of_a_stack)
{
	CHECK(pipe(ends) == 0);
	char *area = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	CHECK_ERR(mprotect(area, page, PROT_READ | PROT_GROWSDOWN), EINVAL);
	CHECK_ERR(mprotect(area, page, PROT_READ | PROT_GROWSUP), EINVAL);
	CHECK_ERR(mprotect(area, page, PROT_READ | PROT_GROWSUP | PROT_GROWSDOWN), EINVAL);
	CHECK(munmap(area, PAGES * page) == 0);
	char *stack = mmap(area, 8 * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);
	CHECK(stack != MAP_FAILED);
	memset(stack, 1, 8 * page);
	CHECK(mprotect(stack + 5 * page, page, PROT_READ | PROT_GROWSDOWN) == 0);
	CHECK(!can_write(stack) && !can_write(stack + 5 * page) && can_write(stack + 6 * page));
	CHECK(munmap(stack, 8 * page) == 0);
	CHECK_ERR(mprotect(stack, page, PROT_READ | PROT_GROWSDOWN), ENOMEM);
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0 && ftruncate(fd, (off_t)page) == 0);
	int down = MAP_GROWSDOWN, both = PROT_READ | PROT_WRITE;
	CHECK(mmap(NULL, page, both, MAP_SHARED | MAP_ANONYMOUS | down, -1, 0) == MAP_FAILED);
	CHECK_EQ(errno, EINVAL);
	CHECK(mmap(NULL, page, both, MAP_SHARED | down, fd, 0) == MAP_FAILED);
	CHECK_EQ(errno, EINVAL);
	CHECK(mmap(NULL, page, both, MAP_PRIVATE | down, fd, 0) == MAP_FAILED);
	CHECK_EQ(errno, EINVAL);
}

static void check_maps(const char *at, const char *rights)
{
	char line[400], found[8] = "";
	FILE *maps = fopen("/proc/self/maps", "r");
	CHECK(maps);
	while (fgets(line, sizeof(line), maps))
		if (strtoul(line, NULL, 16) == (unsigned long)at)
			sscanf(line, "%*s %7s", found);
	fclose(maps);
	if (strcmp(found, rights) != 0)
		FAIL("%s instead of %s", found, rights);
}

/* The processor knows no writing without reading; what was asked for is remembered all the same. */
TEST(what_is_only_written_can_be_read)
{
	CHECK(pipe(ends) == 0);
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0 && ftruncate(fd, PAGES * (off_t)page) == 0);
	int kinds[] = {
	    MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED};
	for (int i = 0; i < 4; i++) {
		char *area = mmap(NULL, PAGES * page, PROT_WRITE, kinds[i], i < 2 ? -1 : fd, 0);
		CHECK(area != MAP_FAILED);
		check_maps(area, i & 1 ? "-w-s" : "-w-p");
		CHECK_EQ(*(volatile char *)area, 0);
		CHECK(can_write(area) && can_read(area + page) && can_write(area + page));
		area[2 * page] = 5;
		CHECK_EQ(area[2 * page], 5);
		CHECK(mprotect(area, 3 * page, PROT_READ) == 0);
		CHECK(mprotect(area, 3 * page, PROT_WRITE) == 0);
		CHECK(can_read(area) && can_read(area + 2 * page) && can_write(area + 2 * page));
		pid_t child = fork();
		if (child == 0) {
			CHECK(can_read(area + 2 * page) && can_write(area + 2 * page));
			CHECK(mprotect(area, 3 * page, PROT_NONE) == 0 && !can_read(area));
			CHECK(mprotect(area, 3 * page, PROT_WRITE) == 0 && can_write(area));
			_exit(0);
		}
		int status;
		CHECK(waitpid(child, &status, 0) == child && status == 0);
		CHECK(munmap(area, PAGES * page) == 0);
	}
}
