/* Random numbers: getrandom, /dev/random and /dev/urandom. */
#include "check.h"

#include <sys/random.h>

/* So many bytes are not all zero by chance. */
#define ENOUGH 16

static bool is_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

TEST(any_length_is_filled_and_no_more)
{
	static uint8_t bytes[4096 + ENOUGH];
	for (size_t len = 0; len <= 4096; len += len < 600 ? 1 : 97) {
		memset(bytes, 0, sizeof(bytes));
		CHECK_EQ(getrandom(bytes, len, 0), len);
		CHECK(is_zero(bytes + len, ENOUGH));
		for (size_t at = 0; at + ENOUGH <= len; at += ENOUGH)
			CHECK(!is_zero(bytes + at, ENOUGH));
	}
}

TEST(flags_and_addresses)
{
	uint8_t bytes[16];
	CHECK_EQ(getrandom(bytes, 16, GRND_NONBLOCK), 16);
	CHECK_EQ(getrandom(bytes, 16, GRND_RANDOM | GRND_NONBLOCK), 16);
	CHECK_EQ(syscall(SYS_getrandom, bytes, 16, 4), 16); /* GRND_INSECURE */
	CHECK_ERR(getrandom(bytes, 16, 8), EINVAL);
	CHECK_ERR(syscall(SYS_getrandom, bytes, 16, 4 | GRND_RANDOM), EINVAL);
	CHECK_ERR(syscall(SYS_getrandom, 8, 16, 0), EFAULT);
}

static void note(int signal)
{
	(void)signal;
}

/* Programs and the kernel both compute with vector registers, also while a timer interrupts and others do the same. */
static void check_vectors_stay(void)
{
	struct {
		uint64_t words[32];
	} before, after;
	static uint8_t bytes[64];
	long number = SYS_getrandom;
	CHECK(getrandom(&before, sizeof(before), 0) == sizeof(before));
	for (int i = 0; i < 3000; i++) {
		long result = number;
		__asm__ volatile(
		    "movups (%[b]), %%xmm0\n movups 16(%[b]), %%xmm1\n"
		    "movups 64(%[b]), %%xmm4\n movups 112(%[b]), %%xmm7\n"
		    "movups 128(%[b]), %%xmm8\n movups 240(%[b]), %%xmm15\n"
		    "syscall\n"
		    "movups %%xmm0, (%[a])\n movups %%xmm1, 16(%[a])\n"
		    "movups %%xmm4, 64(%[a])\n movups %%xmm7, 112(%[a])\n"
		    "movups %%xmm8, 128(%[a])\n movups %%xmm15, 240(%[a])\n"
		    : "+a"(result)
		    : [a] "b"(&after), [b] "r"(&before), "D"(bytes), "S"(sizeof(bytes)), "d"(0)
		    : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm4", "xmm7", "xmm8", "xmm15");
		if (result == -EINTR)
			continue;
		CHECK_EQ(result, sizeof(bytes));
		static const int at[] = {0, 2, 8, 14, 16, 30};
		for (size_t j = 0; j < sizeof(at) / sizeof(at[0]); j++)
			CHECK(!memcmp(&before.words[at[j]], &after.words[at[j]], 16));
	}
}

TEST(vector_registers_stay_the_programs)
{
	enum { PROCESSES = 4 };
	struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();
		CHECK(pid >= 0);
		if (pid)
			continue;
		timer_t timer;
		struct itimerspec often = {{0, 1000000}, {0, 1000000}};
		CHECK(timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0);
		CHECK(timer_settime(timer, 0, &often, NULL) == 0);
		check_vectors_stay();
		_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;
		CHECK(wait(&status) > 0 && status == 0);
	}
}

/* Processes that ran apart from one another get different bytes, though their generators may have begun alike. */
TEST(no_two_processes_get_the_same)
{
	enum { PROCESSES = 8, EACH = 64 };
	uint64_t(*got)[EACH] = mmap(NULL, PROCESSES * sizeof(*got), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(got != MAP_FAILED);
	for (int i = 0; i < PROCESSES; i++) {
		if (fork())
			continue;
		for (int j = 0; j < EACH; j++)
			CHECK_EQ(getrandom(&got[i][j], sizeof(uint64_t), 0), sizeof(uint64_t));
		_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;
		CHECK(wait(&status) > 0 && status == 0);
	}
	const uint64_t *all = got[0];
	for (int i = 0; i < PROCESSES * EACH; i++)
		for (int j = 0; j < i; j++)
			CHECK(all[i] != all[j]);
}

TEST(what_is_written_is_mixed_in)
{
	uint8_t bytes[700], zero[ENOUGH] = {0};
	int fd = open("/dev/urandom", O_RDWR);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "something", 9), 9);
	CHECK_EQ(read(fd, bytes, sizeof(bytes)), sizeof(bytes));
	for (size_t at = 0; at + ENOUGH <= sizeof(bytes); at += ENOUGH)
		CHECK(memcmp(bytes + at, zero, ENOUGH) != 0);
}
