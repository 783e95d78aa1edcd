/* Bytes through pipes that no program sees: splice(2), tee(2), vmsplice(2). */
#include "check.h"

#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <termios.h>

static int a[2], b[2], file;
static char text[200000], got[200000];

static void prepare(void)
{
	CHECK_OK(pipe(a));
	CHECK_OK(pipe(b));
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i % 251);
	file = open("file", O_RDWR | O_CREAT, 0600);
	CHECK_EQ(write(file, text, sizeof(text)), sizeof(text));
	NEEDS(splice(a[0], NULL, file, NULL, 0, 0));
}

TEST(files_go_into_pipes_and_back)
{
	prepare();
	loff_t from = 100;
	CHECK_EQ(splice(file, &from, a[1], NULL, 5000, 0), 5000);
	CHECK_EQ(from, 5100);
	CHECK_EQ(lseek(file, 0, SEEK_CUR), sizeof(text));
	int copy = open("copy", O_RDWR | O_CREAT, 0600);
	CHECK_EQ(splice(a[0], NULL, copy, NULL, 4000, 0), 4000);
	CHECK_EQ(lseek(copy, 0, SEEK_CUR), 4000);
	loff_t to = 4000;
	CHECK_EQ(splice(a[0], NULL, copy, &to, 4000, 0), 1000);
	CHECK_EQ(to, 5000);
	CHECK_EQ(pread(copy, got, 6000, 0), 5000);
	CHECK(!memcmp(got, text + 100, 5000));
	CHECK_EQ(splice(file, NULL, a[1], NULL, 10, 0), 0); /* at its end */
	CHECK_OK(lseek(file, 10, SEEK_SET));
	CHECK_EQ(splice(file, NULL, a[1], NULL, 10, 0), 10);
	CHECK_EQ(lseek(file, 0, SEEK_CUR), 20);
	CHECK_EQ(read(a[0], got, 100), 10);
	CHECK(!memcmp(got, text + 10, 10));
}

TEST(a_splice_moves_what_fits)
{
	prepare();
	loff_t from = 0;
	ssize_t n = splice(file, &from, a[1], NULL, sizeof(text), 0);
	CHECK_EQ(n, 65536);
	CHECK_ERR(splice(file, &from, a[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_EQ(splice(a[0], NULL, b[1], NULL, 1000, 0), 1000);
	CHECK_EQ(splice(a[0], NULL, b[1], NULL, sizeof(text), 0) > 50000, 1);
	CHECK_EQ(read(b[0], got, 30000), 30000);
	CHECK(!memcmp(got, text, 30000));
	CHECK_ERR(splice(b[0], NULL, a[1], NULL, 1, 1 << 20), EINVAL);
	close(a[1]);
	while (read(a[0], got, sizeof(got)) > 0)
		;
	CHECK_EQ(splice(a[0], NULL, b[1], NULL, 1, 0), 0);
}

TEST(tee_leaves_the_bytes)
{
	prepare();
	CHECK_EQ(write(a[1], text, 7000), 7000);
	CHECK_EQ(tee(a[0], b[1], 5000, 0), 5000);
	CHECK_EQ(read(b[0], got, 10000), 5000);
	CHECK(!memcmp(got, text, 5000));
	CHECK_EQ(read(a[0], got, 10000), 7000);
	CHECK(!memcmp(got, text, 7000));
	CHECK_ERR(tee(a[0], b[1], 1, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_ERR(tee(a[0], a[1], 1, 0), EINVAL);
	CHECK_ERR(tee(file, a[1], 1, 0), EINVAL);
	CHECK_ERR(tee(a[0], file, 1, 0), EINVAL);
	CHECK_ERR(tee(a[1], b[1], 1, 0), EBADF);
}

/* Bytes go to and fro between two pipes, by pages and by parts of them. */
TEST(spliced_bytes_stay_in_order)
{
	prepare();
	unsigned char next_in = 0, next_out = 0;
	CHECK_EQ(fcntl(a[0], F_SETFL, O_NONBLOCK), 0);
	CHECK_EQ(fcntl(b[0], F_SETFL, O_NONBLOCK), 0);
	CHECK_EQ(fcntl(a[1], F_SETFL, O_NONBLOCK), 0);
	for (unsigned round = 1; round < 3000; round++) {
		size_t len = (size_t)round * 7919 % 10000 + 1,
		       moved = (size_t)round * 104729 % 9000 + 1;
		if (round % 3 == 0)
			len = 8192;
		for (size_t i = 0; i < len; i++)
			text[i] = (char)(next_in + i);
		ssize_t n = write(a[1], text, len);
		CHECK(n > 0 || errno == EAGAIN);
		next_in = (unsigned char)(next_in + (n > 0 ? n : 0));
		n = splice(a[0], NULL, b[1], NULL, moved, SPLICE_F_NONBLOCK);
		CHECK(n > 0 || errno == EAGAIN);
		n = read(b[0], got, round % 5 ? moved : 10000);
		CHECK(n > 0 || errno == EAGAIN);
		for (ssize_t i = 0; i < n; i++)
			CHECK_EQ((unsigned char)got[i], (unsigned char)(next_out + i));
		next_out = (unsigned char)(next_out + (n > 0 ? n : 0));
	}
}

TEST(splice_checks_its_ends)
{
	prepare();
	loff_t at = 0;
	int writer = open("file", O_WRONLY), adder = open("file", O_RDWR | O_APPEND);
	CHECK_EQ(write(a[1], text, 10), 10);
	CHECK_ERR(splice(-1, NULL, a[1], NULL, 1, 0), EBADF);
	CHECK_ERR(splice(a[0], NULL, -1, NULL, 1, 0), EBADF);
	CHECK_ERR(splice(writer, NULL, a[1], NULL, 1, 0), EBADF);
	CHECK_ERR(splice(a[0], NULL, adder, NULL, 1, 0), EINVAL);
	CHECK_ERR(splice(file, NULL, writer, NULL, 1, 0), EINVAL);
	CHECK_ERR(splice(a[0], &at, writer, NULL, 1, 0), ESPIPE);
	CHECK_ERR(splice(file, NULL, a[1], &at, 1, 0), ESPIPE);
	CHECK_ERR(splice(a[0], NULL, a[1], NULL, 1, 0), EINVAL);
	CHECK_ERR(splice(file, (void *)8, a[1], NULL, 1, 0), EFAULT);
	int dir = open(".", O_RDONLY);
	CHECK_ERR(splice(dir, NULL, a[1], NULL, 1, 0), EINVAL);
	CHECK_EQ(read(a[0], got, 100), 10);
}

TEST(splice_works_with_devices)
{
	prepare();
	int zero = open("/dev/zero", O_RDWR), null = open("/dev/null", O_WRONLY);
	memset(got, 1, sizeof(got));
	CHECK_EQ(splice(zero, NULL, a[1], NULL, 5000, 0), 5000);
	CHECK_EQ(splice(a[0], NULL, null, NULL, 4000, 0), 4000);
	CHECK_EQ(read(a[0], got, 5000), 1000);
	CHECK_EQ(got[0] | got[999], 0);
}

TEST(splice_waits_for_the_other_side)
{
	prepare();
	pid_t child = forked();
	if (!child) {
		sleep_ms(50);
		CHECK_EQ(write(a[1], "late", 4), 4);
		_exit(0);
	}
	CHECK_EQ(splice(a[0], NULL, b[1], NULL, 100, 0), 4);
	CHECK_EQ(ended(child), 0);
	CHECK_EQ(read(b[0], got, 100), 4);
	signal(SIGPIPE, SIG_IGN);
	close(b[0]);
	CHECK_EQ(write(a[1], "x", 1), 1);
	CHECK_ERR(splice(a[0], NULL, b[1], NULL, 100, 0), EPIPE);
	CHECK_EQ(read(a[0], got, 100), 1);
}

/* Others who have the file, too, need not wait for that. */
TEST(a_splice_that_waits_leaves_the_position_alone)
{
	int ends[2], file = open("file", O_RDWR | O_CREAT, 0600);
	CHECK_OK(pipe(ends));
	CHECK_OK(ftruncate(file, 100));
	pid_t pid = forked();
	if (pid == 0) {
		CHECK_OK(splice(ends[0], NULL, file, NULL, 10, 0));
		_exit(0);
	}
	sleep_ms(50);
	alarm(20);
	CHECK_EQ(lseek(file, 0, SEEK_END), 100);
	CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	CHECK_EQ(ended(pid), 0);
}

TEST(vmsplice_takes_what_fits)
{
	prepare();
	struct iovec pieces[2] = {{text, 3000}, {text + 3000, 190000}};
	ssize_t n = vmsplice(a[1], pieces, 2, 0);
	CHECK(n >= 50000 && n <= 65536);
	CHECK_ERR(vmsplice(a[1], pieces, 2, SPLICE_F_NONBLOCK), EAGAIN);
	struct iovec in = {got, sizeof(got)};
	CHECK_EQ(vmsplice(a[0], &in, 1, 0), n);
	CHECK(!memcmp(got, text, (size_t)n));
	CHECK_ERR(vmsplice(-1, pieces, 1, 0), EBADF);
	CHECK_ERR(vmsplice(file, pieces, 1, 0), EBADF);
	CHECK_ERR(vmsplice(a[1], pieces, IOV_MAX + 1, 0), EINVAL);
	CHECK_EQ(vmsplice(a[1], pieces, 0, 0), 0);
}

/* Linux has the pipe locked meanwhile, so that others cannot even be killed. */
TEST(a_splice_that_cannot_write_holds_nobody_up)
{
	if (!getenv("OWN_MACHINE"))
		return;
	prepare();
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), there;
	CHECK_OK(unlockpt(master));
	int tty = open(ptsname(master), O_RDWR | O_NOCTTY);
	CHECK(tty >= 0);
	CHECK_OK(tcflow(tty, TCOOFF));
	CHECK_EQ(write(a[1], "hello", 5), 5);
	pid_t splicer = forked();
	if (splicer == 0) {
		close(a[1]);
		CHECK_EQ(splice(a[0], NULL, tty, NULL, 100, 0), 8);
		_exit(0);
	}
	sleep_ms(200);
	alarm(30);
	CHECK_EQ(write(a[1], "you", 3), 3);
	CHECK_EQ(fcntl(a[1], F_SETPIPE_SZ, 4 * 4096), 4 * 4096);
	CHECK_OK(ioctl(a[0], FIONREAD, &there));
	CHECK_EQ(there, 8);
	pid_t reader = forked();
	if (reader == 0)
		_exit(read(a[0], got, 100) == 8);
	sleep_ms(200);
	CHECK_OK(kill(reader, SIGKILL));
	CHECK_EQ(ended(reader), -1 - SIGKILL);
	CHECK_OK(fcntl(a[0], F_SETFL, O_NONBLOCK));
	CHECK_ERR(read(a[0], got, 100), EAGAIN);
	close(a[1]);
	CHECK_OK(tcflow(tty, TCOON));
	CHECK_EQ(ended(splicer), 0);
	CHECK_EQ(read(master, got, 100), 8);
	CHECK(!memcmp(got, "helloyou", 8));
	CHECK_EQ(read(a[0], got, 100), 0);
}

/* Terminals and event counters have no position at all. */
TEST(streams_without_a_position_go_into_pipes)
{
	prepare();
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	CHECK(master >= 0);
	CHECK_OK(unlockpt(master));
	int tty = open(ptsname(master), O_RDWR | O_NOCTTY);
	CHECK(tty >= 0);
	CHECK_EQ(write(master, "line\n", 5), 5);
	ssize_t n = splice(tty, NULL, a[1], NULL, 100, 0);
	CHECK(n == 5 || (n < 0 && errno == EINVAL)); /* Linux: only some of its versions can */
	if (n == 5) {
		CHECK_EQ(read(a[0], got, 100), 5);
		CHECK(!memcmp(got, "line\n", 5));
	}
}
