/* The file of a core dump: its name, after /proc/sys/kernel/core_pattern, and whether it may be written. */
#include "core_impl.h"

#include <abi/linux/fcntl.h>
#include <abi/linux/process.h>
#include <lib/fmt.h>
#include <lib/string.h>
#include <time/clock.h>

#define NAME_MAX 256

static struct spinlock pattern_lock = SPINLOCK_INIT("core pattern", RANK_NONE);
static char pattern[CORE_PATTERN_MAX] = "core"; /* pattern_lock */

void core_pattern_get(char *buf)
{
	spin_lock(&pattern_lock);
	memcpy(buf, pattern, CORE_PATTERN_MAX);
	spin_unlock(&pattern_lock);
}

int core_pattern_set(const char *text)
{
	size_t len = strlen(text);
	if (*text == '|' || len >= CORE_PATTERN_MAX) /* no programs are run on dumps */
		return -EINVAL;
	spin_lock(&pattern_lock);
	memcpy(pattern, text, len + 1);
	spin_unlock(&pattern_lock);
	return 0;
}

/* What %letter stands for. */
static int expand(char letter, int signal, char *buf, size_t size)
{
	const struct process *process = current_process();
	const struct credentials *creds = current_credentials();
	char name[65];
	switch (letter) {
	case 'p':
	case 'P': return snprintf(buf, size, "%u", process->pid->number);
	case 'i':
	case 'I': return snprintf(buf, size, "%u", current_task()->pid->number);
	case 'u': return snprintf(buf, size, "%u", creds->uid);
	case 'g': return snprintf(buf, size, "%u", creds->gid);
	case 's': return snprintf(buf, size, "%d", signal);
	case 't': return snprintf(buf, size, "%ld", (long)unix_timestamp());
	case 'c': return snprintf(buf, size, "%lu", process_limit(process, RLIMIT_CORE));
	case 'e': return snprintf(buf, size, "%s", current_thread()->name);
	case 'h': process_host_name(name, sizeof(name)); return snprintf(buf, size, "%s", name);
	case '%': return snprintf(buf, size, "%%");
	default: return 0;
	}
}

static NOINLINE bool make_name(char *name, int signal)
{
	char form[CORE_PATTERN_MAX];
	size_t len = 0;
	core_pattern_get(form);
	for (const char *at = form; *at && len < NAME_MAX - 1; at++) {
		if (*at != '%') {
			name[len++] = *at;
		} else {
			if (!*++at)
				break;
			int n = expand(*at, signal, name + len, NAME_MAX - len);
			len += min((size_t)n, NAME_MAX - 1 - len);
		}
	}
	name[min(len, (size_t)NAME_MAX - 1)] = '\0';
	return len;
}

/* Nothing that somebody else has prepared: a plain file of our own, with no other name. */
static bool is_good(struct object *object)
{
	struct kstat stat;
	return object->ops->stat && !object->ops->stat(object, &stat) &&
	       (stat.mode & S_IFMT) == S_IFREG && stat.nlink == 1 &&
	       stat.uid == current_credentials()->fsuid && object->ops->truncate &&
	       !object->ops->truncate(object, 0);
}

struct object *core_open_file(int signal)
{
	char name[NAME_MAX];
	struct object *object;
	const struct open_request request = {
	    .flags = O_CREAT | O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_LARGEFILE, .mode = 0600};
	if (!make_name(name, signal) || vfs_open(AT_FDCWD, name, &request, &object))
		return NULL;
	if (is_good(object))
		return object;
	object_put(object);
	return NULL;
}
