/*
 * /init of `./exo run -- PROGRAM`: runs the program with its streams where the caller's are, says how it ended, switches off.
 *
 * /.exo/job holds, each ended by a zero byte: three letters (t: the stream is the caller's terminal, i: it is the file /.exo/input,
 * otherwise it goes through frames), rows, columns, folder, number of arguments, the program's path, the arguments, the environment.
 *
 * One process pumps each stream that is no terminal; a pipe with one byte in it keeps their frames apart. The leader of the session that
 * has the terminal is not the program but its parent, which outlives it: the end of a leader cuts everybody off the terminal.
 */
#include "frames.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define WORDS_MAX 4096

static char job[1 << 20];
static char *words[WORDS_MAX + 1];
static int turn[2];
static int console;

static void write_all(int fd, const void *data, size_t len)
{
	const char *at = data;
	while (len > 0) {
		ssize_t n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		at += n;
		len -= (size_t)n;
	}
}

static void send_frame(char kind, const char *payload, size_t len)
{
	static char frame[sizeof(FRAME_BEGIN) + CODED(FRAME_BYTES) + sizeof(FRAME_END) + 1];
	size_t at = sizeof(FRAME_BEGIN) - 1;
	memcpy(frame, FRAME_BEGIN, at);
	frame[at++] = kind;
	memcpy(frame + at, payload, len);
	at += len;
	memcpy(frame + at, FRAME_END, sizeof(FRAME_END) - 1);
	at += sizeof(FRAME_END) - 1;

	char token;
	while (read(turn[0], &token, 1) < 0 && errno == EINTR)
		;
	write_all(console, frame, at);
	write_all(turn[1], &token, 1);
}

static void fail(const char *what)
{
	char text[200], coded[CODED(sizeof(text))];
	int n = snprintf(text, sizeof(text), "exo: %s: %s\n", what, strerror(errno));
	send_frame(FRAME_ERROR, coded, frame_code(coded, (unsigned char *)text, (size_t)n));
}

static void pump_output(int from, char kind)
{
	static unsigned char data[FRAME_BYTES];
	static char coded[CODED(FRAME_BYTES)];
	ssize_t n;
	while ((n = read(from, data, sizeof(data))) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			send_frame(kind, coded, frame_code(coded, data, (size_t)n));
	_exit(0);
}

static void pump_input(int to)
{
	static unsigned char data[INPUT_BYTES + 8];
	char line[CODED(INPUT_BYTES) + 64];
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		send_frame(FRAME_WANTS, "", 0);
		ssize_t n = read(console, line, sizeof(line));
		size_t len = n > 0 ? frame_decode(data, line, (size_t)n) : 0;
		if (len == 0 || write(to, data, len) < 0)
			_exit(0);
	}
}

static size_t read_job(void)
{
	int fd = open("/.exo/job", O_RDONLY | O_CLOEXEC);
	size_t len = 0, count = 0;
	ssize_t n;
	while (fd >= 0 && (n = read(fd, job + len, sizeof(job) - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	for (char *at = job; at < job + len && count < WORDS_MAX; at += strlen(at) + 1)
		words[count++] = at;
	return count;
}

static void set_up_terminal(const char *streams)
{
	struct winsize size = {
	    .ws_row = (unsigned short)atoi(words[1]), .ws_col = (unsigned short)atoi(words[2])};
	struct termios modes;
	if (size.ws_row && size.ws_col)
		ioctl(console, TIOCSWINSZ, &size);
	if (streams[0] != 't' && tcgetattr(console, &modes) == 0) {
		modes.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
		modes.c_lflag |= ICANON;
		modes.c_iflag |= ICRNL;
		tcsetattr(console, TCSANOW, &modes);
	}
}

/* A pipe for stream `i`, unless it is the terminal; the program's end is moved out of the way of 0, 1 and 2. */
struct stream {
	int ours, programs;
	pid_t pump;
};

static bool is_framed(char letter)
{
	return letter == 'f';
}

static void open_stream(struct stream *stream, int i)
{
	int ends[2];
	stream->pump = 0;
	if (pipe(ends)) {
		fail("pipe");
		_exit(125);
	}
	stream->ours = ends[i != 0 ? 0 : 1];
	stream->programs = ends[i != 0 ? 1 : 0];
	fcntl(stream->ours, F_SETFD, FD_CLOEXEC);
}

static void start_program(const char *letters, const struct stream *streams, size_t argc)
{
	if (letters[0] == 't') {
		setpgid(0, 0);
		tcsetpgrp(console, getpid());
	}
	signal(SIGTTOU, SIG_DFL);
	for (int i = 0; i < 3; i++)
		if (letters[i] == 'i')
			dup2(open("/.exo/input", O_RDONLY), i);
		else
			dup2(letters[i] == 't' ? console : streams[i].programs, i);
	for (int fd = 3; fd < 20; fd++)
		close(fd);
	if (chdir(words[3]))
		chdir("/");
	char **argv = words + 6;
	static char *environment[WORDS_MAX + 1];
	for (size_t i = 0; (environment[i] = argv[argc + i]); i++)
		;
	argv[argc] = NULL;
	execve(words[5], argv, environment);
	int err = errno;
	dprintf(2, "exo: %s: %s\n", words[5], strerror(err));
	_exit(err == ENOENT ? 127 : 126);
}

static int run(size_t count)
{
	const char *letters = words[0];
	size_t argc = count > 6 ? (size_t)atoi(words[4]) : 0;
	if (argc == 0 || 6 + argc > count) {
		errno = EINVAL;
		fail("/.exo/job");
		return 125;
	}
	struct stream streams[3];
	for (int i = 0; i < 3; i++) {
		if (!is_framed(letters[i]))
			continue;
		open_stream(&streams[i], i);
		streams[i].pump = fork();
		if (streams[i].pump == 0) {
			for (int j = 0; j < i; j++)
				if (is_framed(letters[j]))
					close(streams[j].programs);
			close(streams[i].programs);
			if (i == 0)
				pump_input(streams[i].ours);
			pump_output(streams[i].ours, i == 1 ? FRAME_OUTPUT : FRAME_ERROR);
		}
		close(streams[i].ours);
	}
	pid_t program = fork();
	if (program == 0)
		start_program(letters, streams, argc);
	if (program < 0)
		fail("fork");
	for (int i = 0; i < 3; i++)
		if (is_framed(letters[i]))
			close(streams[i].programs);

	int status = 125 << 8, left = (letters[1] != 't') + (letters[2] != 't') + 1;
	while (left > 0) {
		int how;
		pid_t pid = wait(&how);
		if (pid < 0 && errno != EINTR)
			break;
		if (pid == program)
			status = how;
		if (pid == program || (letters[1] != 't' && pid == streams[1].pump) ||
		    (letters[2] != 't' && pid == streams[2].pump))
			left--;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(void)
{
	struct stat st;
	char text[16];
	mkdir("/proc", 0555);
	mkdir("/dev", 0755);
	if (stat("/proc/self", &st))
		mount("proc", "/proc", "proc", 0, NULL);
	if (stat("/dev/null", &st))
		mount("dev", "/dev", "devtmpfs", 0, NULL);
	console = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
	if (console < 0)
		console = 1;
	if (console < 10) {
		int moved = fcntl(console, F_DUPFD_CLOEXEC, 10);
		console = moved >= 0 ? moved : console;
	}
	pipe(turn);
	write_all(turn[1], "t", 1);
	send_frame(FRAME_STARTS, "", 0);
	if (fork() == 0) {
		setsid();
		ioctl(console, TIOCSCTTY, 0);
		signal(SIGTTOU, SIG_IGN);
		size_t count = read_job();
		if (count > 3)
			set_up_terminal(words[0]);
		int status = run(count);
		send_frame(FRAME_EXIT, text, (size_t)snprintf(text, sizeof(text), "%d", status));
		tcdrain(console);
		_exit(0);
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;
	reboot(RB_POWER_OFF);
	return 0;
}
