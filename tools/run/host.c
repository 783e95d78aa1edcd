/*
 * The outer end of `./exo run -- PROGRAM`: starts QEMU and gives what the program in it writes to our own standard output and error,
 * what comes at our standard input to the program, and its exit status to our caller.
 *
 *     host LOG QEMU ARGUMENTS...
 *
 * What is in no frame (the kernel's messages) goes to LOG, and to the terminal if that is where the program's output goes.
 */
#include "frames.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int to_guest = -1, log_file;
static bool has_begun, wants_input, input_ended, on_terminal;
static int exit_status = -1;

static void write_all(int fd, const void *data, size_t len)
{
	const char *at = data;
	while (len > 0) {
		ssize_t n = write(fd, at, len);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return;
		at += n;
		len -= (size_t)n;
	}
}

static void take_frame(const char *text, size_t len)
{
	static unsigned char data[CODED(FRAME_BYTES) + 64];
	size_t n = len > 1 && len <= sizeof(data) ? frame_decode(data, text + 1, len - 1) : 0;
	switch (text[0]) {
	case FRAME_STARTS: has_begun = true; break;
	case FRAME_OUTPUT: write_all(1, data, n); break;
	case FRAME_ERROR: write_all(2, data, n); break;
	case FRAME_WANTS: wants_input = true; break;
	case FRAME_EXIT: exit_status = atoi(text + 1); break;
	}
}

static void take_other(const char *text, size_t len)
{
	write_all(log_file, text, len);
	if (has_begun && on_terminal && exit_status < 0)
		write_all(1, text, len);
}

/* Frames and the rest are told apart over what was read so far; what may be the beginning of a frame waits. */
static void take(char *held, size_t *len)
{
	const size_t begin = sizeof(FRAME_BEGIN) - 1, end = sizeof(FRAME_END) - 1;
	size_t at = 0;
	while (at < *len) {
		char *escape = memchr(held + at, FRAME_BEGIN[0], *len - at);
		size_t plain = escape ? (size_t)(escape - held) - at : *len - at;
		if (plain)
			take_other(held + at, plain);
		at += plain;
		if (!escape)
			break;
		size_t left = *len - at, same = left < begin ? left : begin;
		if (memcmp(escape, FRAME_BEGIN, same) != 0) {
			take_other(escape, 1);
			at++;
			continue;
		}
		char *close =
		    left > begin ? memmem(escape + begin, left - begin, FRAME_END, end) : NULL;
		if (!close)
			break;
		*close = '\0';
		take_frame(escape + begin, (size_t)(close - escape) - begin);
		at = (size_t)(close - held) + end;
	}
	memmove(held, held + at, *len - at);
	*len -= at;
}

static void give_input(void)
{
	unsigned char data[INPUT_BYTES];
	char line[CODED(INPUT_BYTES) + 1];
	ssize_t n = read(0, data, sizeof(data));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	input_ended = n <= 0;
	size_t len = n > 0 ? frame_code(line, data, (size_t)n) : 0;
	line[len++] = '\n';
	write_all(to_guest, line, len);
	wants_input = false;
}

static pid_t start(char **argv, int *from_guest, bool terminal_input)
{
	int in[2], out[2];
	if (pipe(in) || pipe(out)) {
		perror("exo: pipe");
		exit(125);
	}
	pid_t pid = fork();
	if (pid == 0) {
		if (!terminal_input)
			dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(log_file, 2);
		close(in[0]);
		close(in[1]);
		close(out[0]);
		close(out[1]);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(125);
	}
	close(in[0]);
	close(out[1]);
	to_guest = in[1];
	*from_guest = out[0];
	return pid;
}

/* A machine that does not switch itself off after the program's end is ended. */
static void reap(pid_t pid)
{
	for (int i = 0; i < 100; i++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return;
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	}
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	static char held[1 << 16];
	size_t len = 0;
	int from_guest;
	struct termios modes;
	if (argc < 3)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	log_file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	bool terminal_input = isatty(0);
	bool has_modes = terminal_input && tcgetattr(0, &modes) == 0;
	on_terminal = isatty(1) || isatty(2);
	pid_t qemu = start(argv + 2, &from_guest, terminal_input);
	while (exit_status < 0) {
		struct pollfd fds[2] = {{.fd = from_guest, .events = POLLIN},
		    {.fd = wants_input && !input_ended ? 0 : -1, .events = POLLIN}};
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			give_input();
		if (!fds[0].revents)
			continue;
		ssize_t n = read(from_guest, held + len, sizeof(held) - len);
		if (n <= 0)
			break;
		len += (size_t)n;
		take(held, &len);
		if (len == sizeof(held)) { /* no frame is so long */
			take_other(held, len);
			len = 0;
		}
	}
	reap(qemu);
	if (has_modes)
		tcsetattr(0, TCSANOW, &modes);
	if (exit_status >= 0)
		return exit_status;
	fprintf(stderr, "exo: the machine ended before the program did; its messages are in %s\n",
	    argv[1]);
	return 125;
}
