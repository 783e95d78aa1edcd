/* clone(2) beyond what fork, vfork and pthread_create ask of it. */
#include "check.h"

#include <sched.h>

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static char stacks[2][32768] __attribute__((aligned(16)));

static void *stack_of(int index)
{
	return stacks[index] + sizeof(stacks[index]);
}

static int end_at_once(void *arg)
{
	(void)arg;
	return 0;
}

static volatile int steps;

static int end_later(void *arg)
{
	(void)arg;
	sleep_ms(30);
	steps++;
	return 0;
}

/* Otherwise a child could send its parent's parent any signal. */
TEST(a_siblings_end_is_told_as_its_makers)
{
	int made[2];
	CHECK_OK(pipe(made));
	signal(SIGUSR1, SIG_DFL);
	pid_t maker = forked();
	if (maker == 0) {
		pid_t sibling = clone(end_at_once, stack_of(0), CLONE_PARENT | SIGUSR1, NULL);
		CHECK_EQ(write(made[1], &sibling, sizeof(sibling)), sizeof(sibling));
		_exit(sibling < 0);
	}
	pid_t sibling;
	CHECK_EQ(read(made[0], &sibling, sizeof(sibling)), sizeof(sibling));
	CHECK_EQ(ended(maker), 0);
	CHECK_EQ(ended(sibling), 0); /* not a clone child: its end is told by SIGCHLD */
}

TEST(vfork_of_a_thread_waits_for_its_end)
{
	steps = 0;
	CHECK(clone(end_later, stack_of(0), THREAD | CLONE_VFORK, NULL) > 0);
	CHECK_EQ(steps, 1);
	CHECK(clone(end_later, stack_of(0), THREAD | CLONE_VFORK, NULL) > 0);
	CHECK_EQ(steps, 2);
}

static int make_thread_by_vfork(void *arg)
{
	(void)arg;
	return clone(end_later, stack_of(1), THREAD | CLONE_VFORK, NULL) > 0 ? 0 : 1;
}

/* Somebody waits for the process and somebody for its thread: neither is forgotten. */
TEST(vforks_nest)
{
	steps = 0;
	pid_t pid =
	    clone(make_thread_by_vfork, stack_of(0), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	CHECK(pid > 0);
	CHECK_EQ(steps, 1);
	CHECK_EQ(ended(pid), 0);
}
