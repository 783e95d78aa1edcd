/* Signals of a process whose threads take them in turn: none is lost, none comes twice, whoever blocks what. */
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <ucontext.h>

enum { THREADS = 3, SENT = 3000 };

static atomic_int taken, sum;
static atomic_bool is_over;

static sigset_t set_of(int signal)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, signal);
	return set;
}

static void take(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	taken++;
	sum += info->si_value.sival_int;
}

static void catch (int signal, int flags, int blocks, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = {.sa_flags = flags | SA_SIGINFO, .sa_sigaction = handler};
	if (blocks)
		sigaddset(&action.sa_mask, blocks);
	CHECK(sigaction(signal, &action, NULL) == 0);
}

static void *change_mask(void *arg)
{
	sigset_t set = set_of(SIGRTMIN);
	(void)arg;
	while (!is_over) {
		CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
		sched_yield();
		CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
	}
	return NULL;
}

/* What waits for all is looked at again whenever a thread blocks it, by a call or because its handler begins. */
TEST(queued_signals_come_once_each)
{
	pthread_t threads[THREADS];
	sigset_t set = set_of(SIGRTMIN);
	catch (SIGRTMIN, SA_RESTART, 0, take);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, change_mask, NULL) == 0);
	CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
	for (int i = 1; i <= SENT; i++)
		while (sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i % 7})) {
			CHECK(errno == EAGAIN);
			usleep(1000);
		}
	/* The others take them all. */
	while (taken < SENT)
		usleep(1000);
	is_over = true;
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	int expected = 0;
	for (int i = 1; i <= SENT; i++)
		expected += i % 7;
	CHECK_EQ(taken, SENT);
	CHECK_EQ(sum, expected);
}

static pthread_t busy;
static atomic_bool is_inside, may_leave, was_taken_elsewhere;

static void stay(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)info, (void)context;
	is_inside = true;
	while (!may_leave)
		sched_yield();
}

static void note_thread(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)info, (void)context;
	was_taken_elsewhere = !pthread_equal(pthread_self(), busy);
	may_leave = true;
}

static void *wait_inside(void *arg)
{
	(void)arg;
	while (!may_leave)
		sched_yield();
	return NULL;
}

/* One thread is in a handler that blocks the signal; another one takes it. */
TEST(a_handlers_mask_is_its_threads_own)
{
	catch (SIGUSR1, 0, SIGUSR2, stay);
	catch (SIGUSR2, 0, 0, note_thread);
	CHECK(pthread_create(&busy, NULL, wait_inside, NULL) == 0);
	CHECK(pthread_kill(busy, SIGUSR1) == 0);
	while (!is_inside)
		sched_yield();
	pid_t pid = fork();
	if (!pid)
		_exit(kill(getppid(), SIGUSR2) != 0);
	while (!may_leave)
		usleep(1000);
	CHECK(pthread_join(busy, NULL) == 0 && was_taken_elsewhere);
	CHECK(waitpid(pid, NULL, 0) == pid);
}

static sigset_t of_frame;
static void note_mask(int signal, siginfo_t *info, void *context)
{
	sigset_t now;
	(void)signal, (void)info;
	of_frame = ((ucontext_t *)context)->uc_sigmask;
	CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0);
	/* The mask of the call, the handler's, and the signal. */
	was_taken_elsewhere = sigismember(&now, SIGHUP) && sigismember(&now, SIGALRM) &&
			      sigismember(&now, SIGUSR1) && !sigismember(&now, SIGUSR2);
}

/* The handler runs with the mask of sigsuspend and comes back to the one before. */
TEST(sigsuspend_changes_masks)
{
	sigset_t before = set_of(SIGUSR1), meanwhile = set_of(SIGHUP), now;
	sigaddset(&before, SIGUSR2);
	catch (SIGUSR1, 0, SIGALRM, note_mask);
	CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
	raise(SIGUSR1);
	CHECK_ERR(sigsuspend(&meanwhile), EINTR);
	CHECK(was_taken_elsewhere);
	CHECK(sigismember(&of_frame, SIGUSR1) && sigismember(&of_frame, SIGUSR2) &&
	      !sigismember(&of_frame, SIGHUP));
	CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1) &&
	      sigismember(&now, SIGUSR2) && !sigismember(&now, SIGHUP) &&
	      !sigismember(&now, SIGALRM));
}

static __attribute__((noreturn)) void *pause_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
}

/* The signal tells the threads that there are; one that is just being made must hear of it, too. */
TEST(a_thread_made_while_its_process_is_killed_ends)
{
	enum { ROUNDS = 150, THREADS_MAX = 60 };
	for (int round = 0; round < ROUNDS; round++) {
		pthread_t thread;
		pid_t pid = forked();
		if (pid == 0) {
			for (int i = 0; i < THREADS_MAX; i++)
				pthread_create(&thread, NULL, pause_for_ever, NULL);
			pause_for_ever(NULL);
		}
		struct timespec moment = {0, 100000 + round * 7919 % 2000 * 1000};
		nanosleep(&moment, NULL);
		CHECK_OK(kill(pid, SIGKILL));
		alarm(30);
		CHECK_EQ(ended(pid), -1 - SIGKILL);
	}
}
