/* Other rights in user mode than most have: I/O ports, and the time-stamp counter. */
#include "check.h"

#include <sys/io.h>
#include <sys/prctl.h>
#include <x86intrin.h>

#define DELAY_PORT 0x80 /* of power-on self-tests: reading and writing it does nothing */
#define LAST_PORT  0xffff

static int end_of_read(unsigned short port)
{
	pid_t pid = forked();
	if (!pid) {
		inb(port);
		_exit(0);
	}
	return ended(pid);
}

/* Not where this machine withholds the right even from root. */
static bool may_have_ports(void)
{
	errno = 0;
	return !ioperm(DELAY_PORT, 1, 1) || errno != EPERM;
}

TEST(ports_are_forbidden_at_first)
{
	CHECK_EQ(end_of_read(DELAY_PORT), -1 - SIGSEGV);
}

TEST(ioperm_allows_single_ports_and_children_inherit_them)
{
	NEEDS(ioperm(DELAY_PORT, 1, 0));
	if (!may_have_ports())
		return;
	CHECK_OK(ioperm(DELAY_PORT, 1, 1));
	CHECK_EQ(end_of_read(DELAY_PORT), 0);
	CHECK_EQ(end_of_read(DELAY_PORT + 1), -1 - SIGSEGV);
	CHECK_OK(ioperm(LAST_PORT, 1, 1));
	CHECK_EQ(end_of_read(LAST_PORT), 0);
	CHECK_OK(ioperm(DELAY_PORT, 1, 0));
	CHECK_EQ(end_of_read(DELAY_PORT), -1 - SIGSEGV);
	CHECK_EQ(end_of_read(LAST_PORT), 0);
}

TEST(what_is_allowed_to_one_process_is_forbidden_to_another)
{
	NEEDS(ioperm(DELAY_PORT, 1, 0));
	if (!may_have_ports())
		return;
	CHECK_OK(ioperm(DELAY_PORT, 1, 0));
	pid_t pid = forked();
	if (!pid) {
		CHECK_OK(ioperm(DELAY_PORT, 1, 1));
		for (int i = 0; i < 300; i++) {
			inb(DELAY_PORT);
			sched_yield();
		}
		_exit(0);
	}
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(end_of_read(DELAY_PORT), -1 - SIGSEGV);
		sched_yield();
	}
	CHECK_EQ(ended(pid), 0);
}

TEST(iopl_allows_all_ports_at_level_three)
{
	NEEDS(ioperm(DELAY_PORT, 1, 0));
	if (!may_have_ports())
		return;
	CHECK_OK(iopl(2));
	CHECK_EQ(end_of_read(DELAY_PORT + 1), -1 - SIGSEGV);
	CHECK_OK(iopl(3));
	CHECK_EQ(end_of_read(DELAY_PORT + 1), 0);
	CHECK_EQ(end_of_read(LAST_PORT), 0);
	CHECK_OK(iopl(0));
	CHECK_EQ(end_of_read(DELAY_PORT + 1), -1 - SIGSEGV);
}

TEST(ports_refuse_what_there_is_not_and_who_may_not)
{
	NEEDS(ioperm(DELAY_PORT, 1, 0));
	CHECK_ERR(ioperm(LAST_PORT, 2, 1), EINVAL);
	CHECK_ERR(ioperm(1, (unsigned long)-1, 1), EINVAL);
	CHECK_ERR(ioperm(0, 0, 1), EINVAL);
	CHECK_ERR(iopl(4), EINVAL);
	CHECK_OK(setuid(1000));
	CHECK_ERR(ioperm(DELAY_PORT, 1, 1), EPERM);
	CHECK_OK(ioperm(DELAY_PORT, 1, 0));
	CHECK_ERR(iopl(3), EPERM);
	CHECK_OK(iopl(0));
}

TEST(the_time_stamp_counter_can_be_forbidden)
{
	int state = 0;
	CHECK_OK(prctl(PR_GET_TSC, &state));
	CHECK_EQ(state, PR_TSC_ENABLE);
	CHECK_ERR(prctl(PR_SET_TSC, 3), EINVAL);
	for (int round = 0; round < 2; round++) {
		pid_t pid = forked();
		if (!pid) {
			if (round) {
				CHECK_OK(prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
				CHECK_OK(prctl(PR_GET_TSC, &state));
				CHECK_EQ(state, PR_TSC_SIGSEGV);
				sched_yield();
				pid = forked(); /* inherited */
				if (!pid)
					_exit((int)__rdtsc() & 0);
				CHECK_EQ(ended(pid), -1 - SIGSEGV);
				CHECK_OK(prctl(PR_SET_TSC, PR_TSC_ENABLE));
			}
			_exit((int)__rdtsc() & 0);
		}
		CHECK_EQ(ended(pid), 0);
	}
}
