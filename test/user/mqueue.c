/* POSIX message queues, by the library's calls. */
#include "check.h"

#include <mqueue.h>
#include <poll.h>
#include <sys/resource.h>

static char name[64];

static mqd_t opened(int flags, long messages, long bytes)
{
	struct mq_attr attr = {.mq_maxmsg = messages, .mq_msgsize = bytes};
	snprintf(name, sizeof(name), "/check.%d", (int)getpid());
	mqd_t queue;
	NEEDS(queue = mq_open(name, flags | O_CREAT | O_EXCL, 0600, &attr));
	CHECK(queue >= 0);
	mq_unlink(name); /* what follows needs no name, and leaves none behind */
	return queue;
}

static struct timespec soon(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += 20000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

TEST(messages_come_by_priority_and_in_order)
{
	mqd_t queue = opened(O_RDWR, 10, 16);
	char buf[16];
	unsigned priority;
	CHECK_OK(mq_send(queue, "low1", 5, 1));
	CHECK_OK(mq_send(queue, "high1", 6, 7));
	CHECK_OK(mq_send(queue, "low2", 5, 1));
	CHECK_OK(mq_send(queue, "high2", 6, 7));
	CHECK_OK(mq_send(queue, "", 0, 3));
	static const char *const wanted[] = {"high1", "high2", "", "low1", "low2"};
	static const unsigned priorities[] = {7, 7, 3, 1, 1};
	for (int i = 0; i < 5; i++) {
		memset(buf, 0, sizeof(buf));
		ssize_t len = mq_receive(queue, buf, sizeof(buf), &priority);
		CHECK_EQ(len, *wanted[i] ? (long)strlen(wanted[i]) + 1 : 0);
		CHECK(!strcmp(buf, wanted[i]));
		CHECK_EQ(priority, priorities[i]);
	}
}

TEST(names_are_made_found_and_removed)
{
	struct mq_attr attr = {.mq_maxmsg = 3, .mq_msgsize = 32};
	snprintf(name, sizeof(name), "/check.n%d", (int)getpid());
	NEEDS(mq_unlink(name));
	CHECK_ERR(mq_open(name, O_RDWR), ENOENT);
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attr), other = mq_open(name, O_RDONLY);
	CHECK(queue >= 0 && other >= 0);
	CHECK_ERR(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL), EEXIST);
	CHECK(fcntl(queue, F_GETFD) & FD_CLOEXEC);
	struct mq_attr seen;
	CHECK_OK(mq_getattr(other, &seen));
	CHECK_EQ(seen.mq_maxmsg, 3);
	CHECK_EQ(seen.mq_msgsize, 32);
	CHECK_EQ(seen.mq_curmsgs, 0);
	CHECK_OK(mq_send(queue, "x", 1, 0));
	CHECK_OK(mq_getattr(other, &seen));
	CHECK_EQ(seen.mq_curmsgs, 1);
	CHECK_ERR(mq_send(other, "x", 1, 0), EBADF);
	CHECK_OK(mq_unlink(name));
	CHECK_ERR(mq_unlink(name), ENOENT);
	char buf[32];
	CHECK_EQ(mq_receive(other, buf, 32, NULL), 1);
	CHECK_OK(mq_close(queue));
	CHECK_OK(mq_close(other));
	CHECK_ERR(syscall(SYS_mq_open, "a/b", O_RDWR, 0, NULL), EACCES);
	CHECK_ERR(syscall(SYS_mq_open, "", O_RDWR, 0, NULL), ENOENT);
	char longest[300];
	memset(longest, 'a', sizeof(longest));
	longest[255] = 0;
	CHECK_ERR(syscall(SYS_mq_unlink, longest), ENOENT);
	longest[255] = 'a';
	longest[256] = 0;
	CHECK_ERR(syscall(SYS_mq_unlink, longest), ENAMETOOLONG);
}

TEST(limits_are_kept)
{
	mqd_t queue = opened(O_RDWR | O_NONBLOCK, 2, 4);
	char buf[8];
	CHECK_ERR(mq_send(queue, "12345", 5, 0), EMSGSIZE);
	CHECK_ERR(mq_send(queue, "x", 1, 32768), EINVAL);
	CHECK_ERR(mq_receive(queue, buf, 3, NULL), EMSGSIZE);
	CHECK_ERR(mq_receive(queue, buf, 4, NULL), EAGAIN);
	CHECK_OK(mq_send(queue, "1234", 4, 32767));
	CHECK_OK(mq_send(queue, "1", 1, 0));
	CHECK_ERR(mq_send(queue, "1", 1, 0), EAGAIN);
	CHECK_ERR(mq_send(queue, (char *)1, 1, 0), EFAULT);
	struct mq_attr none = {0};
	CHECK_ERR(mq_open("/check.none", O_RDWR | O_CREAT, 0600, &none), EINVAL);
	int file = open(".", O_RDONLY);
	CHECK_ERR(mq_send(file, "x", 1, 0), EBADF);
	CHECK_ERR(mq_receive(file, buf, 8, NULL), EBADF);
	struct rlimit limit = {100, 100};
	CHECK_OK(setrlimit(RLIMIT_MSGQUEUE, &limit));
	struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 100};
	CHECK_ERR(mq_open("/check.much", O_RDWR | O_CREAT, 0600, &attr), EMFILE);
	CHECK_ERR(mq_open("/check.much", O_RDWR), ENOENT);
}

TEST(waiting_ends_at_the_time_given)
{
	mqd_t queue = opened(O_RDWR, 1, 4);
	char buf[4];
	struct timespec time = soon(), wrong = {.tv_nsec = 1000000000}, past = {0};
	CHECK_ERR(mq_timedreceive(queue, buf, 4, NULL, &time), ETIMEDOUT);
	CHECK_ERR(mq_timedreceive(queue, buf, 4, NULL, &past), ETIMEDOUT);
	CHECK_ERR(mq_timedreceive(queue, buf, 4, NULL, &wrong), EINVAL);
	CHECK_OK(mq_send(queue, "1", 1, 0));
	time = soon();
	CHECK_ERR(mq_timedsend(queue, "2", 1, 0, &time), ETIMEDOUT);
	CHECK_ERR(mq_timedsend(queue, "2", 1, 0, (void *)1), EFAULT);
}

TEST(a_message_wakes_who_waits_for_it)
{
	mqd_t queue = opened(O_RDWR, 1, 4);
	char buf[4];
	pid_t child = forked();
	if (!child) {
		sleep_ms(30);
		CHECK_OK(mq_send(queue, "abc", 4, 5));
		CHECK_OK(mq_send(queue, "def", 4, 5)); /* when there is room again */
		_exit(0);
	}
	CHECK_EQ(mq_receive(queue, buf, 4, NULL), 4);
	CHECK(!strcmp(buf, "abc"));
	sleep_ms(30);
	CHECK_EQ(mq_receive(queue, buf, 4, NULL), 4);
	CHECK(!strcmp(buf, "def"));
	CHECK_EQ(ended(child), 0);
}

static volatile int told_value, told_code, told_count;

static void told(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	told_value = info->si_value.sival_int;
	told_code = info->si_code;
	told_count++;
}

TEST(a_signal_tells_of_the_first_message_once)
{
	mqd_t queue = opened(O_RDWR, 4, 4);
	char buf[4];
	struct sigaction action = {.sa_sigaction = told, .sa_flags = SA_SIGINFO};
	sigaction(SIGUSR1, &action, NULL);
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	event.sigev_value.sival_int = 42;
	CHECK_OK(mq_notify(queue, &event));
	CHECK_ERR(mq_notify(queue, &event), EBUSY);
	CHECK_OK(mq_send(queue, "a", 1, 0));
	CHECK_EQ(told_count, 1);
	CHECK_EQ(told_value, 42);
	CHECK_EQ(told_code, SI_MESGQ);
	CHECK_EQ(mq_receive(queue, buf, 4, NULL), 1);
	CHECK_OK(mq_send(queue, "a", 1, 0));
	CHECK_EQ(told_count, 1);
	CHECK_OK(mq_notify(queue, &event));
	CHECK_OK(mq_send(queue, "a", 1, 0)); /* it was not empty */
	CHECK_EQ(told_count, 1);
	CHECK_OK(mq_notify(queue, NULL));
	CHECK_OK(mq_notify(queue, &event));
	event.sigev_signo = 65;
	CHECK_ERR(mq_notify(queue, &event), EINVAL);
	CHECK_ERR(mq_notify(-1, NULL), EBADF);
}

TEST(who_closes_is_not_told)
{
	mqd_t queue = opened(O_RDWR, 4, 4), second = dup(queue);
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	CHECK_OK(mq_notify(queue, &event));
	CHECK_OK(mq_close(queue));
	CHECK_OK(mq_send(second, "a", 1, 0)); /* the signal would end us */
}

TEST(queues_can_be_polled_and_read)
{
	mqd_t queue = opened(O_RDWR, 1, 8);
	struct pollfd ready = {.fd = queue, .events = POLLIN | POLLOUT};
	CHECK_EQ(poll(&ready, 1, 0), 1);
	CHECK_EQ(ready.revents, POLLOUT);
	CHECK_OK(mq_send(queue, "abcdefg", 7, 0));
	CHECK_EQ(poll(&ready, 1, 0), 1);
	CHECK_EQ(ready.revents, POLLIN);
	char text[200] = {0};
	CHECK(read(queue, text, sizeof(text) - 1) > 0);
	CHECK(strstr(text, "QSIZE:7 "));
	CHECK(strstr(text, "NOTIFY_PID:0 "));
}

static void nothing(int signal)
{
	(void)signal;
}

TEST(a_signal_ends_the_wait)
{
	mqd_t queue = opened(O_RDWR, 1, 8);
	struct sigaction action = {.sa_handler = nothing};
	sigaction(SIGUSR1, &action, NULL);
	pid_t parent = getpid(), child = forked();
	if (!child)
		for (;;) { /* it may come before we wait */
			sleep_ms(20);
			kill(parent, SIGUSR1);
		}
	char buf[8];
	CHECK_ERR(mq_receive(queue, buf, 8, NULL), EINTR);
	kill(child, SIGKILL);
	ended(child);
}
