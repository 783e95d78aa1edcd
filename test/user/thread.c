/* Threads and futexes: creation and joining, locks, conditions, signals to threads, robust mutexes, shared words. */
#include "check.h"

#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

/* linux/futex.h's, which musl's compiler does not find. */
enum {
	FUTEX_WAIT,
	FUTEX_WAKE,
	FUTEX_REQUEUE = 3,
	FUTEX_CMP_REQUEUE,
	FUTEX_WAKE_OP,
	FUTEX_WAIT_BITSET = 9,
	FUTEX_WAKE_BITSET,
};
#define FUTEX_PRIVATE_FLAG   128
#define FUTEX_CLOCK_REALTIME 256
#define FUTEX_OP_ADD         1
#define FUTEX_OP_CMP_EQ      0
#define FUTEX_OP(op, operand, cmp, value)                                                          \
	((uint32_t)(op) << 28 | (uint32_t)(cmp) << 24 | (uint32_t)(operand) << 12 |                \
	    (uint32_t)(value))

static long futex(
    uint32_t *word, int op, uint32_t value, const void *timeout, uint32_t *word2, uint32_t value3)
{
	return syscall(SYS_futex, word, op, value, timeout, word2, value3);
}

static void *return_argument(void *arg)
{
	return arg;
}

TEST(create_and_join)
{
	for (intptr_t i = 0; i < 100; i++) {
		pthread_t thread;
		void *result;
		CHECK(pthread_create(&thread, NULL, return_argument, (void *)i) == 0);
		CHECK(pthread_join(thread, &result) == 0 && result == (void *)i);
	}
}

/* Shared or private: the kernel has to bring the page in before it can compare. */
TEST(wait_on_a_page_never_touched)
{
	for (int flag = 0; flag <= FUTEX_PRIVATE_FLAG; flag += FUTEX_PRIVATE_FLAG) {
		uint32_t *word =
		    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(word != MAP_FAILED);
		CHECK_ERR(futex(word, FUTEX_WAIT | flag, 1, NULL, NULL, 0), EAGAIN);
	}
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static long counter;

static void *count_up(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

TEST(mutex_excludes)
{
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, count_up, NULL) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK(counter == 80000);
}

static void *take_turns(void *arg)
{
	long mine = (long)arg;
	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&mutex);
		while (counter % 3 != mine)
			pthread_cond_wait(&condition, &mutex);
		counter++;
		pthread_cond_broadcast(&condition);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

TEST(conditions_wake)
{
	pthread_t threads[3];
	counter = 0;
	for (long i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, take_turns, (void *)i);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	CHECK(counter == 1500);
}

TEST(futex_errors)
{
	uint32_t word = 5;
	struct timespec bad = {0, 1000000000}, short_time = {0, 20000000};
	CHECK_ERR(futex(&word, FUTEX_WAIT, 4, NULL, NULL, 0), EAGAIN);
	CHECK_ERR(futex(&word, FUTEX_WAIT, 5, &bad, NULL, 0), EINVAL);
	CHECK_ERR(futex(&word, FUTEX_WAIT, 5, &short_time, NULL, 0), ETIMEDOUT);
	CHECK_ERR(futex((uint32_t *)((char *)&word + 1), FUTEX_WAIT, 5, NULL, NULL, 0), EINVAL);
	CHECK_ERR(futex((uint32_t *)((char *)&word + 1), FUTEX_WAKE, 5, NULL, NULL, 0), EINVAL);
	CHECK_ERR(futex((uint32_t *)8, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 5, NULL, NULL, 0), EFAULT);
	CHECK_ERR(futex((uint32_t *)8, FUTEX_WAKE, 5, NULL, NULL, 0), EFAULT);
	CHECK_ERR(futex(&word, FUTEX_WAIT_BITSET, 5, NULL, NULL, 0), EINVAL);
	CHECK_ERR(futex(&word, FUTEX_WAKE_BITSET, 5, NULL, NULL, 0), EINVAL);
	CHECK_ERR(futex(&word, 77, 5, NULL, NULL, 0), ENOSYS);
	CHECK_ERR(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &word, 4), EAGAIN);
	CHECK_ERR(futex(&word, FUTEX_REQUEUE, (uint32_t)-1, (void *)1, &word, 0), EINVAL);
	CHECK(futex(&word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0) == 0);
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	CHECK_ERR(
	    futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &now, NULL, 1), ETIMEDOUT);
}

static uint32_t first, second;
static volatile int woken;

static void *wait_on_first(void *arg)
{
	long bits = (long)arg;
	while (futex(&first, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, NULL, NULL,
		   (uint32_t)bits) != 0)
		if (errno != EINTR)
			return (void *)1;
	__atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void until_woken(int wanted)
{
	for (int i = 0; i < 500 && woken < wanted; i++)
		usleep(2000);
	usleep(5000);
	CHECK(woken == wanted);
}

TEST(requeue_and_bits)
{
	pthread_t threads[5];
	for (long i = 0; i < 5; i++)
		pthread_create(&threads[i], NULL, wait_on_first, (void *)(1l << i));
	usleep(100000);
	CHECK(futex(&first, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 1 << 3) ==
	      1);
	until_woken(1);
	CHECK(futex(&first, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1, (void *)2, &second, 0) == 3);
	until_woken(2);
	CHECK(futex(&second, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0) == 2);
	until_woken(4);
	uint32_t op = FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 0);
	CHECK(futex(&first, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, (void *)1, &second, op) == 1);
	CHECK(second == 3);
	until_woken(5);
	for (int i = 0; i < 5; i++) {
		void *result;
		pthread_join(threads[i], &result);
		CHECK(!result);
	}
}

TEST(shared_between_processes)
{
	uint32_t *word =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	if (!pid) {
		while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == 0)
			futex(word, FUTEX_WAIT, 0, NULL, NULL, 0);
		_exit(*word != 9);
	}
	usleep(50000);
	__atomic_store_n(word, 9, __ATOMIC_SEQ_CST);
	CHECK(futex(word, FUTEX_WAKE, 1, NULL, NULL, 0) == 1);
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static pthread_mutex_t *robust;
static void *lock_and_end(void *arg)
{
	pthread_mutex_lock(robust);
	return arg;
}

TEST(robust_mutex)
{
	pthread_mutexattr_t attr;
	robust = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	CHECK(pthread_mutex_init(robust, &attr) == 0);
	pid_t pid = fork();
	if (!pid) {
		pthread_mutex_lock(robust);
		kill(getpid(), SIGKILL);
	}
	CHECK(waitpid(pid, NULL, 0) == pid);
	CHECK(pthread_mutex_lock(robust) == EOWNERDEAD);
	CHECK(pthread_mutex_consistent(robust) == 0 && pthread_mutex_unlock(robust) == 0);
	pthread_t thread;
	pthread_create(&thread, NULL, lock_and_end, NULL);
	pthread_join(thread, NULL);
	CHECK(pthread_mutex_lock(robust) == EOWNERDEAD);
}

static volatile pid_t handled_by;
static void note_thread(int signal)
{
	(void)signal;
	handled_by = (pid_t)syscall(SYS_gettid);
}

static volatile pid_t other_tid;
static void *sleep_until_handled(void *arg)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	other_tid = (pid_t)syscall(SYS_gettid);
	while (!handled_by)
		usleep(1000);
	return arg;
}

/* A signal to the process goes to a thread that does not block it; one to a thread stays with it. */
TEST(signals_find_threads)
{
	sigset_t set;
	pthread_t thread;
	signal(SIGUSR1, note_thread);
	signal(SIGUSR2, note_thread);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_create(&thread, NULL, sleep_until_handled, NULL);
	while (!other_tid)
		usleep(1000);
	kill(getpid(), SIGUSR2);
	pthread_join(thread, NULL);
	CHECK(handled_by == other_tid);
	handled_by = other_tid = 0;
	pthread_create(&thread, NULL, sleep_until_handled, NULL);
	while (!other_tid)
		usleep(1000);
	CHECK(pthread_kill(thread, SIGUSR1) == 0);
	pthread_join(thread, NULL);
	CHECK(handled_by == other_tid);
}

static void *spin(void *arg)
{
	for (;;)
		;
	return arg;
}

static void *end_process(void *arg)
{
	usleep(10000);
	exit(11);
	return arg;
}

TEST(exit_group)
{
	int status;
	pid_t pid = fork();
	if (!pid) {
		pthread_t thread;
		pthread_create(&thread, NULL, spin, NULL);
		pthread_create(&thread, NULL, end_process, NULL);
		for (;;)
			pause();
	}
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 11);
	pid = fork();
	if (!pid) {
		pthread_t thread;
		pthread_create(&thread, NULL, spin, NULL);
		pthread_create(&thread, NULL, spin, NULL);
		for (;;)
			pause();
	}
	usleep(30000);
	kill(pid, SIGSTOP);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	kill(pid, SIGCONT);
	CHECK(waitpid(pid, &status, WCONTINUED) == pid);
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL);
}

/* The program that the case below executes: itself, which ends before it runs any case. */
__attribute__((constructor)) static void end_if_executed(void)
{
	if (getenv("EXIT_23"))
		_exit(getpid() == (pid_t)syscall(SYS_gettid) ? 23 : 24);
}

static void *exec_true(void *arg)
{
	char *arguments[] = {"thread", NULL}, *environment[] = {"EXIT_23=1", NULL};
	execve("/proc/self/exe", arguments, environment);
	return arg;
}

/* execve by a thread ends the others and takes the process's number over. */
TEST(exec_from_thread)
{
	int status;
	pid_t pid = fork();
	if (!pid) {
		pthread_t thread;
		pthread_create(&thread, NULL, spin, NULL);
		pthread_create(&thread, NULL, exec_true, NULL);
		pthread_join(thread, NULL);
		_exit(1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	CHECK(WEXITSTATUS(status) == 23);
}

static int shared_ends[2];

static void *read_end(void *arg)
{
	char c;
	ssize_t n = read(shared_ends[0], &c, 1);
	return n <= 0 ? arg : NULL;
}

/* A call goes on with what it began with, whatever becomes of the descriptor. */
TEST(closing_under_a_reader)
{
	for (int round = 0; round < 50; round++) {
		pthread_t thread;
		void *result;
		int fds[20];
		CHECK_OK(pipe(shared_ends));
		int writer = dup(shared_ends[1]);
		close(shared_ends[1]);
		CHECK_EQ(pthread_create(&thread, NULL, read_end, shared_ends), 0);
		usleep(round % 4 * 1000);
		close(shared_ends[0]);
		/* Whatever was freed too early is used again. */
		for (int i = 0; i < 20; i += 2)
			CHECK_OK(pipe(fds + i));
		/* The reader may have come too late, and read from one of these. */
		for (int i = 0; i < 20; i++)
			close(fds[i]);
		close(writer);
		pthread_join(thread, &result);
	}
}

static volatile int stop_looking;

static void *use_everything(void *arg)
{
	char buf[64];
	while (!stop_looking)
		for (int fd = 3; fd < 12; fd++) {
			struct stat st;
			pread(fd, buf, sizeof(buf), 0);
			lseek(fd, 0, SEEK_SET);
			fstat(fd, &st);
		}
	return arg;
}

TEST(descriptors_come_and_go_among_threads)
{
	pthread_t threads[3];
	int64_t until = now_ms() + 1500;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, use_everything, NULL), 0);
	while (now_ms() < until) {
		int fd = open("f", O_RDWR | O_CREAT, 0644), zero = open("/dev/zero", O_RDONLY);
		CHECK(fd >= 0 && zero >= 0);
		CHECK_EQ(write(fd, "x", 1), 1);
		dup2(zero, fd);
		dup2(fd, 11);
		close(fd);
		close(zero);
		close(11);
	}
	stop_looking = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

struct futex_waiter {
	uint64_t value, addr;
	uint32_t flags, reserved;
};
#define FUTEX_U32_PRIVATE (2 | 128)

static long wait_any(
    struct futex_waiter *waiters, unsigned count, unsigned flags, struct timespec *until, int clock)
{
	return syscall(449, waiters, count, flags, until, clock);
}

static uint32_t any_words[3];

static void *wake_second(void *arg)
{
	sleep_ms(30);
	__atomic_store_n(&any_words[1], 1, __ATOMIC_SEQ_CST);
	while (syscall(SYS_futex, &any_words[1], 1 | 128, 1, NULL, NULL, 0) != 1)
		sleep_ms(1);
	return arg;
}

TEST(one_of_several_words_wakes)
{
	struct futex_waiter waiters[3];
	for (int i = 0; i < 3; i++)
		waiters[i] = (struct futex_waiter){
		    .addr = (uintptr_t)&any_words[i], .flags = FUTEX_U32_PRIVATE};
	struct timespec past = {0}, wrong = {.tv_nsec = -1};
	NEEDS(wait_any(waiters, 3, 0, &past, CLOCK_MONOTONIC));
	CHECK_ERR(wait_any(waiters, 3, 0, &past, CLOCK_MONOTONIC), ETIMEDOUT);
	CHECK_ERR(wait_any(waiters, 3, 0, &past, CLOCK_REALTIME), ETIMEDOUT);
	CHECK_ERR(wait_any(waiters, 3, 0, &past, CLOCK_TAI), EINVAL);
	CHECK_ERR(wait_any(waiters, 3, 0, &wrong, CLOCK_MONOTONIC), EINVAL);
	CHECK_ERR(wait_any(waiters, 3, 1, &past, CLOCK_MONOTONIC), EINVAL);
	CHECK_ERR(wait_any(waiters, 0, 0, &past, CLOCK_MONOTONIC), EINVAL);
	CHECK_ERR(wait_any(waiters, 129, 0, &past, CLOCK_MONOTONIC), EINVAL);
	CHECK_ERR(wait_any(NULL, 1, 0, &past, CLOCK_MONOTONIC), EINVAL);
	waiters[2].addr++;
	CHECK_ERR(wait_any(waiters, 3, 0, &past, CLOCK_MONOTONIC), EINVAL);
	waiters[2].addr = 0;
	CHECK_ERR(wait_any(waiters, 3, 0, &past, CLOCK_MONOTONIC), EFAULT);
	waiters[2].addr = (uintptr_t)&any_words[2];
	waiters[2].flags = 128;
	CHECK_ERR(wait_any(waiters, 3, 0, &past, CLOCK_MONOTONIC), EINVAL);
	waiters[2].flags = FUTEX_U32_PRIVATE;
	waiters[2].value = 7;
	CHECK_ERR(wait_any(waiters, 3, 0, NULL, CLOCK_MONOTONIC), EAGAIN);
	waiters[2].value = 0;
	pthread_t thread;
	CHECK(!pthread_create(&thread, NULL, wake_second, NULL));
	CHECK_EQ(wait_any(waiters, 3, 0, NULL, CLOCK_MONOTONIC), 1);
	CHECK(!pthread_join(thread, NULL));
}

struct sleeper {
	pthread_t thread;
	uint32_t *word;
	int err; /* 0: woken */
};

static void *sleep_on(void *arg)
{
	struct sleeper *sleeper = arg;
	const struct timespec most = {1, 0};
	sleeper->err = futex(sleeper->word, FUTEX_WAIT, 0, &most, NULL, 0) ? errno : 0;
	return NULL;
}

static void start_on(struct sleeper *sleeper, uint32_t *word)
{
	sleeper->word = word;
	CHECK(pthread_create(&sleeper->thread, NULL, sleep_on, sleeper) == 0);
	sleep_ms(100);
}

static uint32_t *shared_word(void)
{
	uint32_t *word =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(word != MAP_FAILED);
	return word;
}

/* Who waits on memory that is gone must not take what was meant for the memory that came after it. */
TEST(a_word_that_came_later_is_another)
{
	for (int round = 0; round < 3; round++) {
		struct sleeper old, later;
		uint32_t *word = shared_word();
		start_on(&old, word);
		CHECK_OK(munmap(word, 4096));
		word = shared_word();
		start_on(&later, word);
		CHECK_EQ(futex(word, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
		CHECK(!pthread_join(later.thread, NULL) && !pthread_join(old.thread, NULL));
		CHECK_EQ(later.err, 0);
		CHECK_EQ(old.err, ETIMEDOUT);
		CHECK_OK(munmap(word, 4096));
	}
}
