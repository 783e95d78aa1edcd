/* syslog(2): the kernel's log for dmesg and the like. Lines are as the console has them, without Linux's <level>. */
#include <abi/errno.h>
#include <arch/user_copy.h>
#include <lib/string.h>
#include <log/log.h>
#include <mm/slab.h>
#include <posixx/syscalls.h>
#include <process/process.h>
#include <procfs/procfs.h>
#include <time/clock.h>

enum {
	SYSLOG_CLOSE,
	SYSLOG_OPEN,
	SYSLOG_READ,
	SYSLOG_READ_ALL,
	SYSLOG_READ_CLEAR,
	SYSLOG_CLEAR,
	SYSLOG_CONSOLE_OFF,
	SYSLOG_CONSOLE_ON,
	SYSLOG_CONSOLE_LEVEL,
	SYSLOG_SIZE_UNREAD,
	SYSLOG_SIZE_BUFFER,
};

#define LOG_BYTES     (64u << 10) /* told as the size of the buffer; of one call's answer the most */
#define CONSOLE_LEVEL 8           /* Linux's levels that the console may be set to: 1 to 8 */
#define LOOK_AGAIN_NS (50 * NSEC_PER_MSEC)

static int console_level = 7; /* a */

/* How many lines there had been at the last SYSLOG_READ, and at the last clearing. a */
static uint64_t lines_read, lines_cleared;

/* The newest bytes of what comes: older ones make room. */
struct tail {
	char *text;
	size_t size, len;
};

static void keep_tail(void *ctx, const char *line, size_t len)
{
	struct tail *tail = ctx;
	if (len > tail->size)
		return;
	size_t excess = tail->len + len > tail->size ? tail->len + len - tail->size : 0;
	/* Whole lines go. */
	while (excess && excess < tail->len && tail->text[excess - 1] != '\n')
		excess++;
	memmove(tail->text, tail->text + excess, tail->len - excess);
	tail->len -= excess;
	memcpy(tail->text + tail->len, line, len);
	tail->len += len;
}

static uint64_t lines_so_far(void)
{
	struct log_stats stats;
	log_get_stats(&stats);
	return stats.lines;
}

/* What was logged since there had been `since` lines; buf null: only how long it is. */
static int64_t copy_lines(uint64_t since, uint64_t now, uaddr_t buf, size_t len)
{
	struct tail tail = {.size = min(len, (size_t)LOG_BYTES)};
	if (!len || now <= since)
		return 0;
	tail.text = kmalloc(tail.size);
	if (!tail.text)
		return -ENOMEM;
	log_replay(keep_tail, &tail, now - since);
	int64_t result = (int64_t)tail.len;
	if (!uaddr_is_null(buf) && copy_to_user(buf, tail.text, tail.len))
		result = -EFAULT;
	kfree(tail.text);
	return result;
}

static int64_t read_next(uaddr_t buf, size_t len)
{
	if (!len)
		return 0;
	uint64_t now, since = atomic_load(&lines_read);
	while ((now = lines_so_far()) == since) {
		/* The log can be written in any context, so it wakes nobody. */
		thread_prepare_to_block();
		int ignored = signal_is_pending() ? 0 : thread_block(uptime_ns() + LOOK_AGAIN_NS);
		(void)ignored;
		thread_cancel_block();
		if (signal_is_pending())
			return -ERESTARTSYS;
	}
	int64_t result = copy_lines(since, now, buf, len);
	if (result >= 0)
		atomic_store(&lines_read, now);
	return result;
}

static int64_t read_all(uaddr_t buf, size_t len, bool clear)
{
	uint64_t now = lines_so_far();
	int64_t result = copy_lines(atomic_load(&lines_cleared), now, buf, len);
	if (clear && result >= 0)
		atomic_store(&lines_cleared, now);
	return result;
}

/* Linux's level n lets through what is below it: 3 errors, 4 warnings, 6 information, 7 debugging. */
int system_set_console_level(int level)
{
	if (level < 1 || level > CONSOLE_LEVEL)
		return -EINVAL;
	atomic_store(&console_level, level);
	log_console_level = level > 7   ? LOG_DEBUG
			    : level > 6 ? LOG_INFO
			    : level > 4 ? LOG_WARN
					: LOG_ERR;
	return 0;
}

int system_console_level(void)
{
	return atomic_load(&console_level);
}

int64_t sys_syslog(int type, uaddr_t buf, int len)
{
	/* Everybody may read it; the rest is root's. */
	bool is_open = type == SYSLOG_READ_ALL || type == SYSLOG_SIZE_BUFFER;
	if (!is_open && !has_power(POWER_SYSLOG) && !has_power(POWER_SYS_ADMIN))
		return -EPERM;
	if (type >= SYSLOG_READ && type <= SYSLOG_READ_CLEAR && (uaddr_is_null(buf) || len < 0))
		return -EINVAL;
	switch (type) {
	case SYSLOG_CLOSE:
	case SYSLOG_OPEN: return 0;
	case SYSLOG_READ: return read_next(buf, (size_t)len);
	case SYSLOG_READ_ALL: return read_all(buf, (size_t)len, false);
	case SYSLOG_READ_CLEAR: return read_all(buf, (size_t)len, true);
	case SYSLOG_CLEAR: atomic_store(&lines_cleared, lines_so_far()); return 0;
	case SYSLOG_CONSOLE_OFF: return system_set_console_level(1);
	case SYSLOG_CONSOLE_ON: return system_set_console_level(7);
	case SYSLOG_CONSOLE_LEVEL: return system_set_console_level(len);
	case SYSLOG_SIZE_UNREAD:
		return copy_lines(
		    atomic_load(&lines_read), lines_so_far(), (uaddr_t){0}, LOG_BYTES);
	case SYSLOG_SIZE_BUFFER: return LOG_BYTES;
	default: return -EINVAL;
	}
}
