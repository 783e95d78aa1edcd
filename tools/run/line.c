/*
 * A serial line for `./exo run` when no terminal is at its input: starts QEMU and passes what comes at our standard input to it, from the
 * moment on at which the machine has said its first word. Before that its serial port is not set up, and setting it up loses what is just
 * coming in.
 *
 *     line QEMU ARGUMENTS...
 *
 * Ends as QEMU does.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What was read and not yet written on. */
struct buffer {
	int from, to;
	bool has_ended;  /* nothing more comes */
	bool is_refused; /* nothing more is wanted */
	size_t len;
	char data[4096];
};

static bool is_interrupted(void)
{
	return errno == EINTR || errno == EAGAIN;
}

static void fill(struct buffer *b)
{
	ssize_t n = read(b->from, b->data, sizeof(b->data));
	if (n > 0)
		b->len = (size_t)n;
	else if (n == 0 || !is_interrupted())
		b->has_ended = true;
}

static void drain(struct buffer *b)
{
	ssize_t n = write(b->to, b->data, b->len);
	if (n < 0) {
		if (!is_interrupted()) {
			b->has_ended = b->is_refused = true;
			b->len = 0;
		}
		return;
	}
	b->len -= (size_t)n;
	memmove(b->data, b->data + n, b->len);
}

static struct pollfd interest(const struct buffer *b)
{
	if (b->len > 0)
		return (struct pollfd){.fd = b->to, .events = POLLOUT};
	return (struct pollfd){.fd = b->has_ended ? -1 : b->from, .events = POLLIN};
}

static void pass(struct buffer *b, const struct pollfd *ready)
{
	if (!ready->revents)
		return;
	if (b->len > 0)
		drain(b);
	else
		fill(b);
}

static pid_t start(char **argv, int *to_guest, int *from_guest)
{
	int in[2], out[2];
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) {
		perror("exo: pipe");
		exit(125);
	}
	pid_t pid = fork();
	if (pid < 0) {
		perror("exo: fork");
		exit(125);
	}
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(125);
	}
	close(in[0]);
	close(out[1]);
	*to_guest = in[1];
	*from_guest = out[0];
	fcntl(*to_guest, F_SETFL, O_NONBLOCK); /* neither side may wait for the other's reading */
	return pid;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	static struct buffer input = {.from = 0}, output = {.to = 1};
	pid_t qemu = start(argv + 1, &input.to, &output.from);
	bool has_spoken = false;
	while (!output.has_ended || output.len > 0) {
		struct pollfd fds[2] = {interest(&output), {.fd = -1}};
		if (has_spoken)
			fds[1] = interest(&input);
		if (poll(fds, 2, -1) < 0)
			continue;
		pass(&output, &fds[0]);
		has_spoken = has_spoken || output.len > 0;
		if (has_spoken)
			pass(&input, &fds[1]);
	}
	if (output.is_refused)
		kill(qemu, SIGTERM);
	int status;
	while (waitpid(qemu, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
