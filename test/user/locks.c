/* Locks on files: flock(2), fcntl(2) on ranges. */
#include "check.h"

#include <pthread.h>
#include <sys/file.h>

static int open_file(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0);
	return fd;
}

static int lock(int fd, int command, int type, off_t start, off_t len)
{
	struct flock range = {.l_type = (short)type, .l_start = start, .l_len = len};
	return fcntl(fd, command, &range);
}

/* What hinders a lock on the range, as another process sees it: type, start and length in decimals, or 0. */
static int seen_by_another(int fd, int type, off_t start, off_t len)
{
	pid_t parent = getpid(), child = forked();
	if (!child) {
		struct flock range = {.l_type = (short)type, .l_start = start, .l_len = len};
		CHECK_OK(fcntl(fd, F_GETLK, &range));
		if (range.l_type == F_UNLCK)
			_exit(0);
		CHECK_EQ(range.l_pid, parent);
		CHECK_EQ(range.l_whence, SEEK_SET);
		_exit(
		    (int)((range.l_type == F_WRLCK ? 100 : 0) + range.l_start * 10 + range.l_len));
	}
	return ended(child);
}

TEST(range_locks_hinder_others)
{
	int fd = open_file();
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 3, 2));
	CHECK_EQ(seen_by_another(fd, F_RDLCK, 0, 0), 132);
	CHECK_EQ(seen_by_another(fd, F_RDLCK, 0, 3), 0);
	CHECK_EQ(seen_by_another(fd, F_RDLCK, 5, 0), 0);
	CHECK_OK(lock(fd, F_SETLK, F_RDLCK, 3, 2));
	CHECK_EQ(seen_by_another(fd, F_RDLCK, 0, 0), 0);
	CHECK_EQ(seen_by_another(fd, F_WRLCK, 0, 0), 32);
	close(dup(fd));
	CHECK_EQ(seen_by_another(fd, F_WRLCK, 0, 0), 0); /* any close lets go of all */
}

TEST(the_first_of_several_locks_is_shown)
{
	int fd = open_file();
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 7, 1));
	CHECK_OK(lock(fd, F_SETLK, F_RDLCK, 2, 2));
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 5, 1));
	CHECK_EQ(seen_by_another(fd, F_WRLCK, 0, 0), 22);
	CHECK_EQ(seen_by_another(fd, F_WRLCK, 4, 0), 151);
	CHECK_EQ(seen_by_another(fd, F_RDLCK, 0, 0), 151);
}

TEST(adjacent_locks_of_a_kind_join)
{
	int fd = open_file();
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 4, 2));
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 2, 2));
	CHECK_EQ(seen_by_another(fd, F_WRLCK, 0, 0), 124);
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 1, 8));
	CHECK_EQ(seen_by_another(fd, F_WRLCK, 0, 0), 118);
	CHECK_OK(lock(fd, F_SETLK, F_RDLCK, 3, 2)); /* in its middle: three now */
	CHECK_EQ(seen_by_another(fd, F_WRLCK, 0, 0), 112);
	CHECK_EQ(seen_by_another(fd, F_WRLCK, 3, 0), 32);
	CHECK_EQ(seen_by_another(fd, F_RDLCK, 3, 0), 154);
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 3, 2));
	CHECK_EQ(seen_by_another(fd, F_WRLCK, 0, 0), 118);
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 2, 0));
	CHECK_EQ(seen_by_another(fd, F_WRLCK, 0, 0), 111);
}

TEST(arguments_of_locks_are_checked)
{
	int fd = open_file(), ends[2];
	CHECK_ERR(fcntl(fd, F_SETLK, (void *)8), EFAULT);
	CHECK_ERR(lock(fd, F_SETLK, 77, 0, 0), EINVAL);
	CHECK_ERR(lock(fd, F_SETLK, F_WRLCK, -1, 0), EINVAL);
	CHECK_ERR(lock(fd, F_GETLK, F_UNLCK, 0, 0), EINVAL);
	int reader = open("file", O_RDONLY);
	CHECK_ERR(lock(reader, F_SETLK, F_WRLCK, 0, 0), EBADF);
	CHECK_OK(lock(reader, F_SETLK, F_RDLCK, 0, 0));
	CHECK_OK(pipe(ends));
	CHECK_ERR(fcntl(ends[0], F_SETLK, (void *)8), EFAULT);
	CHECK_ERR(fcntl(ends[0], F_GETLK, (void *)8), EFAULT);
}

/* A child that does its steps when told so, and tells when a step is done. */
struct helper {
	pid_t pid;
	int orders[2], answers[2];
};

static struct helper start_helper(int fd, const struct flock *locks)
{
	struct helper helper;
	CHECK_OK(pipe(helper.orders));
	CHECK_OK(pipe(helper.answers));
	helper.pid = forked();
	if (helper.pid)
		return helper;
	close(helper.orders[1]);
	int step;
	while (read(helper.orders[0], &step, sizeof(step)) == 4) {
		struct flock range = locks[step];
		int result = fcntl(fd, F_SETLKW, &range) ? errno : 0;
		CHECK_EQ(write(helper.answers[1], &result, sizeof(result)), 4);
	}
	_exit(0);
}

static void order(struct helper *helper, int step)
{
	CHECK_EQ(write(helper->orders[1], &step, sizeof(step)), 4);
}

static int answer(struct helper *helper)
{
	int result;
	CHECK_EQ(read(helper->answers[0], &result, sizeof(result)), 4);
	return result;
}

/* One that waits with an open file for a process closes a circle as well. */
TEST(a_circle_through_an_open_file_is_found)
{
	int fd = open_file();
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 1));
	pid_t pid = forked();
	if (!pid) {
		int own = open("file", O_RDWR);
		CHECK_OK(lock(own, F_OFD_SETLK, F_WRLCK, 1, 1));
		CHECK_OK(lock(own, F_OFD_SETLKW, F_WRLCK, 0, 1));
		_exit(0);
	}
	struct flock there = {.l_type = F_WRLCK, .l_start = 1, .l_len = 1};
	do {
		sleep_ms(10);
		there.l_type = F_WRLCK;
		CHECK_OK(fcntl(fd, F_GETLK, &there));
	} while (there.l_type == F_UNLCK);
	sleep_ms(200);
	CHECK_ERR(lock(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 1));
	CHECK_EQ(ended(pid), 0);
}

/* Three hold a range each; the circle closes only when the first one lets go. */
TEST(a_circle_that_closes_later_is_found)
{
	static const struct flock first[] = {
	    {.l_type = F_WRLCK, .l_start = 2, .l_len = 5}, {.l_type = F_UNLCK}};
	static const struct flock second[] = {{.l_type = F_WRLCK, .l_start = 9, .l_len = 5},
	    {.l_type = F_WRLCK, .l_start = 17, .l_len = 5}};
	static const struct flock third[] = {{.l_type = F_WRLCK, .l_start = 17, .l_len = 5},
	    {.l_type = F_WRLCK, .l_start = 2, .l_len = 14}};
	int fd = open_file();
	struct helper a = start_helper(fd, first), b = start_helper(fd, second),
		      c = start_helper(fd, third);
	order(&a, 0);
	CHECK_EQ(answer(&a), 0);
	order(&b, 0);
	CHECK_EQ(answer(&b), 0);
	order(&c, 0);
	CHECK_EQ(answer(&c), 0);
	order(&b, 1);
	sleep_ms(50);
	order(&c, 1);
	sleep_ms(50);
	order(&a, 1);
	CHECK_EQ(answer(&a), 0);
	CHECK_EQ(answer(&c), EDEADLK);
}

TEST(a_waiting_lock_is_granted)
{
	int fd = open_file(), ready[2];
	char byte;
	CHECK_OK(pipe(ready));
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 10));
	pid_t child = forked();
	if (!child) {
		CHECK_ERR(lock(fd, F_SETLK, F_RDLCK, 9, 1), EAGAIN);
		CHECK_EQ(write(ready[1], "", 1), 1);
		CHECK_OK(lock(fd, F_SETLKW, F_RDLCK, 9, 1));
		_exit(0);
	}
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	sleep_ms(50); /* it waits by now, most likely */
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	CHECK_EQ(ended(child), 0);
}

TEST(flock_belongs_to_the_open_file)
{
	int fd = open_file(), other = open("file", O_RDWR);
	CHECK_OK(flock(fd, LOCK_EX));
	CHECK_ERR(flock(other, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	CHECK_OK(flock(dup(fd), LOCK_SH));
	CHECK_OK(flock(other, LOCK_SH | LOCK_NB));
	CHECK_ERR(flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK_OK(flock(fd, LOCK_UN));
	CHECK_OK(flock(other, LOCK_EX | LOCK_NB));
	CHECK_ERR(flock(fd, LOCK_NB), EINVAL);
	CHECK_ERR(flock(-1, LOCK_SH), EBADF);
}

static void *lock_and_wait(void *arg)
{
	return (void *)(intptr_t)(lock((int)(intptr_t)arg, F_SETLKW, F_WRLCK, 0, 0) ? errno : 0);
}

/* Nobody could take back a lock that comes when its descriptor is closed already. */
TEST(a_lock_that_comes_too_late_is_none)
{
	int fd = open_file(), go[2], ready[2];
	char byte;
	pthread_t thread;
	void *result;
	CHECK(!pipe(go) && !pipe(ready));
	pid_t holder = forked();
	if (!holder) {
		CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
		CHECK_EQ(write(ready[1], "", 1), 1);
		CHECK_EQ(read(go[0], &byte, 1), 1);
		_exit(0);
	}
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	CHECK(!pthread_create(&thread, NULL, lock_and_wait, (void *)(intptr_t)fd));
	sleep_ms(200);
	CHECK_OK(close(fd));
	CHECK_EQ(write(go[1], "", 1), 1);
	CHECK_EQ(ended(holder), 0);
	CHECK(!pthread_join(thread, &result));
	CHECK_EQ((intptr_t)result, EBADF);
	pid_t other = forked();
	if (!other) {
		CHECK_OK(lock(open_file(), F_SETLK, F_WRLCK, 0, 0));
		_exit(0);
	}
	CHECK_EQ(ended(other), 0);
}

/* The old lock is given up before the new one is waited for, or not got. */
TEST(flock_changes_its_kind_in_two_steps)
{
	int fd = open("f", O_RDWR | O_CREAT, 0600), other = open("f", O_RDWR);
	CHECK_OK(flock(fd, LOCK_SH));
	CHECK_OK(flock(other, LOCK_SH));
	CHECK_ERR(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK_OK(flock(other, LOCK_EX | LOCK_NB)); /* fd has none any more */
	CHECK_OK(flock(other, LOCK_SH));
	CHECK_OK(flock(fd, LOCK_SH));
	CHECK_OK(flock(fd, LOCK_SH | LOCK_NB));
	/* Two that share it and both want it alone come to have it one after the other. */
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(flock(other, LOCK_EX) || flock(other, LOCK_UN));
	sleep_ms(100);
	CHECK_OK(flock(fd, LOCK_EX));
	CHECK_OK(flock(fd, LOCK_UN));
	int status;
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

/* The other opens it so and closes it again; 0, or the error. */
static pid_t start_opener(int held, int flags)
{
	pid_t pid = forked();
	if (!pid) {
		close(held); /* the lease is the other's alone */
		int fd = open("file", flags);
		_exit(fd < 0 ? errno : 0);
	}
	return pid;
}

static void wait_to_be_told(void)
{
	sigset_t set;
	siginfo_t info;
	struct timespec limit = {20, 0};
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	CHECK_EQ(sigtimedwait(&set, &info, &limit), SIGIO);
}

static void block_sigio(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
}

TEST(leases_to_read_are_given_where_nobody_writes)
{
	int fd = open_file(), other = open("file", O_RDONLY);
	CHECK_ERR(fcntl(fd, F_SETLEASE, F_RDLCK), EAGAIN);
	CHECK_ERR(fcntl(other, F_SETLEASE, F_RDLCK), EAGAIN);
	CHECK_ERR(fcntl(other, F_SETLEASE, F_UNLCK), EAGAIN);
	CHECK_ERR(fcntl(other, F_SETLEASE, 7), EINVAL);
	CHECK_OK(close(fd));
	CHECK_EQ(fcntl(other, F_GETLEASE), F_UNLCK);
	CHECK_OK(fcntl(other, F_SETLEASE, F_RDLCK));
	CHECK_EQ(fcntl(other, F_GETLEASE), F_RDLCK);
	fd = open("file", O_RDONLY); /* in nobody's way */
	CHECK(fd >= 0);
	CHECK_OK(fcntl(fd, F_SETLEASE, F_RDLCK));
	CHECK_ERR(fcntl(fd, F_SETLEASE, F_WRLCK), EAGAIN);
	CHECK_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
	CHECK_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
	int ends[2];
	CHECK_OK(pipe(ends));
	CHECK_ERR(fcntl(ends[0], F_SETLEASE, F_RDLCK), EINVAL);
}

TEST(a_lease_of_anothers_file_is_refused)
{
	int fd = open("file", O_RDONLY | O_CREAT, 0644);
	CHECK(fd >= 0);
	pid_t pid = forked();
	if (!pid) {
		CHECK_OK(setuid(1000));
		CHECK_ERR(fcntl(fd, F_SETLEASE, F_RDLCK), EACCES);
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
}

TEST(whoever_opens_a_leased_file_waits_until_it_is_given_up)
{
	block_sigio();
	CHECK_OK(close(open_file()));
	int fd = open("file", O_RDONLY);
	CHECK_OK(fcntl(fd, F_SETLEASE, F_RDLCK));
	CHECK_EQ(ended(start_opener(fd, O_RDONLY)), 0);
	CHECK_EQ(ended(start_opener(fd, O_WRONLY | O_NONBLOCK)), EWOULDBLOCK);
	wait_to_be_told();
	pid_t pid = start_opener(fd, O_WRONLY);
	sleep_ms(50);
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	CHECK_EQ(fcntl(fd, F_GETLEASE), F_UNLCK); /* what it has to become */
	CHECK_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
	CHECK_EQ(ended(pid), 0);
}

TEST(a_lease_to_write_is_lowered_for_readers)
{
	block_sigio();
	int fd = open_file();
	CHECK_OK(fcntl(fd, F_SETLEASE, F_WRLCK));
	CHECK_EQ(fcntl(fd, F_GETLEASE), F_WRLCK);
	pid_t pid = start_opener(fd, O_RDONLY);
	wait_to_be_told();
	CHECK_EQ(fcntl(fd, F_GETLEASE), F_RDLCK);
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	CHECK_OK(close(fd)); /* gives it up, too */
	CHECK_EQ(ended(pid), 0);
	fd = open("file", O_RDWR);
	int other = open("file", O_RDONLY);
	CHECK_ERR(fcntl(fd, F_SETLEASE, F_WRLCK), EAGAIN); /* others have it open */
	CHECK_OK(close(other));
	CHECK_OK(fcntl(fd, F_SETLEASE, F_WRLCK));
	pid = forked();
	if (!pid) {
		alarm(20);
		_exit(truncate("file", 10) ? errno : 0);
	}
	wait_to_be_told();
	CHECK_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
	CHECK_EQ(ended(pid), 0);
}
