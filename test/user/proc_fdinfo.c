/* /proc/PID/fdinfo and /proc/locks: what they say of descriptors, compared with what calls say. */
#include "proc.h"

#include <dirent.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>

static void read_info(int fd)
{
	char name[64];
	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	read_all(name);
}

static unsigned long octal_of(const char *key)
{
	const char *value = value_of(key);
	CHECK_EQ(*value, '0');
	return strtoul(value, NULL, 8);
}

TEST(fdinfo_of_a_file)
{
	struct stat stat;
	int fd = open("file", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && !fstat(fd, &stat));
	CHECK_EQ(write(fd, "12345", 5), 5);
	read_info(fd);
	CHECK(strncmp(text, "pos:\t5\nflags:\t0", 15) == 0);
	CHECK_EQ(octal_of("flags:"), (unsigned long)fcntl(fd, F_GETFL) | O_CLOEXEC);
	CHECK_EQ(strtoul(value_of("ino:"), NULL, 10), stat.st_ino);
	/* Its mount is one that mountinfo knows. */
	char line[32];
	snprintf(line, sizeof(line), "%ld ", number_of("mnt_id:"));
	read_all("/proc/self/mountinfo");
	value_of(line);
	CHECK_OK(fcntl(fd, F_SETFD, 0));
	CHECK_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	CHECK_EQ(lseek(fd, 2, SEEK_SET), 2);
	read_info(fd);
	CHECK_EQ(number_of("pos:"), 2);
	CHECK_EQ(octal_of("flags:"), (unsigned long)fcntl(fd, F_GETFL));
	int pipe_ends[2];
	CHECK_OK(pipe(pipe_ends));
	CHECK_OK(fstat(pipe_ends[1], &stat));
	read_info(pipe_ends[1]);
	CHECK(number_of("pos:") == 0 && octal_of("flags:") == O_WRONLY);
	CHECK_EQ(strtoul(value_of("ino:"), NULL, 10), stat.st_ino);
}

static const char *link_of(int fd)
{
	char name[64];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return target_of(name);
}

TEST(fdinfo_of_events)
{
	int one = eventfd(5, EFD_SEMAPHORE), other = eventfd(0x1f, 0);
	CHECK(strcmp(link_of(one), "anon_inode:[eventfd]") == 0);
	read_info(one);
	CHECK(strstr(text, "\neventfd-count:                5\neventfd-id: "));
	long id = number_of("eventfd-id:");
	CHECK_EQ(number_of("eventfd-semaphore:"), 1);
	read_info(other);
	CHECK(strstr(text, "\neventfd-count:               1f\n"));
	CHECK(number_of("eventfd-id:") != id);
	CHECK_EQ(number_of("eventfd-semaphore:"), 0);
}

TEST(fdinfo_of_timers)
{
	long seconds, nanoseconds;
	int fd = timerfd_create(CLOCK_BOOTTIME, 0);
	CHECK(strcmp(link_of(fd), "anon_inode:[timerfd]") == 0);
	read_info(fd);
	CHECK(strstr(text, "\nclockid: 7\nticks: 0\nsettime flags: 00\nit_value: (0, 0)\n"
			   "it_interval: (0, 0)\n"));
	struct itimerspec long_time = {{7, 8}, {100, 0}}, now = {{0, 0}, {0, 1}};
	CHECK_OK(timerfd_settime(fd, 0, &long_time, NULL));
	read_info(fd);
	CHECK_EQ(sscanf(value_of("it_value:"), "(%ld, %ld)", &seconds, &nanoseconds), 2);
	CHECK(seconds == 99 || seconds == 98);
	CHECK(strcmp(value_of("it_interval:"), "(7, 8)") == 0);
	CHECK_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &now, NULL));
	for (int i = 0; i < 1000 && !strstr(text, "\nticks: 1\n"); i++) {
		sleep_ms(1);
		read_info(fd);
	}
	CHECK(strstr(text, "\nticks: 1\nsettime flags: 01\nit_value: (0, 0)\n"));
	uint64_t ticks;
	CHECK_EQ(read(fd, &ticks, sizeof(ticks)), sizeof(ticks));
	CHECK_EQ(ticks, 1);
}

TEST(fdinfo_of_signals_and_processes)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGHUP);
	int fd = signalfd(-1, &set, 0);
	CHECK(strcmp(link_of(fd), "anon_inode:[signalfd]") == 0);
	read_info(fd);
	CHECK(strcmp(value_of("sigmask:"), "0000000000000201") == 0);
	pid_t pid = forked();
	if (!pid)
		pause();
	struct stat stat, other;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int own = (int)syscall(SYS_pidfd_open, getpid(), 0);
	CHECK(strcmp(link_of(pidfd), "anon_inode:[pidfd]") == 0);
	CHECK(!fstat(pidfd, &stat) && !fstat(own, &other));
	read_info(pidfd);
	CHECK(number_of("Pid:") == pid && number_of("NSpid:") == pid);
	CHECK_EQ(strtoul(value_of("ino:"), NULL, 10), stat.st_ino);
	kill(pid, SIGKILL);
	CHECK_EQ(ended(pid), -1 - SIGKILL);
	read_info(pidfd);
	CHECK_EQ(number_of("Pid:"), -1);
}

TEST(fdinfo_of_a_set)
{
	int set = epoll_create1(0), ends[2], fd;
	unsigned long events, data, ino, dev;
	long pos;
	struct stat stat;
	CHECK(strcmp(link_of(set), "anon_inode:[eventpoll]") == 0);
	CHECK_OK(pipe(ends));
	CHECK_OK(fstat(ends[0], &stat));
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = 0x123456789abcdef};
	CHECK_OK(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event));
	CHECK_OK(epoll_ctl(set, EPOLL_CTL_ADD, ends[1], &event));
	read_info(set);
	const char *line = strstr(text, "tfd:");
	CHECK(line);
	CHECK_EQ(sscanf(line, "tfd: %d events: %lx data: %lx  pos:%ld ino:%lx sdev:%lx\n", &fd,
		     &events, &data, &pos, &ino, &dev),
	    6);
	CHECK(fd == ends[0] || fd == ends[1]);
	CHECK(events == (EPOLLIN | EPOLLET | EPOLLERR | EPOLLHUP));
	CHECK(data == 0x123456789abcdef && pos == 0 && ino == stat.st_ino);
	CHECK(strstr(line + 1, "\ntfd:") && !strstr(strstr(line + 1, "\ntfd:") + 1, "\ntfd:"));
	CHECK_OK(close(ends[0]));
	CHECK_OK(close(ends[1]));
	read_info(set);
	CHECK(!strstr(text, "tfd:"));
}

TEST(fdinfo_lists_what_is_open)
{
	int seen = 0, open_now = 0;
	DIR *folder = opendir("/proc/self/fdinfo");
	CHECK(folder);
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		CHECK_OK(fcntl(atoi(entry->d_name), F_GETFD));
		seen++;
	}
	for (int fd = 0; fd < 1024; fd++)
		open_now += fcntl(fd, F_GETFD) >= 0;
	CHECK_EQ(seen, open_now);
	closedir(folder);
	struct stat stat;
	CHECK_OK(lstat("/proc/self/fdinfo", &stat));
	CHECK_EQ(stat.st_mode, S_IFDIR | 0555);
	CHECK_OK(lstat("/proc/self/fdinfo/0", &stat));
	CHECK_EQ(stat.st_mode, S_IFREG | 0444);
	CHECK_ERR(open("/proc/self/fdinfo/1000", O_RDONLY), ENOENT);
	/* The same for a thread. */
	snprintf(text, sizeof(text), "/proc/self/task/%d/fdinfo/0", getpid());
	CHECK(open(text, O_RDONLY) >= 0);
}

TEST(fdinfo_and_maps_are_not_for_everybody)
{
	pid_t pid = getpid(), child = forked();
	if (child == 0) {
		CHECK_OK(setresgid(54321, 54321, 54321));
		CHECK_OK(setresuid(54321, 54321, 54321));
		CHECK_ERR(open(of(pid, "fdinfo"), O_RDONLY | O_DIRECTORY), EACCES);
		CHECK_ERR(open(of(pid, "fdinfo/0"), O_RDONLY), EACCES);
		CHECK_ERR(open(of(pid, "maps"), O_RDONLY), EACCES);
		CHECK_ERR(open(of(pid, "smaps"), O_RDONLY), EACCES);
		_exit(0);
	}
	CHECK_EQ(ended(child), 0);
}

/* "N: KIND MODE TYPE", with what comes behind it for the file. */
static const char *lock_line(const struct stat *stat, const char *kind, int pid, const char *range)
{
	static char line[200];
	snprintf(line, sizeof(line), ": %s %d %02x:%02x:%lu %s\n", kind, pid, major(stat->st_dev),
	    minor(stat->st_dev), (unsigned long)stat->st_ino, range);
	return line;
}

TEST(locks_are_told)
{
	struct stat stat;
	int fd = open("file", O_RDWR | O_CREAT, 0600), own = open("file", O_RDWR);
	int leased = open("leased", O_RDONLY | O_CREAT, 0600);
	struct flock range = {.l_type = F_WRLCK, .l_start = 10, .l_len = 5};
	struct flock open_file = {.l_type = F_RDLCK, .l_start = 100};
	CHECK_OK(fstat(fd, &stat));
	CHECK_OK(flock(fd, LOCK_SH));
	CHECK_OK(fcntl(fd, F_SETLK, &range));
	CHECK_OK(fcntl(own, F_OFD_SETLK, &open_file));
	pid_t pid = forked();
	if (!pid) {
		flock(open("file", O_RDWR), LOCK_EX);
		_exit(0);
	}
	for (int i = 0; i < 1000; i++) {
		read_all("/proc/locks");
		if (strstr(text, lock_line(&stat, "-> FLOCK  ADVISORY  WRITE", pid, "0 EOF")))
			break;
		sleep_ms(1);
	}
	CHECK(strstr(text, lock_line(&stat, "-> FLOCK  ADVISORY  WRITE", pid, "0 EOF")));
	CHECK(strstr(text, lock_line(&stat, "FLOCK  ADVISORY  READ", getpid(), "0 EOF")));
	CHECK(strstr(text, lock_line(&stat, "POSIX  ADVISORY  WRITE", getpid(), "10 14")));
	CHECK(strstr(text, lock_line(&stat, "OFDLCK ADVISORY  READ", -1, "100 EOF")));
	read_info(fd);
	CHECK(strstr(text, lock_line(&stat, "FLOCK  ADVISORY  READ", getpid(), "0 EOF")));
	CHECK(strstr(text, lock_line(&stat, "POSIX  ADVISORY  WRITE", getpid(), "10 14")));
	CHECK(strstr(text, "lock:\t1: ") && strstr(text, "lock:\t2: "));
	CHECK(!strstr(text, "OFDLCK"));
	read_info(own);
	CHECK(strstr(text, lock_line(&stat, "OFDLCK ADVISORY  READ", -1, "100 EOF")));
	CHECK_OK(flock(fd, LOCK_UN));
	CHECK_EQ(ended(pid), 0);
	range.l_type = F_UNLCK;
	range.l_len = range.l_start = 0;
	CHECK_OK(fcntl(fd, F_SETLK, &range));
	CHECK_OK(close(own));
	read_all("/proc/locks");
	CHECK(!strstr(text, lock_line(&stat, "POSIX  ADVISORY  WRITE", getpid(), "10 14")));
	CHECK(!strstr(text, lock_line(&stat, "OFDLCK ADVISORY  READ", -1, "100 EOF")));
	CHECK_OK(fstat(leased, &stat));
	if (fcntl(leased, F_SETLEASE, F_RDLCK))
		return; /* no leases here */
	read_all("/proc/locks");
	CHECK(strstr(text, lock_line(&stat, "LEASE  ACTIVE    READ", getpid(), "0 EOF")));
	CHECK_OK(fcntl(leased, F_SETLEASE, F_UNLCK));
	read_all("/proc/locks");
	CHECK(!strstr(text, "LEASE  ACTIVE    READ"));
}
