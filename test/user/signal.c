/* Signals: delivery, masks, flags of handlers, siginfo, the alternate stack, waiting for them, restart. */
#include "check.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

static volatile sig_atomic_t got, count, order[16];
static siginfo_t last;

static void note(int signal)
{
	got = signal;
	if (count < 16)
		order[count] = signal;
	count++;
}

static void note_info(int signal, siginfo_t *info, void *context)
{
	(void)context;
	note(signal);
	last = *info;
}

static void catch (int signal, int flags, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = {.sa_flags = flags | SA_SIGINFO, .sa_sigaction = handler};
	sigemptyset(&action.sa_mask);
	CHECK(sigaction(signal, &action, NULL) == 0);
}

static void block(int how, int signal)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, signal);
	CHECK(sigprocmask(how, &set, NULL) == 0);
}

TEST(handler_runs)
{
	catch (SIGUSR1, 0, note_info);
	CHECK(kill(getpid(), SIGUSR1) == 0);
	CHECK(got == SIGUSR1 && count == 1);
	CHECK(last.si_code == SI_USER && last.si_pid == getpid() && last.si_uid == getuid());
	CHECK(raise(SIGUSR1) == 0 && count == 2 && last.si_code == SI_TKILL);
}

TEST(block_and_pending)
{
	sigset_t pending;
	catch (SIGUSR1, 0, note_info);
	block(SIG_BLOCK, SIGUSR1);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	CHECK(count == 0);
	CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) &&
	      !sigismember(&pending, SIGUSR2));
	block(SIG_UNBLOCK, SIGUSR1);
	CHECK(count == 1); /* a standard signal waits once */
}

TEST(real_time_queue)
{
	catch (SIGRTMIN, 0, note_info);
	catch (SIGRTMIN + 1, 0, note_info);
	sigset_t set, old;
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	union sigval value = {.sival_int = 7};
	CHECK(sigqueue(getpid(), SIGRTMIN + 1, value) == 0);
	for (int i = 0; i < 3; i++) {
		value.sival_int = i;
		CHECK(sigqueue(getpid(), SIGRTMIN, value) == 0);
	}
	siginfo_t info;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGRTMIN + 1);
	for (int i = 0; i < 3; i++) {
		CHECK(sigwaitinfo(&set, &info) == SIGRTMIN);
		CHECK(info.si_code == SI_QUEUE && info.si_value.sival_int == i &&
		      info.si_pid == getpid());
	}
	CHECK(sigwaitinfo(&set, &info) == SIGRTMIN + 1 && info.si_value.sival_int == 7);
	struct timespec zero = {0, 0};
	CHECK_ERR(sigtimedwait(&set, &info, &zero), EAGAIN);
	struct timespec bad = {0, 2000000000};
	CHECK_ERR(sigtimedwait(&set, &info, &bad), EINVAL);
}

static volatile sig_atomic_t depth, deepest;
static void nested(int signal, siginfo_t *info, void *context)
{
	note_info(signal, info, context);
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (count == 1)
		raise(signal);
	depth--;
}

TEST(nodefer_and_resethand)
{
	catch (SIGUSR1, 0, nested);
	raise(SIGUSR1);
	CHECK(count == 2 && deepest == 1); /* the second after the first */
	count = 0;
	catch (SIGUSR1, SA_NODEFER, nested);
	raise(SIGUSR1);
	CHECK(count == 2 && deepest == 2);
	catch (SIGUSR2, SA_RESETHAND, note_info);
	raise(SIGUSR2);
	struct sigaction now;
	CHECK(sigaction(SIGUSR2, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
}

TEST(mask_of_handler)
{
	struct sigaction action = {.sa_handler = note};
	sigemptyset(&action.sa_mask);
	CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
	block(SIG_BLOCK, SIGUSR1);
	block(SIG_BLOCK, SIGUSR2);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR2);
	raise(SIGUSR1);
	sigset_t none, old;
	sigemptyset(&none);
	CHECK_ERR(sigsuspend(&none), EINTR);
	CHECK(count == 2);
	sigprocmask(SIG_SETMASK, NULL, &old);
	CHECK(sigismember(&old, SIGUSR1) && sigismember(&old, SIGUSR2));
}

TEST(errors)
{
	struct sigaction action = {.sa_handler = note};
	CHECK_ERR(sigaction(SIGKILL, &action, NULL), EINVAL);
	CHECK_ERR(sigaction(SIGSTOP, &action, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, (void *)8, NULL, 8), EFAULT);
	CHECK_ERR(syscall(SYS_rt_sigprocmask, 77, &(uint64_t){0}, NULL, 8), EINVAL);
	CHECK(syscall(SYS_rt_sigprocmask, 77, NULL, NULL, 8) == 0);
	CHECK_ERR(kill(getpid(), 65), EINVAL);
	CHECK_ERR(kill(getpid(), -1), EINVAL);
	CHECK_ERR(kill(0x7ffffff0, 0), ESRCH);
	CHECK_ERR(kill((pid_t)0x80000000, 0), ESRCH);
	CHECK(kill(getpid(), 0) == 0);
	CHECK_ERR(syscall(SYS_tkill, 0, SIGUSR1), EINVAL);
	CHECK_ERR(syscall(SYS_tgkill, getpid(), 0x7ffffff0, 0), ESRCH);
	CHECK_ERR(syscall(SYS_tgkill, 0, getpid(), 0), EINVAL);
	siginfo_t info = {.si_code = SI_USER};
	CHECK_ERR(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR1, &info), EPERM);
}

static volatile sig_atomic_t on_stack;
static char *alternate;

static void look_at_stack(int signal, siginfo_t *info, void *context)
{
	char here;
	stack_t stack;
	(void)info, (void)context;
	sigaltstack(NULL, &stack);
	on_stack = &here >= alternate && &here < alternate + 65536 && stack.ss_flags == SS_ONSTACK;
	got = signal;
	stack.ss_flags = SS_DISABLE;
	errno = 0;
	if (sigaltstack(&stack, NULL) == 0 || errno != EPERM)
		on_stack = 0;
}

TEST(alternate_stack)
{
	alternate = malloc(65536);
	stack_t stack = {.ss_sp = alternate, .ss_size = 65536}, old;
	CHECK(sigaltstack(&stack, &old) == 0 && old.ss_flags == SS_DISABLE);
	catch (SIGUSR1, SA_ONSTACK, look_at_stack);
	raise(SIGUSR1);
	CHECK(got == SIGUSR1 && on_stack);
	stack.ss_size = 100;
	CHECK_ERR(sigaltstack(&stack, NULL), ENOMEM);
	stack.ss_flags = 55;
	CHECK_ERR(sigaltstack(&stack, NULL), EINVAL);
	stack.ss_flags = SS_DISABLE;
	CHECK(sigaltstack(&stack, NULL) == 0);
	CHECK(sigaltstack(NULL, &old) == 0 && old.ss_flags == SS_DISABLE);
}

static sigset_t mask_of_frame;
static void note_mask(int signal, siginfo_t *info, void *context)
{
	note_info(signal, info, context);
	mask_of_frame = ((ucontext_t *)context)->uc_sigmask;
}

/* The handler does not begin, so neither does its mask. */
TEST(a_frame_without_a_place_is_a_fault)
{
	char *hole = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_sp = hole, .ss_size = 65536};
	struct sigaction action = {.sa_handler = note, .sa_flags = SA_ONSTACK};
	sigset_t now;
	CHECK(hole != MAP_FAILED && sigaltstack(&stack, NULL) == 0);
	sigaddset(&action.sa_mask, SIGUSR2);
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	catch (SIGSEGV, 0, note_mask);
	block(SIG_BLOCK, SIGHUP);
	raise(SIGUSR1);
	CHECK(count == 1 && got == SIGSEGV && last.si_code == SI_KERNEL);
	CHECK(sigismember(&mask_of_frame, SIGHUP) && !sigismember(&mask_of_frame, SIGUSR2) &&
	      !sigismember(&mask_of_frame, SIGUSR1));
	CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGHUP) &&
	      !sigismember(&now, SIGUSR1) && !sigismember(&now, SIGSEGV));
}

static void raise_at_the_bottom(int signal, siginfo_t *info, void *context)
{
	note_info(signal, info, context);
	/* Not enough left for another frame. */
	__asm__ volatile(
	    "movq %%rsp, %%rbx\n\t"
	    "movq %0, %%rsp\n\t"
	    "syscall\n\t"
	    "movq %%rbx, %%rsp"
	    :
	    : "r"(alternate + 256), "a"((long)SYS_kill), "D"((long)getpid()), "S"((long)SIGUSR2)
	    : "rbx", "rcx", "r11", "memory");
}

/* Also a handler that did not ask for the alternate stack gets no frame below it, when another one runs there. */
TEST(a_frame_below_the_alternate_stack_kills)
{
	pid_t pid = fork();
	if (!pid) {
		/* What lies below could be written to. */
		char *all =
		    mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		alternate = all + (1 << 19);
		stack_t stack = {.ss_sp = alternate, .ss_size = 65536};
		CHECK(all != MAP_FAILED && sigaltstack(&stack, NULL) == 0);
		catch (SIGUSR1, SA_ONSTACK, raise_at_the_bottom);
		catch (SIGUSR2, 0, note_info);
		raise(SIGUSR1);
		_exit(0);
	}
	int status;
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* A null action and an action that cannot be read, in rt_sigaction's order of complaints. */
TEST(actions_that_are_refused)
{
	uint64_t action[4] = {0}, old[4];
	CHECK_ERR(syscall(SYS_rt_sigaction, 0, NULL, old, 8), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, 65, action, NULL, 8), EINVAL);
	CHECK_ERR(syscall(SYS_rt_sigaction, 65, 8, NULL, 8), EFAULT);
	CHECK_ERR(syscall(SYS_rt_sigaction, SIGKILL, action, NULL, 8), EINVAL);
	CHECK(syscall(SYS_rt_sigaction, SIGKILL, NULL, old, 8) == 0 && old[0] == 0);
	CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, action, NULL, 7), EINVAL);
	action[0] = (uintptr_t)note;
	CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, action, 8, 8), EFAULT);
	/* The new one is in force all the same. */
	CHECK(syscall(SYS_rt_sigaction, SIGUSR1, NULL, old, 8) == 0 && old[0] == action[0]);
	CHECK(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 8) == 0);
}

/* To everybody: those that one may not send to do not make it a failure. */
TEST(to_everybody_by_a_mere_user)
{
	pid_t pid = fork();
	if (!pid)
		_exit((geteuid() == 0 && setuid(65534)) || kill(-1, 0) != 0);
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static sigjmp_buf out;
static void escape(int signal, siginfo_t *info, void *context)
{
	note_info(signal, info, context);
	siglongjmp(out, 1);
}

TEST(faults)
{
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	catch (SIGSEGV, 0, escape);
	if (!sigsetjmp(out, 1))
		*(volatile char *)(page + 5) = 1;
	CHECK(got == SIGSEGV && last.si_code == SEGV_ACCERR && last.si_addr == page + 5);
	munmap(page, 4096);
	if (!sigsetjmp(out, 1))
		(void)*(volatile char *)(page + 9);
	CHECK(count == 2 && last.si_code == SEGV_MAPERR && last.si_addr == page + 9);
	catch (SIGFPE, 0, escape);
	volatile int zero = 0, one = 1;
	if (!sigsetjmp(out, 1))
		one = one / zero;
	CHECK(got == SIGFPE && last.si_code == FPE_INTDIV);
	catch (SIGILL, 0, escape);
	if (!sigsetjmp(out, 1))
		__asm__ volatile("ud2");
	CHECK(got == SIGILL);
	catch (SIGTRAP, 0, note_info);
	__asm__ volatile("int3");
	CHECK(got == SIGTRAP);
}

/* A fault whose signal is blocked or ignored kills all the same. */
TEST(blocked_fault_kills)
{
	for (int ignore = 0; ignore < 2; ignore++) {
		pid_t pid = fork();
		if (!pid) {
			if (ignore)
				signal(SIGSEGV, SIG_IGN);
			else
				block(SIG_BLOCK, SIGSEGV);
			*(volatile char *)(uintptr_t)strtol("16", NULL, 0) = 1;
			_exit(0);
		}
		int status;
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	}
}

static void change_result(int signal, siginfo_t *info, void *context)
{
	ucontext_t *user = context;
	(void)info;
	got = signal;
	user->uc_mcontext.gregs[REG_RBX] = 0x1234;
}

TEST(context_and_vectors)
{
	catch (SIGTRAP, 0, change_result);
	uint64_t rbx = 1;
	double before = 3.25, after;
	__asm__ volatile("movsd %2, %%xmm7\n\tint3\n\tmovsd %%xmm7, %1"
			 : "+b"(rbx), "=m"(after)
			 : "m"(before)
			 : "xmm7", "memory");
	CHECK(got == SIGTRAP && rbx == 0x1234 && after == before);
}

TEST(restart)
{
	int fds[2];
	char byte = 0;
	CHECK(pipe(fds) == 0);
	struct itimerval soon = {.it_value = {0, 30000}};
	catch (SIGALRM, 0, note_info);
	setitimer(ITIMER_REAL, &soon, NULL);
	CHECK_ERR(read(fds[0], &byte, 1), EINTR);
	/* With SA_RESTART the read goes on, until the child writes. */
	catch (SIGALRM, SA_RESTART, note_info);
	pid_t pid = fork();
	if (!pid) {
		usleep(150000);
		_exit(write(fds[1], "x", 1) != 1);
	}
	setitimer(ITIMER_REAL, &soon, NULL);
	count = 0;
	CHECK(read(fds[0], &byte, 1) == 1 && byte == 'x' && count == 1);
	/* Sleeping is never restarted after a handler. */
	struct timespec second = {1, 0}, left = {0, 0};
	setitimer(ITIMER_REAL, &soon, NULL);
	CHECK_ERR(nanosleep(&second, &left), EINTR);
	CHECK(left.tv_sec == 0 && left.tv_nsec > 500000000);
	setitimer(ITIMER_REAL, &soon, NULL);
	CHECK_ERR(pause(), EINTR);
	CHECK(waitpid(pid, NULL, 0) == pid);
}

/* A stop and continue in the middle of a sleep is not seen by the sleeper. */
TEST(sleep_survives_stop)
{
	pid_t pid = fork();
	if (!pid) {
		struct timespec start, end, time = {0, 200000000};
		clock_gettime(CLOCK_MONOTONIC, &start);
		int result = nanosleep(&time, NULL);
		clock_gettime(CLOCK_MONOTONIC, &end);
		long ns = (end.tv_sec - start.tv_sec) * 1000000000l + end.tv_nsec - start.tv_nsec;
		_exit(result != 0 || ns < 200000000);
	}
	usleep(30000);
	int status;
	kill(pid, SIGSTOP);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	kill(pid, SIGCONT);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

TEST(ignored_and_inherited)
{
	signal(SIGUSR1, SIG_IGN);
	CHECK(raise(SIGUSR1) == 0);
	block(SIG_BLOCK, SIGUSR2);
	pid_t pid = fork();
	if (!pid) {
		struct sigaction action;
		sigset_t mask, pending;
		sigaction(SIGUSR1, NULL, &action);
		sigprocmask(SIG_SETMASK, NULL, &mask);
		sigpending(&pending);
		_exit(!(action.sa_handler == SIG_IGN && sigismember(&mask, SIGUSR2) &&
			!sigismember(&pending, SIGUSR2)));
	}
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	/* Pending and then ignored: gone. */
	raise(SIGUSR2);
	signal(SIGUSR2, SIG_IGN);
	sigset_t pending;
	sigpending(&pending);
	CHECK(!sigismember(&pending, SIGUSR2));
}

TEST(default_actions)
{
	static const int deadly[] = {SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1,
	    SIGVTALRM, SIGPROF, SIGIO, SIGPWR};
	static const int harmless[] = {SIGCHLD, SIGURG, SIGWINCH, SIGCONT};
	int status;
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		pid_t pid = fork();
		if (!pid)
			for (;;)
				pause();
		kill(pid, deadly[i]);
		CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
		      WTERMSIG(status) == deadly[i]);
	}
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		CHECK(raise(harmless[i]) == 0);
}

TEST(kill_busy_child)
{
	pid_t pid = fork();
	if (!pid)
		for (;;)
			;
	int status;
	usleep(20000);
	CHECK(kill(pid, SIGTERM) == 0);
	CHECK(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGTERM);
}

TEST(storm)
{
	catch (SIGUSR1, 0, note_info);
	pid_t parent = getpid(), pid = fork();
	if (!pid) {
		for (int i = 0; i < 2000; i++)
			kill(parent, SIGUSR1);
		_exit(0);
	}
	int status;
	while (waitpid(pid, &status, 0) < 0)
		CHECK(errno == EINTR);
	CHECK(status == 0 && count >= 1 && count <= 2000);
}
