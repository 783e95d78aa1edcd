/* Calls that do little, and signals. */
#include "bench.h"

#include <signal.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

void run_getpid(long n)
{
	OPS(n) call(SYS_getpid);
}
void run_unknown_call(long n)
{
	OPS(n) call(1000);
}
void run_brk_query(long n)
{
	OPS(n) call(SYS_brk, 0);
}
void run_sched_yield_alone(long n)
{
	OPS(n) call(SYS_sched_yield);
}
void run_clock_gettime_vdso(long n)
{
	struct timespec t;
	OPS(n) clock_gettime(CLOCK_MONOTONIC, &t);
}
void run_clock_gettime_raw(long n)
{
	struct timespec t;
	OPS(n) call(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
}
void run_uname(long n)
{
	struct utsname name;
	OPS(n) MUST(call(SYS_uname, &name));
}
void run_getrandom_16(long n)
{
	OPS(n) MUST(call(SYS_getrandom, buffer, 16, 0));
}

static volatile int handled;
static void on_signal(int signal)
{
	(void)signal;
	handled++;
}
void run_signal_self(long n)
{
	signal(SIGUSR1, on_signal);
	pid_t pid = getpid();
	handled = 0;
	OPS(n) call(SYS_kill, pid, SIGUSR1);
	is_broken |= handled != n;
}
void run_sigaction(long n)
{
	char action[32] = {0};
	OPS(n) MUST(call(SYS_rt_sigaction, SIGUSR2, action, NULL, 8));
}
static void on_segv(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	/* Past the faulting instruction, which is two bytes: movb %al,(%rdx). */
	((ucontext_t *)context)->uc_mcontext.gregs[16] += 2;
	handled++;
}
void run_segv_handler(long n)
{
	struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
	sigaction(SIGSEGV, &action, NULL);
	handled = 0;
	OPS(n) __asm__ volatile("movb %%al, (%%rdx)" ::"d"(protected), "a"(0) : "memory");
	is_broken |= handled != n;
	signal(SIGSEGV, SIG_DFL);
}
