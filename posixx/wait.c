/* Waiting for children, and what they and we have used: wait4(2), waitid(2), getrusage(2), times(2). */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/process.h>
#include <abi/linux/signal.h>
#include <abi/linux/structs.h>
#include <posixx/syscalls.h>
#include <posixx/time.h>
#include <process/process.h>

#define RUSAGE_SELF      0
#define RUSAGE_CHILDREN  (-1)
#define RUSAGE_THREAD    1
#define TICKS_PER_SECOND 100

static int write_usage(uaddr_t to, const struct process_usage *usage)
{
	struct linux_rusage rusage = {
	    .user = timeval_of_ns(usage->time.user_ns),
	    .system = timeval_of_ns(usage->time.system_ns),
	    .max_rss_kib = (int64_t)usage->peak_resident * 4,
	    .minor_faults = (int64_t)usage->minor_faults,
	    .major_faults = (int64_t)usage->major_faults,
	    .voluntary_switches = (int64_t)usage->voluntary_switches,
	    .involuntary_switches = (int64_t)usage->involuntary_switches,
	};
	return copy_to_user(to, &rusage, sizeof(rusage));
}

int64_t sys_wait4(int pid, uaddr_t status, unsigned options, uaddr_t rusage)
{
	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	struct wait_request request = {.options = options | WEXITED, .which = P_ALL};
	if (pid > 0) {
		request.which = P_PID;
		request.id = (uint32_t)pid;
	} else if (pid != -1) {
		request.which = P_PGID;
		request.id = pid ? (uint32_t)-pid : process_group_number(current_process());
	}
	struct wait_report report;
	int found = process_wait(&request, &report);
	if (found <= 0)
		return found;
	if (!uaddr_is_null(status) && put_user_u32(status, (uint32_t)report.status))
		return -EFAULT;
	if (!uaddr_is_null(rusage) && write_usage(rusage, &report.usage))
		return -EFAULT;
	return report.pid;
}

/* A descriptor that does not block makes the call one that does not, with an error where WNOHANG has none. */
static int wait_for_pidfd(struct wait_request *request, int fd, struct wait_report *report)
{
	unsigned flags;
	struct process *process = pidfd_process(fd, &flags);
	if (!process)
		return -EBADF;
	bool is_eager = flags & O_NONBLOCK && !(request->options & WNOHANG);
	request->process = process;
	if (is_eager)
		request->options |= WNOHANG;
	int found = process_wait(request, report);
	process_put(process);
	return found || !is_eager ? found : -EAGAIN;
}

int64_t sys_waitid(int which, int id, uaddr_t info, unsigned options, uaddr_t rusage)
{
	if (options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD |
			  __WCLONE | __WALL) ||
	    !(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	if ((which != P_ALL && which != P_PID && which != P_PGID && which != P_PIDFD) ||
	    (which == P_PID && id <= 0) || ((which == P_PGID || which == P_PIDFD) && id < 0))
		return -EINVAL;
	struct wait_request request = {.which = which, .id = (uint32_t)id, .options = options};
	if (which == P_PGID && !id)
		request.id = process_group_number(current_process());
	struct wait_report report;
	int found = which == P_PIDFD ? wait_for_pidfd(&request, id, &report)
				     : process_wait(&request, &report);
	if (found < 0)
		return found;
	struct linux_siginfo siginfo = {0};
	if (found) {
		siginfo.signal = SIGCHLD;
		siginfo.code = report.code;
		siginfo.pid = (int32_t)report.pid;
		siginfo.uid = report.uid;
		siginfo.status = report.value;
		if (!uaddr_is_null(rusage) && write_usage(rusage, &report.usage))
			return -EFAULT;
	}
	return uaddr_is_null(info) ? 0 : copy_to_user(info, &siginfo, sizeof(siginfo));
}

static int64_t ticks_of_ns(uint64_t ns)
{
	return (int64_t)(ns / (NSEC_PER_SEC / TICKS_PER_SECOND));
}

int64_t sys_times(uaddr_t buf)
{
	struct process *process = current_process();
	struct process_usage usage = process_usage(process);
	int64_t ticks[4] = {ticks_of_ns(usage.time.user_ns), ticks_of_ns(usage.time.system_ns),
	    ticks_of_ns(process->reaped.time.user_ns), ticks_of_ns(process->reaped.time.system_ns)};
	if (!uaddr_is_null(buf) && copy_to_user(buf, ticks, sizeof(ticks)))
		return -EFAULT;
	return ticks_of_ns(uptime_ns());
}

int64_t sys_getrusage(int who, uaddr_t to)
{
	struct process *process = current_process();
	struct process_usage usage;
	switch (who) {
	case RUSAGE_SELF: usage = process_usage(process); break;
	case RUSAGE_THREAD:
		usage = task_usage(current_task());
		usage.peak_resident = process_usage(process).peak_resident;
		break;
	case RUSAGE_CHILDREN: usage = process->reaped; break;
	default: return -EINVAL;
	}
	return write_usage(to, &usage);
}
