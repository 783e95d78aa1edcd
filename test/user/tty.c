/* Terminals, by way of pseudo-terminals: what is typed into the master is what the line discipline makes of it. */
#include "check.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <termios.h>

static int master, slave;
static char name[64];

static void open_pair(void)
{
	int unlock = 0, number = -1;
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	CHECK(master >= 0);
	CHECK_OK(ioctl(master, TIOCGPTN, &number));
	snprintf(name, sizeof(name), "/dev/pts/%d", number);
	CHECK_ERR(open(name, O_RDWR | O_NOCTTY), EIO); /* still locked */
	CHECK_OK(ioctl(master, TIOCSPTLCK, &unlock));
	slave = open(name, O_RDWR | O_NOCTTY);
	CHECK(slave >= 0);
}

static void set_local(tcflag_t off, tcflag_t on)
{
	struct termios termios;
	CHECK_OK(tcgetattr(slave, &termios));
	termios.c_lflag = (termios.c_lflag & ~off) | on;
	CHECK_OK(tcsetattr(slave, TCSANOW, &termios));
}

static void type(const char *text)
{
	CHECK_EQ(write(master, text, strlen(text)), strlen(text));
}

/* Whether a read would not wait. */
static bool has_input(int fd, int ms)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	CHECK(poll(&polled, 1, ms) >= 0);
	return polled.revents & POLLIN;
}

/* One read gives exactly this. */
#define READS(fd, text)                                                                            \
	do {                                                                                       \
		char read_[256] = {0};                                                             \
		ssize_t read_len_ = read(fd, read_, sizeof(read_) - 1);                            \
		if (read_len_ != (ssize_t)strlen(text) || strcmp(read_, text) != 0)                \
			FAIL("read %zd bytes: '%s'", read_len_, read_);                            \
	} while (0)

TEST(names_and_kinds)
{
	struct stat by_name, by_fd;
	struct winsize size = {24, 80, 0, 0}, got = {0};
	open_pair();
	CHECK(isatty(slave));
	CHECK_OK(stat(name, &by_name));
	CHECK_OK(fstat(slave, &by_fd));
	CHECK(S_ISCHR(by_fd.st_mode) && by_fd.st_rdev >> 8 == 136);
	CHECK(by_name.st_ino == by_fd.st_ino && by_name.st_dev == by_fd.st_dev);
	CHECK(by_name.st_rdev == by_fd.st_rdev);
	CHECK_OK(ioctl(master, TIOCSWINSZ, &size));
	CHECK_OK(ioctl(slave, TIOCGWINSZ, &got));
	CHECK_EQ(got.ws_row, 24);
	CHECK_EQ(got.ws_col, 80);
	CHECK_ERR(lseek(slave, 0, SEEK_SET), ESPIPE);
	char place[64], link[32];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", slave);
	ssize_t len = readlink(link, place, sizeof(place) - 1);
	CHECK(len > 0);
	place[len] = 0;
	CHECK(strcmp(place, name) == 0);
}

/* A process without a terminal has no /dev/tty. */
TEST(no_terminal)
{
	pid_t pid = forked();
	if (!pid) {
		CHECK(setsid() > 0);
		CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
}

TEST(canonical_lines)
{
	open_pair();
	set_local(ECHO, 0);
	type("one");
	CHECK(!has_input(slave, 20));
	type(" line\rand another\n");
	READS(slave, "one line\n");
	char part[4] = {0};
	CHECK_EQ(read(slave, part, 3), 3);
	CHECK(strcmp(part, "and") == 0);
	READS(slave, " another\n");
	/* The end of a file ends a read, and is no byte. */
	type("rest\004");
	READS(slave, "rest");
	type("\004");
	READS(slave, "");
}

TEST(editing)
{
	open_pair();
	set_local(ECHO, 0);
	type("abx\177c\n");
	READS(slave, "abc\n");
	type("gone\025kept\n");
	READS(slave, "kept\n");
	type("two words\027one\n");
	READS(slave, "two one\n");
	type("a\026\177b\n");
	READS(slave, "a\177b\n");
}

TEST(echo)
{
	open_pair();
	type("ab\n");
	READS(master, "ab\r\n");
	READS(slave, "ab\n");
	type("x\177");
	READS(master, "x\b \b");
	type("\001\n");
	READS(master, "^A\r\n");
	READS(slave, "\001\n");
	set_local(ECHO, ECHONL);
	type("secret\n");
	READS(master, "\r\n");
}

TEST(output)
{
	struct termios termios;
	open_pair();
	CHECK_EQ(write(slave, "a\nb\n", 4), 4);
	READS(master, "a\r\nb\r\n");
	CHECK_OK(tcgetattr(slave, &termios));
	termios.c_oflag &= ~(tcflag_t)OPOST;
	CHECK_OK(tcsetattr(slave, TCSADRAIN, &termios));
	CHECK_EQ(write(slave, "a\n", 2), 2);
	READS(master, "a\n");
}

/* The form before termios(3): the low halves of the flags, and what is above them stays. */
TEST(old_settings)
{
	struct termio {
		unsigned short input, output, control, local;
		unsigned char line, characters[8];
	} old;
	struct termios termios;
	enum { GET = 0x5405, SET = 0x5406 };
	open_pair();
	CHECK_OK(ioctl(slave, GET, &old));
	CHECK_OK(tcgetattr(slave, &termios));
	CHECK_EQ(old.local, termios.c_lflag & 0xffff);
	CHECK_EQ(old.characters[VINTR], termios.c_cc[VINTR]);
	old.local &= (unsigned short)~ECHO;
	old.characters[VINTR] = 7;
	CHECK_OK(ioctl(slave, SET, &old));
	tcflag_t local = termios.c_lflag;
	CHECK_OK(tcgetattr(slave, &termios));
	CHECK_EQ(termios.c_lflag, local & ~(tcflag_t)ECHO);
	CHECK_EQ(termios.c_cc[VINTR], 7);
	CHECK_ERR(ioctl(slave, GET, (void *)8), EFAULT);
	CHECK_ERR(ioctl(slave, SET, (void *)8), EFAULT);
}

/* What is locked stays as it is; and to set what is takes an administrator. */
TEST(locked_settings)
{
	/* As the kernel has it; the library's struct is longer. */
	struct {
		unsigned input, output, control, local;
		unsigned char line, characters[19];
	} locked;
	enum { GET = 0x5456, SET = 0x5457 };
	struct termios termios;
	open_pair();
	CHECK_OK(ioctl(slave, GET, &locked));
	CHECK_EQ(locked.local, 0);
	locked.local = ECHO;
	locked.characters[VINTR] = 1;
	CHECK_OK(ioctl(slave, SET, &locked));
	CHECK_OK(ioctl(master, GET, &locked));
	CHECK_EQ(locked.local, ECHO);
	CHECK_OK(tcgetattr(slave, &termios));
	termios.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
	termios.c_cc[VINTR] = 7;
	termios.c_cc[VQUIT] = 8;
	CHECK_OK(tcsetattr(slave, TCSANOW, &termios));
	CHECK_OK(tcgetattr(slave, &termios));
	CHECK_EQ(termios.c_lflag & (ECHO | ICANON), ECHO);
	CHECK_EQ(termios.c_cc[VINTR], 3);
	CHECK_EQ(termios.c_cc[VQUIT], 8);
	CHECK_ERR(ioctl(slave, SET, (void *)8), EFAULT);
	CHECK_OK(seteuid(1));
	CHECK_ERR(ioctl(slave, SET, &locked), EPERM);
	CHECK_OK(ioctl(slave, GET, &locked));
	CHECK_OK(seteuid(0));
	/* The next one begins without. */
	close(slave);
	close(master);
	open_pair();
	CHECK_OK(ioctl(slave, GET, &locked));
	CHECK_EQ(locked.local, 0);
}

/* A pseudo-terminal has eight bits and no parity, a speed that is only a number, and no breaks to send. */
TEST(speed_and_parity)
{
	struct termios termios;
	unsigned char with_speeds[64];
	unsigned speeds[2];
	open_pair();
	CHECK_OK(tcgetattr(slave, &termios));
	CHECK_EQ(cfgetospeed(&termios), B38400);
	CHECK_EQ(termios.c_cflag & (CSIZE | PARENB | CREAD), CS8 | CREAD);
	CHECK_OK(cfsetspeed(&termios, B9600));
	termios.c_cflag = (termios.c_cflag & ~(tcflag_t)(CSIZE | CREAD)) | CS7 | PARENB | CSTOPB;
	CHECK_OK(tcsetattr(slave, TCSANOW, &termios));
	CHECK_OK(tcgetattr(slave, &termios));
	CHECK_EQ(termios.c_cflag & (CSIZE | PARENB | CREAD | CSTOPB), CS8 | CREAD | CSTOPB);
	CHECK_EQ(cfgetospeed(&termios), B9600);
	CHECK_OK(ioctl(slave, 0x802c542a /* TCGETS2 */, with_speeds));
	memcpy(speeds, with_speeds + 36, sizeof(speeds));
	CHECK_EQ(speeds[0], 9600);
	CHECK_EQ(speeds[1], 9600);
	CHECK_OK(cfsetspeed(&termios, B230400));
	CHECK_OK(tcsetattr(slave, TCSANOW, &termios));
	CHECK_OK(ioctl(slave, 0x802c542a, with_speeds));
	memcpy(speeds, with_speeds + 36, sizeof(speeds));
	CHECK_EQ(speeds[1], 230400);
	CHECK_OK(tcsendbreak(slave, 0));
	CHECK_OK(tcdrain(slave));
}

TEST(raw)
{
	struct termios termios;
	open_pair();
	CHECK_OK(tcgetattr(slave, &termios));
	cfmakeraw(&termios);
	termios.c_cc[VMIN] = 3;
	termios.c_cc[VTIME] = 0;
	CHECK_OK(tcsetattr(slave, TCSANOW, &termios));
	type("ab");
	CHECK(!has_input(slave, 20));
	type("\003");
	READS(slave, "ab\003");
	termios.c_cc[VMIN] = 0;
	termios.c_cc[VTIME] = 1;
	CHECK_OK(tcsetattr(slave, TCSANOW, &termios));
	int64_t start = now_ms();
	READS(slave, "");
	CHECK(now_ms() - start >= 90);
}

/* Linux's limit: of a longer line the end is lost, but what ends it is not. */
TEST(long_line)
{
	open_pair();
	set_local(ECHO, 0);
	static char text[5000], got[6000];
	memset(text, 'x', sizeof(text));
	CHECK_EQ(write(master, text, sizeof(text)), sizeof(text));
	type("\n");
	CHECK_EQ(read(slave, got, sizeof(got)), 4096);
	CHECK(got[4094] == 'x' && got[4095] == '\n');
	type("after\n");
	READS(slave, "after\n");
}

/* Whoever types more than fits waits until somebody reads, and nothing is lost. */
TEST(flow)
{
	enum { LINES = 300, LEN = 100 };
	open_pair();
	set_local(ECHO, 0);
	pid_t pid = forked();
	if (!pid) {
		char line[LEN + 1];
		memset(line, 'y', LEN - 1);
		line[LEN - 1] = '\n';
		line[LEN] = 0;
		for (int i = 0; i < LINES; i++)
			type(line);
		_exit(0);
	}
	sleep_ms(50);
	for (int i = 0; i < LINES; i++) {
		char line[LEN * 2];
		CHECK_EQ(read(slave, line, sizeof(line)), LEN);
	}
	CHECK_EQ(ended(pid), 0);
	/* The other way: the terminal's output waits for the master. */
	pid = forked();
	if (!pid) {
		static char text[100000];
		memset(text, 'z', sizeof(text));
		for (size_t done = 0; done < sizeof(text);) {
			ssize_t n = write(slave, text + done, sizeof(text) - done);
			CHECK(n > 0);
			done += (size_t)n;
		}
		_exit(0);
	}
	char part[1000];
	for (size_t done = 0; done < 100000;) {
		ssize_t n = read(master, part, sizeof(part));
		CHECK(n > 0);
		done += (size_t)n;
	}
	CHECK_EQ(ended(pid), 0);
}

TEST(ends)
{
	struct pollfd polled;
	open_pair();
	CHECK_EQ(write(slave, "bye", 3), 3);
	CHECK_OK(close(slave));
	READS(master, "bye");
	char c;
	CHECK_ERR(read(master, &c, 1), EIO);
	polled = (struct pollfd){.fd = master, .events = POLLIN};
	CHECK_EQ(poll(&polled, 1, 0), 1);
	CHECK(polled.revents & POLLHUP);
	/* It can be opened again. */
	slave = open(name, O_RDWR | O_NOCTTY);
	CHECK(slave >= 0);
	CHECK_EQ(write(slave, "back", 4), 4);
	READS(master, "back");
	/* Without the master the terminal is dead. */
	CHECK_OK(close(master));
	CHECK_EQ(read(slave, &c, 1), 0);
	CHECK_ERR(write(slave, "x", 1), EIO);
	polled = (struct pollfd){.fd = slave, .events = POLLIN};
	CHECK_EQ(poll(&polled, 1, 0), 1);
	CHECK(polled.revents & POLLHUP);
	CHECK_ERR(open(name, O_RDWR | O_NOCTTY), ENOENT);
}

static volatile sig_atomic_t seen; /* a bit each */
static void note(int signal)
{
	seen |= 1 << signal;
}

/* In a session of its own, whose terminal this is. */
static void lead_session(void)
{
	CHECK(setsid() > 0);
	CHECK_OK(ioctl(slave, TIOCSCTTY, 0));
	CHECK_EQ(tcgetpgrp(slave), getpid());
	struct sigaction action = {.sa_handler = note};
	for (int signal = 1; signal < 32; signal++)
		if (signal != SIGKILL && signal != SIGSTOP && signal != SIGSEGV)
			CHECK_OK(sigaction(signal, &action, NULL));
}

static void await_signal(int signal)
{
	for (int i = 0; i < 2000 && !(seen & 1 << signal); i++)
		sleep_ms(1);
	CHECK(seen & 1 << signal);
}

TEST(signals)
{
	open_pair();
	pid_t pid = forked();
	if (!pid) {
		struct winsize size = {10, 10, 0, 0};
		lead_session();
		set_local(ECHO, 0);
		type("lost\003");
		await_signal(SIGINT);
		CHECK(!has_input(slave, 0));
		type("\034");
		await_signal(SIGQUIT);
		type("\032");
		await_signal(SIGTSTP);
		CHECK_OK(ioctl(master, TIOCSWINSZ, &size));
		await_signal(SIGWINCH);
		int tty = open("/dev/tty", O_RDWR);
		CHECK(tty >= 0 && isatty(tty));
		CHECK_OK(close(tty));
		CHECK_OK(close(master));
		await_signal(SIGHUP);
		await_signal(SIGCONT);
		_exit(0);
	}
	CHECK_OK(close(master));
	CHECK_EQ(ended(pid), 0);
}

/* A group in the background stops when it reads, and goes on when it is in front. */
TEST(background)
{
	open_pair();
	pid_t leader = forked();
	if (!leader) {
		int status;
		lead_session();
		signal(SIGTTOU, SIG_IGN);
		pid_t pid = forked();
		if (!pid) {
			setpgid(0, 0);
			signal(SIGTTIN, SIG_DFL);
			signal(SIGCONT, SIG_DFL);
			READS(slave, "for you\n");
			_exit(0);
		}
		setpgid(pid, pid);
		CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
		CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN);
		CHECK_OK(tcsetpgrp(slave, pid));
		CHECK_OK(kill(pid, SIGCONT));
		type("for you\n");
		CHECK_EQ(ended(pid), 0);
		_exit(0);
	}
	CHECK_EQ(ended(leader), 0);
}

TEST(many)
{
	int masters[40];
	for (int i = 0; i < 40; i++)
		CHECK((masters[i] = open("/dev/ptmx", O_RDWR | O_NOCTTY)) >= 0);
	for (int i = 0; i < 40; i++) {
		int number = -1;
		CHECK_OK(ioctl(masters[i], TIOCGPTN, &number));
		CHECK(number >= 0);
		CHECK_OK(close(masters[i]));
	}
	for (int i = 0; i < 200; i++) {
		open_pair();
		type("x");
		CHECK_OK(close(i % 2 ? master : slave));
		CHECK_OK(close(i % 2 ? slave : master));
	}
}

static void do_nothing(int signal)
{
	(void)signal;
}

/* A line that is too long loses its end, so that there is room for all that nobody reads. */
TEST(a_write_without_end_is_interrupted)
{
	static char block[1 << 20];
	struct iovec blocks[1024];
	open_pair();
	memset(block, 'x', sizeof(block));
	for (size_t i = 0; i < 1024; i++)
		blocks[i] = (struct iovec){block, sizeof(block)};
	struct sigaction action = {.sa_handler = do_nothing};
	CHECK_OK(sigaction(SIGALRM, &action, NULL));
	alarm(1);
	ssize_t n = writev(master, blocks, 1024);
	CHECK(n > 0 ? n < (ssize_t)1024 * (1 << 20) : errno == EINTR);
}
