/* Users and groups, limits, nice values, scheduling. The cases that give root up run as root only. */
#include "check.h"

#include <grp.h>
#include <sched.h>
#include <stdint.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

TEST(uids)
{
	if (getuid())
		return;
	uid_t r, e, s;
	CHECK(setresuid(1000, 1001, 1002) == 0);
	CHECK(getresuid(&r, &e, &s) == 0 && r == 1000 && e == 1001 && s == 1002);
	CHECK(geteuid() == 1001 && getuid() == 1000);
	CHECK_ERR(setuid(0), EPERM);
	CHECK_ERR(setresuid(0, -1, -1), EPERM);
	CHECK(setresuid(-1, 1002, -1) == 0 && geteuid() == 1002);
	CHECK(setreuid(-1, 1000) == 0 && geteuid() == 1000);
	CHECK_ERR(setreuid(5, -1), EPERM);
	CHECK_ERR(setgroups(0, NULL), EPERM);
}

TEST(come_back)
{
	if (getuid())
		return;
	CHECK(seteuid(1000) == 0);
	CHECK(setfsuid((uid_t)-1) == 1000);
	CHECK_ERR(setgroups(0, NULL), EPERM); /* powers are gone with euid 0 */
	CHECK(seteuid(0) == 0 && setgroups(0, NULL) == 0);
	CHECK(setuid(1000) == 0);
	CHECK_ERR(seteuid(0), EPERM);
	CHECK_ERR(kill(getppid(), 0), EPERM);
}

TEST(gids)
{
	if (getuid())
		return;
	gid_t list[3] = {30, 10, 20}, back[3] = {0};
	CHECK(setgroups(3, list) == 0 && getgroups(0, NULL) == 3 && getgroups(3, back) == 3);
	CHECK_ERR(getgroups(2, back), EINVAL);
	CHECK_ERR(getgroups(-1, back), EINVAL);
	CHECK(back[0] + back[1] + back[2] == 60);
	CHECK(setresgid(5, 6, 7) == 0 && getgid() == 5 && getegid() == 6);
	CHECK(setregid(6, 5) == 0 && getgid() == 6 && getegid() == 5);
}

TEST(powers)
{
	uint32_t header[2] = {0, 0}, data[6];
	CHECK_ERR(syscall(SYS_capget, header, data), EINVAL);
	CHECK(header[0] == 0x20080522);
	CHECK(syscall(SYS_capget, header, data) == 0);
	if (getuid())
		return;
	CHECK(data[1] != 0);
	data[0] = data[1] = data[3] = data[4] = 0;
	CHECK(syscall(SYS_capset, header, data) == 0);
	data[1] = 1;
	CHECK_ERR(syscall(SYS_capset, header, data), EPERM);
	CHECK_ERR(setgroups(0, NULL), EPERM);
}

TEST(limits)
{
	struct rlimit limit, old;
	CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0 && old.rlim_cur <= old.rlim_max);
	limit = old;
	limit.rlim_cur = 64;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 64);
	limit.rlim_cur = limit.rlim_max = 64;
	CHECK(prlimit(getpid(), RLIMIT_NOFILE, &limit, &old) == 0 && old.rlim_cur == 64);
	limit.rlim_cur = 65;
	CHECK_ERR(setrlimit(RLIMIT_NOFILE, &limit), EINVAL);
	CHECK_ERR(getrlimit(77, &limit), EINVAL);
	CHECK_ERR(prlimit(0x7ffffff0, RLIMIT_NOFILE, NULL, &limit), ESRCH);
	CHECK_ERR(syscall(SYS_getrlimit, RLIMIT_NOFILE, 8), EFAULT);
	pid_t pid = fork();
	if (!pid)
		_exit(getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur != 64);
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	if (getuid() == 0) {
		CHECK(setuid(1000) == 0);
		limit.rlim_cur = limit.rlim_max = 128;
		CHECK_ERR(setrlimit(RLIMIT_NOFILE, &limit), EPERM);
	}
}

TEST(nice_values)
{
	errno = 0;
	CHECK(getpriority(PRIO_PROCESS, 0) == 0 && !errno);
	CHECK(setpriority(PRIO_PROCESS, 0, 5) == 0 && getpriority(PRIO_PROCESS, getpid()) == 5);
	CHECK(setpriority(PRIO_PROCESS, 0, 100) == 0 && getpriority(PRIO_PROCESS, 0) == 19);
	CHECK_ERR(getpriority(77, 0), EINVAL);
	CHECK_ERR(setpriority(PRIO_PROCESS, 0x7ffffff0, 0), ESRCH);
	if (getuid() == 0)
		CHECK(setuid(1000) == 0);
	CHECK_ERR(setpriority(PRIO_PROCESS, 0, 0), EACCES);
}

TEST(scheduling)
{
	struct sched_param param = {0};
	CHECK(syscall(SYS_sched_getscheduler, 0) == SCHED_OTHER);
	CHECK(syscall(SYS_sched_getparam, 0, &param) == 0 && param.sched_priority == 0);
	CHECK(sched_get_priority_max(SCHED_FIFO) == 99 && sched_get_priority_min(SCHED_RR) == 1);
	CHECK(sched_get_priority_max(SCHED_OTHER) == 0);
	CHECK(
	    sched_get_priority_max(6) == 0 && sched_get_priority_min(6) == 0); /* SCHED_DEADLINE */
	CHECK_ERR(sched_get_priority_max(77), EINVAL);
	param.sched_priority = 1;
	CHECK_ERR(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param), EINVAL);
	CHECK_ERR(syscall(SYS_sched_setscheduler, -1, SCHED_OTHER, &param), EINVAL);
	CHECK_ERR(syscall(SYS_sched_setscheduler, 0x7ffffff0, SCHED_FIFO, &param), ESRCH);
	param.sched_priority = 0;
	CHECK(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &param) == 0);
	CHECK(syscall(SYS_sched_getscheduler, 0) == SCHED_BATCH);
	cpu_set_t set;
	CHECK(sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) >= 1);
	int first = 0;
	while (!CPU_ISSET(first, &set))
		first++;
	CPU_ZERO(&set);
	CHECK_ERR(sched_setaffinity(0, sizeof(set), &set), EINVAL);
	CPU_SET(first, &set);
	CHECK(sched_setaffinity(0, sizeof(set), &set) == 0 && sched_getcpu() == first);
	CHECK_ERR(syscall(SYS_sched_getaffinity, 0, 1, &set), EINVAL);
	CHECK_ERR(sched_setaffinity(0x7ffffff0, sizeof(set), &set), ESRCH);
	CHECK(sched_yield() == 0);
	CHECK(syscall(SYS_membarrier, 0, 0, 0) > 0);
}

enum { AMBIENT_IS_SET = 1, AMBIENT_RAISE, AMBIENT_LOWER, AMBIENT_CLEAR_ALL };
enum { CAP_KILL_NUMBER = 5 };

TEST(ambient_powers_need_the_others)
{
	if (getuid())
		return;
	CHECK_ERR(prctl(PR_CAP_AMBIENT, 99, 0, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL, 1, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_CAP_AMBIENT, AMBIENT_IS_SET, 64, 0, 0), EINVAL);
	CHECK_ERR(prctl(PR_CAP_AMBIENT, AMBIENT_RAISE, CAP_KILL_NUMBER, 0, 0), EPERM);
	struct {
		uint32_t version;
		int pid;
	} header = {0x20080522, 0};
	struct {
		uint32_t effective, permitted, inheritable;
	} data[2];
	CHECK(syscall(SYS_capget, &header, data) == 0);
	data[0].inheritable |= 1u << CAP_KILL_NUMBER;
	CHECK(syscall(SYS_capset, &header, data) == 0);
	CHECK(prctl(PR_CAP_AMBIENT, AMBIENT_RAISE, CAP_KILL_NUMBER, 0, 0) == 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, AMBIENT_IS_SET, CAP_KILL_NUMBER, 0, 0), 1);
	CHECK(prctl(PR_CAP_AMBIENT, AMBIENT_LOWER, CAP_KILL_NUMBER, 0, 0) == 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, AMBIENT_IS_SET, CAP_KILL_NUMBER, 0, 0), 0);
}

TEST(securebits_stay_locked)
{
	if (getuid())
		return;
	enum { KEEP = 1 << 4, KEEP_LOCKED = 1 << 5 };
	CHECK(prctl(PR_SET_SECUREBITS, KEEP | KEEP_LOCKED, 0, 0, 0) == 0);
	CHECK_EQ(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0), KEEP | KEEP_LOCKED);
	CHECK_EQ(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0), 1);
	CHECK_ERR(prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0), EPERM);
	CHECK_ERR(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0), EPERM);
	CHECK_ERR(prctl(PR_SET_SECUREBITS, 1ul << 20, 0, 0, 0), EPERM);
}

/* access(2) asks what the real user could do by himself. */
TEST(access_counts_no_powers_of_a_mere_user)
{
	uint32_t header[2] = {0x20080522, 0}, data[6];
	if (getuid())
		return;
	int fd = open("secret", O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0 && !close(fd));
	CHECK_OK(access("secret", R_OK | W_OK));
	CHECK_OK(prctl(PR_SET_KEEPCAPS, 1));
	CHECK(setgid(1000) == 0 && setuid(1000) == 0);
	CHECK_ERR(open("secret", O_RDWR), EACCES);
	CHECK_OK(syscall(SYS_capget, header, data));
	data[0] = data[1];
	CHECK_OK(syscall(SYS_capset, header, data));
	CHECK_OK(fd = open("secret", O_RDWR));
	CHECK_ERR(access("secret", R_OK), EACCES);
	CHECK_OK(faccessat(AT_FDCWD, "secret", R_OK | W_OK, AT_EACCESS));
	CHECK_OK(access("secret", F_OK));
}
