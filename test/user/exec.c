/* execve: what a program gets, scripts, files that are none, the limits on arguments. Run with "exec-ARG" first it is the program. */
#include "check.h"

#include <elf.h>
#include <sys/auxv.h>
#include <sys/resource.h>

static const char *self_path(void)
{
	static char path[256];
	if (!path[0]) {
		ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
		if (n <= 0)
			strcpy(path, "/tests/exec");
	}
	return path;
}

/* What this program does when a case runs it. */
void check_as_program(int argc, char **argv, char **envp)
{
	if (argc < 2 || strncmp(argv[1], "exec-", 5) != 0)
		return;
	const char *what = argv[1] + 5;
	if (strcmp(what, "count") == 0)
		_exit(argc & 127);
	if (strcmp(what, "env") == 0)
		_exit(envp[0] && strcmp(envp[0], "A=1") == 0 && envp[1] &&
			      strcmp(envp[1], "B=") == 0 && !envp[2]
			  ? 5
			  : 1);
	if (strcmp(what, "fds") == 0)
		_exit(fcntl(60, F_GETFD) == 0 && fcntl(61, F_GETFD) == -1 ? 6 : 1);
	if (strcmp(what, "signals") == 0) {
		struct sigaction handled, ignored;
		sigset_t mask;
		sigaction(SIGUSR1, NULL, &handled);
		sigaction(SIGUSR2, NULL, &ignored);
		sigprocmask(SIG_BLOCK, NULL, &mask);
		_exit(handled.sa_handler == SIG_DFL && ignored.sa_handler == SIG_IGN &&
			      sigismember(&mask, SIGHUP) == 1
			  ? 7
			  : 1);
	}
	if (strcmp(what, "auxv") == 0) {
		if (getauxval(AT_PAGESZ) != 4096 || !getauxval(AT_RANDOM) || !getauxval(AT_PHDR) ||
		    !getauxval(AT_ENTRY))
			_exit(1);
		if (getauxval(AT_UID) != getuid() || getauxval(AT_SECURE) != 0 ||
		    !getauxval(AT_EXECFN))
			_exit(2);
		_exit(((uintptr_t)argv & 7) == 0 ? 8 : 3);
	}
	if (strcmp(what, "name") == 0)
		_exit((int)strlen(argv[0]));
	_exit(99);
}

static int run(const char *path, char *const argv[], char *const envp[])
{
	pid_t pid = forked();
	if (pid == 0) {
		execve(path, argv, envp);
		_exit(errno == ENOENT ? 127 : 126);
	}
	return ended(pid);
}

#define RUN(...) run(self_path(), (char *[]){__VA_ARGS__, NULL}, (char *[]){NULL})

TEST(arguments_and_environment)
{
	CHECK_EQ(RUN("x", "exec-count"), 2);
	CHECK_EQ(RUN("x", "exec-count", "", "a", "b b"), 5);
	CHECK_EQ(RUN("name-of-17-bytes.", "exec-name"), 17);
	CHECK_EQ(
	    run(self_path(), (char *[]){"x", "exec-env", NULL}, (char *[]){"A=1", "B=", NULL}), 5);
	CHECK_EQ(RUN("x", "exec-auxv"), 8);
}

TEST(descriptors_close_on_exec)
{
	int fd = open("/dev/null", O_RDONLY);
	CHECK_EQ(dup2(fd, 60), 60);
	CHECK_EQ(dup3(fd, 61, O_CLOEXEC), 61);
	CHECK_EQ(RUN("x", "exec-fds"), 6);
}

static void handler(int signal)
{
	(void)signal;
}

TEST(signals_across_exec)
{
	sigset_t mask;
	signal(SIGUSR1, handler);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	CHECK_EQ(RUN("x", "exec-signals"), 7);
}

static void put(const char *name, const void *data, size_t len, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, data, len), (ssize_t)len);
	CHECK_OK(fchmod(fd, mode));
	close(fd);
}

static int exec_errno(const char *path)
{
	char *argv[] = {"x", NULL}, *envp[] = {NULL};
	execve(path, argv, envp);
	return errno;
}

TEST(what_cannot_be_run)
{
	CHECK_EQ(exec_errno("none"), ENOENT);
	CHECK_EQ(exec_errno(""), ENOENT);
	CHECK_EQ(exec_errno("."), EACCES);
	CHECK_EQ(exec_errno("/dev/null"), EACCES);
	put("plain", "text", 4, 0644);
	CHECK_EQ(exec_errno("plain"), EACCES);
	put("text", "just text\n", 10, 0755);
	CHECK_EQ(exec_errno("text"), ENOEXEC);
	put("empty", "", 0, 0755);
	CHECK_EQ(exec_errno("empty"), ENOEXEC);
	put("short", "\177ELF", 4, 0755);
	CHECK_EQ(exec_errno("short"), ENOEXEC);
	CHECK_EQ(exec_errno("plain/x"), ENOTDIR);
	CHECK_ERR(syscall(SYS_execve, 8, NULL, NULL), EFAULT);
	CHECK_ERR(syscall(SYS_execve, self_path(), 8, NULL), EFAULT);
}

TEST(scripts)
{
	char text[400];
	int len = snprintf(text, sizeof(text), "#!%s exec-count\n", self_path());
	put("s", text, (size_t)len, 0755);
	CHECK_EQ(run("./s", (char *[]){"x", "a", "b", NULL}, (char *[]){NULL}),
	    5); /* interpreter, word, script, a, b */
	len = snprintf(text, sizeof(text), "#! ./s\n");
	put("t", text, (size_t)len, 0755);
	CHECK_EQ(run("./t", (char *[]){"x", NULL}, (char *[]){NULL}), 4);
	put("u", "#!/no/such/interpreter\n", 23, 0755);
	CHECK_EQ(exec_errno("./u"), ENOENT);
	put("v", "#!\n", 3, 0755);
	CHECK_EQ(exec_errno("./v"), ENOEXEC);
	put("loop", "#!./loop\n", 9, 0755);
	CHECK_EQ(exec_errno("./loop"), ELOOP);
}

TEST(limits_on_arguments)
{
	static char word[140000];
	memset(word, 'a', sizeof(word));
	word[131071] = '\0'; /* 128 KiB with its end: the longest */
	CHECK_EQ(RUN("x", "exec-count", word), 3);
	word[131071] = 'a';
	word[131072] = '\0';
	char *argv[] = {"x", "exec-count", word, NULL}, *envp[] = {NULL};
	CHECK_ERR(execve(self_path(), argv, envp), E2BIG);
	static char *many[70];
	word[100000] = '\0';
	many[0] = "x";
	many[1] = "exec-count";
	for (int i = 2; i < 69; i++)
		many[i] = word; /* 6.7 MB */
	CHECK_ERR(execve(self_path(), many, envp), E2BIG);
	static char *empty[20001];
	empty[0] = "x";
	empty[1] = "exec-count";
	for (int i = 2; i < 20000; i++)
		empty[i] = "";
	CHECK_EQ(run(self_path(), empty, envp), 20000 & 127);
}

TEST(damaged_headers_are_refused_or_run)
{
	static unsigned char image[4096];
	int fd = open(self_path(), O_RDONLY);
	CHECK_EQ(read(fd, image, sizeof(image)), (ssize_t)sizeof(image));
	Elf64_Ehdr *header = (void *)image, good = *header;
	header->e_machine = EM_ARM;
	put("d", image, sizeof(image), 0755);
	CHECK_EQ(exec_errno("./d"), ENOEXEC);
	*header = good;
	header->e_type = ET_REL;
	put("d", image, sizeof(image), 0755);
	CHECK_EQ(exec_errno("./d"), ENOEXEC);
	*header = good;
	header->e_phentsize = 7;
	put("d", image, sizeof(image), 0755);
	CHECK_EQ(exec_errno("./d"), ENOEXEC);
	*header = good;
	header->e_phnum = 0;
	put("d", image, sizeof(image), 0755);
	CHECK_EQ(exec_errno("./d"), ENOEXEC);
	*header = good;
	header->e_phoff = (Elf64_Off)-64;
	put("d", image, sizeof(image), 0755);
	char *argv[] = {"x", NULL}, *envp[] = {NULL};
	CHECK(run("./d", argv, envp) != 0);
}

TEST(a_program_that_runs_is_not_written)
{
	char command[600];
	snprintf(command, sizeof(command), "%s", self_path());
	CHECK_ERR(open(command, O_WRONLY), ETXTBSY);
}

TEST(execveat_by_descriptor)
{
	int fd = open(self_path(), O_RDONLY | O_CLOEXEC);
	char *argv[] = {"x", "exec-count", NULL}, *envp[] = {NULL};
	pid_t pid = forked();
	if (pid == 0) {
		NEEDS(syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH));
		_exit(1);
	}
	int status = ended(pid);
	if (status == CASE_SKIPPED)
		_exit(CASE_SKIPPED);
	CHECK_EQ(status, 2);
}
