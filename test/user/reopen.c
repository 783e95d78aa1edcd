/* What is open, opened again through /proc and /dev; and programs that nobody may write to while they run. */
#include "check.h"

#include <poll.h>
#include <sys/sysmacros.h>

/* /proc/self/fd/N. */
static const char *link_of(int fd)
{
	static char path[40];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

static int make_file(const char *path, const char *text)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), (long)strlen(text));
	return fd;
}

TEST(a_file_has_a_position_of_its_own)
{
	int fd = make_file("f", "abc");
	int again = open(link_of(fd), O_RDONLY);
	char c;
	CHECK_EQ(read(again, &c, 1), 1);
	CHECK_EQ(c, 'a');
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3);
	CHECK_ERR(open(link_of(99), O_RDONLY), ENOENT);
	CHECK_ERR(open(link_of(fd), O_RDONLY | O_NOFOLLOW), ELOOP);
	int directory = open(".", O_RDONLY);
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d/f", directory);
	CHECK(open(path, O_RDONLY) >= 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	CHECK(open(path, O_RDONLY) >= 0);
}

TEST(a_deleted_file_is_still_there)
{
	int fd = make_file("f", "abc");
	CHECK_OK(unlink("f"));
	char text[300], buf[4];
	ssize_t len = readlink(link_of(fd), text, sizeof(text) - 1);
	CHECK(len > 10);
	text[len] = '\0';
	CHECK(strcmp(text + len - 12, "/f (deleted)") == 0);
	int again = open(link_of(fd), O_RDWR);
	CHECK_EQ(read(again, buf, 4), 3);
	CHECK_EQ(pwrite(again, "X", 1, 0), 1);
	CHECK_EQ(pread(fd, buf, 1, 0), 1);
	CHECK_EQ(buf[0], 'X');
	struct stat st;
	CHECK_OK(stat(link_of(fd), &st));
	CHECK_EQ(st.st_nlink, 0);
	CHECK_OK(truncate(link_of(fd), 1));
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_size, 1);
}

TEST(a_pipe_is_the_same_pipe)
{
	int ends[2];
	CHECK_OK(pipe(ends));
	struct stat of_end, of_link;
	CHECK_OK(fstat(ends[0], &of_end));
	CHECK_OK(stat(link_of(ends[0]), &of_link));
	CHECK(S_ISFIFO(of_link.st_mode));
	CHECK_EQ(of_link.st_ino, of_end.st_ino);
	CHECK_EQ(of_link.st_dev, of_end.st_dev);
	CHECK_EQ(of_link.st_uid, geteuid());
	char text[64], want[64];
	int writer = open(link_of(ends[1]), O_WRONLY), reader = open(link_of(ends[1]), O_RDONLY);
	CHECK(writer >= 0 && reader >= 0);
	ssize_t len = readlink(link_of(writer), text, sizeof(text) - 1);
	CHECK(len > 0);
	text[len] = '\0';
	snprintf(want, sizeof(want), "pipe:[%lu]", (unsigned long)of_end.st_ino);
	CHECK(strcmp(text, want) == 0);
	CHECK_EQ(write(writer, "abc", 3), 3);
	CHECK_EQ(read(reader, text, 1), 1);
	CHECK_EQ(read(ends[0], text, 9), 2);
	CHECK_ERR(lseek(writer, 0, SEEK_CUR), ESPIPE);
	/* The end of the file comes when all writers are gone, however they were opened. */
	close(ends[1]);
	struct pollfd ask = {.fd = reader, .events = POLLIN};
	CHECK_EQ(poll(&ask, 1, 0), 0);
	close(writer);
	CHECK_EQ(poll(&ask, 1, 0), 1);
	CHECK_EQ(ask.revents, POLLHUP);
	CHECK_EQ(read(reader, text, 1), 0);
	CHECK_EQ(read(ends[0], text, 1), 0);
	/* A new writer waits for nobody: it is no FIFO. */
	CHECK((writer = open(link_of(ends[0]), O_WRONLY)) >= 0);
	CHECK_EQ(write(writer, "z", 1), 1);
	CHECK_EQ(read(ends[0], text, 9), 1);
	close(ends[0]);
	close(reader);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERR(write(writer, "z", 1), EPIPE);
}

TEST(the_standard_streams_are_files)
{
	int ends[2];
	CHECK_OK(pipe(ends));
	pid_t pid = forked();
	if (!pid) {
		dup2(ends[1], 1);
		dup2(ends[0], 0);
		int out = open("/dev/stdout", O_WRONLY), in = open("/dev/stdin", O_RDONLY);
		char c = 0;
		CHECK(out >= 0 && in >= 0);
		CHECK_EQ(write(out, "q", 1), 1);
		_exit(read(in, &c, 1) == 1 && c == 'q' ? 0 : 1);
	}
	CHECK_EQ(ended(pid), 0);
}

/* As a shell does for `> /dev/stdout`. */
TEST(nothing_is_made_where_something_is_open)
{
	int ends[2], file = open("file", O_RDWR | O_CREAT, 0600);
	struct stat st;
	char path[64], c = 0;
	CHECK_OK(pipe(ends));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
	int again = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	CHECK(again >= 0 && write(again, "r", 1) == 1 && read(ends[0], &c, 1) == 1 && c == 'r');
	CHECK(write(file, "content", 7) == 7 && unlink("file") == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	again = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
	CHECK(again >= 0 && fstat(file, &st) == 0);
	CHECK_EQ(st.st_size, 0);
	CHECK_ERR(open(path, O_RDWR | O_CREAT | O_EXCL, 0666), EEXIST);
	CHECK_ERR(open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0666), ELOOP);
	CHECK_ERR(access("file (deleted)", F_OK), ENOENT);
	CHECK_ERR(open("/proc/self/cwd", O_RDWR | O_CREAT, 0666), EISDIR);
}

TEST(another_user_may_not_reopen_a_pipe)
{
	if (geteuid())
		return;
	int ends[2];
	CHECK_OK(pipe(ends));
	int file = make_file("f", "x");
	CHECK_OK(fchmod(file, 0600));
	pid_t pid = forked();
	if (!pid) {
		CHECK_OK(setresgid(1000, 1000, 1000));
		CHECK_OK(setresuid(1000, 1000, 1000));
		/* A change of user hides a process's links; a new program shows them again. Here either says no. */
		CHECK_ERR(open(link_of(ends[1]), O_WRONLY), EACCES);
		CHECK_ERR(open(link_of(file), O_RDWR), EACCES);
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
}

TEST(a_fifo_whose_writers_leave_hangs_up)
{
	CHECK_OK(mkfifo("p", 0600));
	int both = open("p", O_RDWR), reader = open("p", O_RDONLY);
	CHECK(both >= 0 && reader >= 0);
	struct pollfd ask = {.fd = reader, .events = POLLIN};
	CHECK_EQ(poll(&ask, 1, 0), 0);
	close(both);
	CHECK_EQ(poll(&ask, 1, 0), 1);
	CHECK_EQ(ask.revents, POLLHUP);
}

static void copy_self(const char *to)
{
	int in = open("/proc/self/exe", O_RDONLY),
	    out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	static char buf[65536];
	ssize_t n;
	CHECK(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		CHECK_EQ(write(out, buf, (size_t)n), n);
	close(in);
	close(out);
}

/* As the program that is run: says that it lives, and waits for the end of its input. */
void check_as_program(int argc, char **argv, char **envp)
{
	char c;
	(void)envp;
	if (argc != 2 || strcmp(argv[1], "--live") != 0)
		return;
	if (write(1, "+", 1) != 1)
		_exit(1);
	while (read(0, &c, 1) > 0)
		;
	_exit(7);
}

/* The program "prog", running; *input ends it when closed. */
static pid_t run_program(int *input)
{
	int in[2], out[2];
	char c;
	CHECK_OK(pipe2(in, O_CLOEXEC));
	CHECK_OK(pipe2(out, O_CLOEXEC));
	pid_t pid = forked();
	if (!pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl("prog", "prog", "--live", NULL);
		_exit(errno);
	}
	close(in[0]);
	close(out[1]);
	CHECK_EQ(read(out[0], &c, 1), 1);
	close(out[0]);
	*input = in[1];
	return pid;
}

TEST(a_running_program_is_not_written)
{
	int input;
	copy_self("prog");
	pid_t pid = run_program(&input);
	CHECK_ERR(open("prog", O_WRONLY), ETXTBSY);
	CHECK_ERR(open("prog", O_RDWR), ETXTBSY);
	CHECK_ERR(open("prog", O_RDONLY | O_TRUNC), ETXTBSY);
	CHECK_ERR(open("prog", O_WRONLY | O_CREAT, 0644), ETXTBSY);
	CHECK_ERR(truncate("prog", 0), ETXTBSY);
	int fd = open("prog", O_RDONLY);
	CHECK(fd >= 0);
	CHECK_OK(chmod("prog", 0700));
	CHECK_OK(rename("prog", "other"));
	CHECK_OK(rename("other", "prog"));
	close(input);
	CHECK_EQ(ended(pid), 7);
	CHECK((fd = open("prog", O_WRONLY)) >= 0);
	close(fd);
	CHECK_OK(truncate("prog", 0));
}

TEST(a_program_open_for_writing_is_not_run)
{
	copy_self("prog");
	int fd = open("prog", O_WRONLY);
	pid_t pid = forked();
	if (!pid) {
		CHECK_ERR(execl("prog", "prog", "--live", NULL), ETXTBSY);
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
	close(fd);
	int input;
	pid = run_program(&input);
	close(input);
	CHECK_EQ(ended(pid), 7);
	/* A script too. */
	fd = make_file("script", "#!/bin/sh\nexit 3\n");
	CHECK_OK(fchmod(fd, 0755));
	CHECK_ERR(execl("script", "script", NULL), ETXTBSY);
	close(fd);
}

TEST(who_may_run_needs_not_read)
{
	if (geteuid())
		return;
	copy_self("prog");
	CHECK_OK(chmod("prog", 0711));
	CHECK_OK(chmod(".", 0755));
	CHECK_OK(chmod("..", 0755));
	pid_t pid = forked();
	if (!pid) {
		CHECK_OK(setresgid(1000, 1000, 1000));
		CHECK_OK(setresuid(1000, 1000, 1000));
		CHECK_ERR(open("prog", O_RDONLY), EACCES);
		close(0);
		open("/dev/null", O_RDONLY);
		execl("./prog", "prog", "--live", NULL);
		_exit(errno);
	}
	CHECK_EQ(ended(pid), 7);
}
