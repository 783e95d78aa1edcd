/* Asynchronous I/O: io_setup(2), io_submit, io_getevents and the others, as plain calls. */
#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

typedef unsigned long aio_context_t;

enum {
	IOCB_CMD_PREAD = 0,
	IOCB_CMD_PWRITE = 1,
	IOCB_CMD_FSYNC = 2,
	IOCB_CMD_PREADV = 7,
	IOCB_CMD_PWRITEV = 8,
};
#define IOCB_FLAG_RESFD 1
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif

struct iocb {
	uint64_t aio_data;
	uint32_t aio_key, aio_rw_flags;
	uint16_t aio_lio_opcode;
	int16_t aio_reqprio;
	uint32_t aio_fildes;
	uint64_t aio_buf, aio_nbytes;
	int64_t aio_offset;
	uint64_t aio_reserved2;
	uint32_t aio_flags, aio_resfd;
};

struct io_event {
	uint64_t data, obj;
	int64_t res, res2;
};

static int setup(unsigned count, aio_context_t *context)
{
	return (int)syscall(SYS_io_setup, count, context);
}

static int destroy(aio_context_t context)
{
	return (int)syscall(SYS_io_destroy, context);
}

static long submit(aio_context_t context, long count, struct iocb **requests)
{
	return syscall(SYS_io_submit, context, count, requests);
}

static long events(
    aio_context_t context, long least, long most, struct io_event *to, struct timespec *time)
{
	return syscall(SYS_io_getevents, context, least, most, to, time);
}

static aio_context_t context_of(unsigned count)
{
	aio_context_t context = 0;
	NEEDS(setup(count, &context));
	CHECK(context);
	return context;
}

static struct iocb request(int command, int fd, void *buf, size_t len, long long offset)
{
	return (struct iocb){.aio_data = 42,
	    .aio_lio_opcode = (uint16_t)command,
	    .aio_fildes = (uint32_t)fd,
	    .aio_buf = (uintptr_t)buf,
	    .aio_nbytes = len,
	    .aio_offset = offset};
}

/* One request, to its end: the result of it. */
static long long done(aio_context_t context, struct iocb one)
{
	struct iocb *all[] = {&one};
	struct io_event event = {0};
	CHECK_EQ(submit(context, 1, all), 1);
	CHECK_EQ(events(context, 1, 1, &event, NULL), 1);
	CHECK_EQ(event.data, 42);
	CHECK_EQ(event.obj, (uintptr_t)&one);
	return event.res;
}

TEST(contexts_come_and_go)
{
	aio_context_t context = context_of(1), bad = 1;
	CHECK_OK(destroy(context));
	CHECK_ERR(destroy(context), EINVAL);
	CHECK_ERR(setup(1, NULL), EFAULT);
	CHECK_ERR(setup(1, &bad), EINVAL);
	context = 0;
	CHECK_ERR(setup(0, &context), EINVAL);
	CHECK_ERR(setup(-1u, &context), EINVAL);
	CHECK_ERR(destroy(0), EINVAL);
}

TEST(a_file_is_written_and_read_at_positions)
{
	aio_context_t context = context_of(4);
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	char buf[16] = {0}, a[4], b[4];
	CHECK_EQ(done(context, request(IOCB_CMD_PWRITE, fd, "hello world", 11, 5)), 11);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_EQ(done(context, request(IOCB_CMD_PREAD, fd, buf, sizeof(buf), 5)), 11);
	CHECK(!strcmp(buf, "hello world"));
	struct iovec parts[] = {{a, 4}, {b, 4}};
	CHECK_EQ(done(context, request(IOCB_CMD_PREADV, fd, parts, 2, 5)), 8);
	CHECK(!memcmp(a, "hell", 4) && !memcmp(b, "o wo", 4));
	CHECK_EQ(done(context, request(IOCB_CMD_PWRITEV, fd, parts, 2, 0)), 8);
	CHECK_EQ(done(context, request(IOCB_CMD_FSYNC, fd, NULL, 0, 0)), 0);
	CHECK_EQ(done(context, request(IOCB_CMD_PREAD, fd, (void *)1, 4, 0)), -EFAULT);
	CHECK_OK(destroy(context));
}

TEST(requests_that_make_no_sense_are_refused)
{
	aio_context_t context = context_of(2);
	char buf[8];
	int readable = open("file", O_RDONLY | O_CREAT, 0600), writable = open("file", O_WRONLY);
	struct iocb one = request(IOCB_CMD_PREAD, -1, buf, 8, 0), *all[] = {&one}, *none[] = {NULL};
	CHECK_ERR(submit(context, 1, all), EBADF);
	one = request(IOCB_CMD_PREAD, writable, buf, 8, 0);
	CHECK_ERR(submit(context, 1, all), EBADF);
	one = request(IOCB_CMD_PWRITE, readable, buf, 8, 0);
	CHECK_ERR(submit(context, 1, all), EBADF);
	one = request(99, readable, buf, 8, 0);
	CHECK_ERR(submit(context, 1, all), EINVAL);
	one = request(IOCB_CMD_PREAD, readable, buf, 8, -1);
	CHECK_ERR(submit(context, 1, all), EINVAL);
	one = request(IOCB_CMD_PREAD, readable, buf, 8, 0);
	one.aio_rw_flags = 1 << 30;
	CHECK_ERR(submit(context, 1, all), EOPNOTSUPP);
	CHECK_ERR(submit(context, 1, none), EFAULT);
	CHECK_ERR(submit(context, -1, all), EINVAL);
	CHECK_ERR(submit(0, 1, all), EINVAL);
	CHECK_EQ(submit(context, 0, NULL), 0);
	CHECK_ERR(syscall(SYS_io_cancel, context, NULL, NULL), EFAULT);
	CHECK_ERR(syscall(SYS_io_cancel, context, &one, NULL), EINVAL);
}

TEST(events_wait_in_order_until_they_are_taken)
{
	aio_context_t context = context_of(8);
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	struct iocb some[3], *all[3];
	struct io_event got[8];
	for (int i = 0; i < 3; i++) {
		some[i] = request(IOCB_CMD_PWRITE, fd, "x", 1, i);
		some[i].aio_data = (uint64_t)i;
		all[i] = &some[i];
	}
	CHECK_EQ(submit(context, 3, all), 3);
	CHECK_EQ(events(context, 1, 2, got, NULL), 2);
	CHECK_EQ(got[0].data, 0);
	CHECK_EQ(got[1].data, 1);
	struct timespec zero = {0}, soon = {.tv_nsec = 10000000};
	CHECK_EQ(events(context, 3, 3, got, &soon), 1);
	CHECK_EQ(got[0].data, 2);
	CHECK_EQ(events(context, 1, 1, got, &zero), 0);
	CHECK_EQ(events(context, 1, 1, got, &soon), 0);
	CHECK_ERR(events(context, 2, 1, got, &zero), EINVAL);
	CHECK_ERR(events(context, -1, 1, got, &zero), EINVAL);
	CHECK_ERR(events(0, 0, 0, NULL, NULL), EINVAL);
	/* A request that fails half-way through the list ends it. */
	some[1].aio_fildes = (uint32_t)-1;
	CHECK_EQ(submit(context, 3, all), 1);
}

TEST(an_eventfd_is_told)
{
	aio_context_t context = context_of(2);
	int fd = open("file", O_RDWR | O_CREAT, 0600), counter = eventfd(0, EFD_NONBLOCK);
	struct iocb one = request(IOCB_CMD_PWRITE, fd, "abc", 3, 0), *all[] = {&one};
	uint64_t count;
	one.aio_flags = IOCB_FLAG_RESFD;
	one.aio_resfd = (uint32_t)counter;
	CHECK_EQ(submit(context, 1, all), 1);
	struct pollfd ready = {.fd = counter, .events = POLLIN};
	CHECK_EQ(poll(&ready, 1, 5000), 1);
	CHECK_EQ(read(counter, &count, sizeof(count)), sizeof(count));
	CHECK_EQ(count, 1);
	one.aio_resfd = (uint32_t)fd;
	CHECK_ERR(submit(context, 1, all), EINVAL);
}

TEST(an_eventfd_that_is_full_is_told_nevertheless)
{
	aio_context_t context = context_of(4);
	int fd = open("file", O_RDWR | O_CREAT, 0600), counter = eventfd(0, EFD_NONBLOCK);
	struct iocb one = request(IOCB_CMD_PWRITE, fd, "abc", 3, 0), *all[] = {&one};
	uint64_t count = UINT64_MAX - 1;
	one.aio_flags = IOCB_FLAG_RESFD;
	one.aio_resfd = (uint32_t)counter;
	CHECK_EQ(write(counter, &count, sizeof(count)), sizeof(count));
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(submit(context, 1, all), 1);
		struct io_event event;
		CHECK_EQ(events(context, 1, 1, &event, NULL), 1);
		struct pollfd ready = {.fd = counter, .events = POLLIN | POLLOUT};
		CHECK_EQ(poll(&ready, 1, 5000), 1);
		CHECK_EQ(ready.revents, POLLIN | POLLERR);
	}
	count = 1;
	CHECK_ERR(write(counter, &count, sizeof(count)), EAGAIN);
	CHECK_EQ(read(counter, &count, sizeof(count)), sizeof(count));
	CHECK_EQ(count, UINT64_MAX);
	CHECK_ERR(read(counter, &count, sizeof(count)), EAGAIN);
}

TEST(a_pipe_answers_now_when_asked_to)
{
	aio_context_t context = context_of(1);
	int ends[2];
	char buf[4];
	CHECK_OK(pipe(ends));
	struct iocb one = request(IOCB_CMD_PREAD, ends[0], buf, 4, 0);
	one.aio_rw_flags = RWF_NOWAIT;
	CHECK_EQ(done(context, one), -EAGAIN);
	CHECK_EQ(write(ends[1], "abc", 3), 3);
	CHECK_EQ(done(context, one), 3);
}

TEST(a_child_does_not_share_the_context)
{
	aio_context_t context = context_of(1);
	struct io_event event;
	pid_t child = forked();
	if (!child) {
		struct timespec zero = {0};
		CHECK_ERR(events(context, 0, 1, &event, &zero), EINVAL);
		CHECK_ERR(destroy(context), EINVAL);
		_exit(0);
	}
	CHECK_EQ(ended(child), 0);
	CHECK_OK(destroy(context));
}

static aio_context_t shared;

static void *submit_soon(void *fd)
{
	struct iocb one = request(IOCB_CMD_PWRITE, *(int *)fd, "abc", 3, 0), *all[] = {&one};
	sleep_ms(50);
	CHECK_EQ(submit(shared, 1, all), 1);
	return NULL;
}

TEST(one_thread_waits_for_what_another_submits)
{
	shared = context_of(1);
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	pthread_t thread;
	struct io_event event;
	CHECK(!pthread_create(&thread, NULL, submit_soon, &fd));
	CHECK_EQ(events(shared, 1, 1, &event, NULL), 1);
	CHECK_EQ(event.res, 3);
	pthread_join(thread, NULL);
}

static void nothing(int signal)
{
	(void)signal;
}

TEST(a_signal_ends_the_wait)
{
	aio_context_t context = context_of(1);
	struct io_event event;
	struct sigaction action = {.sa_handler = nothing};
	sigaction(SIGALRM, &action, NULL);
	struct {
		const sigset_t *mask;
		size_t size;
	} set = {0};
	sigset_t blocked, none;
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGALRM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	raise(SIGALRM);
	set.mask = &none;
	set.size = 8;
	CHECK_ERR(syscall(SYS_io_pgetevents, context, 1, 1, &event, NULL, &set), EINTR);
	CHECK_ERR(syscall(SYS_io_pgetevents, context, 1, 1, &event, NULL, (void *)1), EFAULT);
}
