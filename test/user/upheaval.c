/*
 * Memory that changes under those who use it: areas come, go, move and change their rights, files are cut while they are mapped, processes fork,
 * and signals come in between. Nobody reads what was not written, and in the end nothing is missing. STRESS_SECONDS (2) for each case; SEED
 * repeats one.
 */
#include "check.h"

#include <pthread.h>
#include <setjmp.h>
#include <sys/sysinfo.h>
#include <sys/time.h>

enum { WORKERS = 4, THREADS = 3, AREAS = 24, FILE_PAGES = 64 };

static const size_t page = 4096;
static int64_t storm_end;

static uint64_t first_state(void)
{
	const char *seed = getenv("SEED");
	return seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + 1;
}

static void begin(void)
{
	const char *seconds = getenv("STRESS_SECONDS");
	storm_end = now_ms() + 1000 * (seconds ? atoi(seconds) : 2);
}

static _Thread_local uint64_t state;

static uint64_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 8;
}

static _Thread_local sigjmp_buf back;
static _Thread_local volatile sig_atomic_t is_touching;

static void on_fault(int signal)
{
	if (!is_touching)
		_exit(100 + signal);
	siglongjmp(back, 1);
}

static void on_timer(int signal)
{
	(void)signal;
}

static void catch_signals(void)
{
	struct sigaction fault = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
	struct sigaction timer = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
	CHECK_OK(sigaction(SIGSEGV, &fault, NULL));
	CHECK_OK(sigaction(SIGBUS, &fault, NULL));
	CHECK_OK(sigaction(SIGALRM, &timer, NULL));
	struct itimerval every = {.it_interval = {0, 3000}, .it_value = {0, 3000}};
	CHECK_OK(setitimer(ITIMER_REAL, &every, NULL));
}

/* Each page of memory and of the file says its number, or nothing yet. Faults are welcome, other contents are not. */
static void touch(char *at, size_t index, bool write_it)
{
	uint64_t wrong = 0;
	if (sigsetjmp(back, 1) == 0) {
		is_touching = 1;
		volatile uint64_t *word = (volatile uint64_t *)at;
		uint64_t got = *word;
		if (got != 0 && got != index + 1)
			wrong = got;
		else if (write_it)
			*word = index + 1;
	}
	is_touching = 0;
	if (wrong)
		FAIL("page %zu says %llu", index, (unsigned long long)wrong);
}

struct mapping {
	char *at;
	size_t pages, first; /* first: number of its first page */
};

static void map_one(struct mapping *mapping, int file)
{
	bool of_file = draw() & 1;
	mapping->pages = draw() % 32 == 0 && !of_file ? 1024 : 1 + draw() % FILE_PAGES;
	mapping->first = of_file ? draw() % FILE_PAGES : 0;
	mapping->at = mmap(NULL, mapping->pages * page, PROT_READ | PROT_WRITE,
	    (draw() & 1 ? MAP_SHARED : MAP_PRIVATE) | (of_file ? 0 : MAP_ANONYMOUS),
	    of_file ? file : -1, of_file ? (off_t)(mapping->first * page) : 0);
	if (mapping->at == MAP_FAILED)
		mapping->at = NULL;
}

static void use(struct mapping *mapping)
{
	size_t at = draw() % mapping->pages, len = 1 + draw() % (mapping->pages - at);
	switch (draw() % 9) {
	case 0: mprotect(mapping->at + at * page, len * page, PROT_READ); break;
	case 1: mprotect(mapping->at + at * page, len * page, PROT_NONE); break;
	case 2: mprotect(mapping->at, mapping->pages * page, PROT_READ | PROT_WRITE); break;
	case 3: madvise(mapping->at + at * page, len * page, MADV_DONTNEED); break;
	case 4: {
		size_t size = mapping->pages * page;
		char *room = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (room == MAP_FAILED)
			break;
		/* Where it fails, the room may be gone already, and another thread's: it is left. */
		if (mremap(mapping->at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, room) == room)
			mapping->at = room;
		break;
	}
	default:
		for (size_t i = at; i < at + len; i += 1 + draw() % 4)
			touch(mapping->at + i * page, mapping->first + i, draw() & 1);
	}
}

static void forget(struct mapping *mapping)
{
	size_t cut = draw() % mapping->pages;
	munmap(mapping->at + cut * page, (mapping->pages - cut) * page);
	if (cut) /* what is free already may be another thread's by now */
		munmap(mapping->at, cut * page);
	mapping->at = NULL;
}

static void cut_file(int file)
{
	if (draw() & 1) {
		CHECK_OK(ftruncate(file, (off_t)(draw() % (2 * FILE_PAGES * page))));
		return;
	}
	uint64_t index = draw() % (2 * FILE_PAGES), word = index + 1;
	pwrite(file, &word, sizeof(word), (off_t)(index * page));
}

static void fork_once(struct mapping *mappings)
{
	pid_t pid = fork();
	if (pid < 0)
		return;
	if (pid == 0) {
		for (int i = 0; i < AREAS; i++)
			if (mappings[i].at)
				use(&mappings[i]);
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
}

struct storm {
	uint64_t seed;
	int file;
	bool forks;
};

static void *storm(void *arg)
{
	const struct storm *storm = arg;
	struct mapping mappings[AREAS] = {0};
	state = storm->seed;
	while (now_ms() < storm_end) {
		struct mapping *mapping = &mappings[draw() % AREAS];
		if (!mapping->at)
			map_one(mapping, storm->file);
		else if (draw() % 6)
			use(mapping);
		else
			forget(mapping);
		if (draw() % 24 == 0)
			cut_file(storm->file);
		if (storm->forks && draw() % 64 == 0)
			fork_once(mappings);
	}
	for (int i = 0; i < AREAS; i++)
		if (mappings[i].at)
			forget(&mappings[i]);
	return NULL;
}

static void work(uint64_t seed, int file)
{
	pthread_t threads[THREADS];
	struct storm storms[THREADS];
	catch_signals();
	for (int i = 0; i < THREADS; i++) {
		storms[i] = (struct storm){seed * 31 + (uint64_t)i * 1000003 + 7, file, i == 0};
		CHECK_EQ(pthread_create(&threads[i], NULL, storm, &storms[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

static long free_pages(void)
{
	struct sysinfo info;
	CHECK_OK(sysinfo(&info));
	return (long)(info.freeram * info.mem_unit / page);
}

static void one_round(uint64_t seed)
{
	pid_t workers[WORKERS];
	begin();
	int file = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
	CHECK(file >= 0);
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = forked();
		if (workers[i] == 0)
			work(seed + (uint64_t)i * 77777, file);
	}
	for (int i = 0; i < WORKERS; i++)
		CHECK_EQ(ended(workers[i]), 0);
	close(file);
	CHECK_OK(unlink("f"));
}

TEST(a_storm_of_all_kinds)
{
	struct sysinfo info;
	CHECK_OK(sysinfo(&info));
	uint64_t seed = first_state();
	printf("    seed %#llx\n", (unsigned long long)seed);
	fflush(stdout);
	long before = 0;
	for (int round = 0; round < 3; round++) {
		one_round(seed + (uint64_t)round);
		sleep_ms(300);
		if (round == 0)
			before = free_pages();
	}
	long lost = before - free_pages();
	if (info.totalram * info.mem_unit <= (uint64_t)1 << 30 && lost > 256)
		FAIL("%ld pages were not given back", lost);
}
