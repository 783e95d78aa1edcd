/* /proc/sys and /proc/version: names and limits of the system. */
#include "procfs_impl.h"

#include <abi/errno.h>
#include <event/aio.h>
#include <ipc/pipe.h>
#include <keys/keys.h>
#include <lib/string.h>
#include <mqueue/mqueue.h>
#include <random/random.h>

#define SHOW_CONSTANT(name, ...)                                                                   \
	int name(struct proc_text *text, const struct proc_subject *subject)                       \
	{                                                                                          \
		(void)subject;                                                                     \
		proc_print(text, __VA_ARGS__);                                                     \
		return 0;                                                                          \
	}

SHOW_CONSTANT(show_version, "Linux version " SYSTEM_RELEASE " (Exo-OS) " SYSTEM_VERSION "\n")
SHOW_CONSTANT(show_ostype, "Linux\n")
SHOW_CONSTANT(show_osrelease, SYSTEM_RELEASE "\n")
SHOW_CONSTANT(show_os_version, SYSTEM_VERSION "\n")
SHOW_CONSTANT(show_pid_max, "%u\n", PID_LIMIT)
SHOW_CONSTANT(show_threads_max, "%u\n", process_thread_limit())
SHOW_CONSTANT(show_rr_turn, "%u\n", SCHED_RR_TURN_MS)
SHOW_CONSTANT(show_zero, "0\n")
SHOW_CONSTANT(show_one, "1\n")
SHOW_CONSTANT(show_execdomains, "0-0\tLinux           \t[kernel]\n")
SHOW_CONSTANT(show_overflow_id, "65534\n")
SHOW_CONSTANT(show_two, "2\n")
SHOW_CONSTANT(show_cap_last, "%d\n", CAPABILITY_COUNT - 1)
SHOW_CONSTANT(show_groups_max, "65536\n")
SHOW_CONSTANT(show_pipe_max, "%u\n", pipe_size_limit())
SHOW_CONSTANT(show_open_max, "%u\n", 1u << 20)
SHOW_CONSTANT(show_file_max, "%lu\n", objects_max())
SHOW_CONSTANT(show_file_count, "%lu\t0\t%lu\n", objects_count(), objects_max())
SHOW_CONSTANT(show_mqueue_messages_default, "%u\n", MQUEUE_MESSAGES_DEFAULT)
SHOW_CONSTANT(show_mqueue_messages_max, "%u\n", MQUEUE_MESSAGES_MAX)
SHOW_CONSTANT(show_mqueue_bytes_default, "%u\n", MQUEUE_BYTES_DEFAULT)
SHOW_CONSTANT(show_mqueue_bytes_max, "%u\n", MQUEUE_BYTES_MAX)
SHOW_CONSTANT(show_aio_max, "%u\n", AIO_REQUESTS_MAX)
SHOW_CONSTANT(show_aio_requests, "%u\n", aio_requests())
SHOW_CONSTANT(show_area_max, "%u\n", AREAS_MAX)
SHOW_CONSTANT(show_mmap_min, "%llu\n", USER_MMAP_MIN)
SHOW_CONSTANT(show_entropy, "256\n") /* the generator's key: it never runs out */

/* Of what there is none of. */
int show_nothing(struct proc_text *text, const struct proc_subject *subject)
{
	(void)text, (void)subject;
	return 0;
}

static int show_name(struct proc_text *text, bool domain)
{
	char name[SYSTEM_NAME_MAX];
	system_name(domain, name, sizeof(name));
	proc_print(text, "%s\n", name);
	return 0;
}

int show_hostname(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	return show_name(text, false);
}

int write_hostname(const struct proc_subject *subject, char *text)
{
	(void)subject;
	system_set_name(false, text);
	return 0;
}

int show_domainname(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	return show_name(text, true);
}

int write_domainname(const struct proc_subject *subject, char *text)
{
	(void)subject;
	system_set_name(true, text);
	return 0;
}

int write_file_max(const struct proc_subject *subject, char *text)
{
	(void)subject;
	uint64_t max;
	if (!str_to_u64(text, 10, &max) || max > INT64_MAX)
		return -EINVAL;
	objects_set_max(max);
	return 0;
}

int write_pipe_max(const struct proc_subject *subject, char *text)
{
	(void)subject;
	uint64_t size;
	return str_to_u64(text, 10, &size) ? pipe_set_size_limit(size) : -EINVAL;
}

/* Random, of version 4. */
static void show_id(struct proc_text *text, const uint8_t *id)
{
	for (unsigned i = 0; i < 16; i++) {
		uint8_t byte = i == 6   ? (uint8_t)((id[i] & 0x0f) | 0x40)
			       : i == 8 ? (uint8_t)((id[i] & 0x3f) | 0x80)
					: id[i];
		proc_print(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", byte);
	}
	proc_print(text, "\n");
}

int show_uuid(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	uint8_t id[16];
	random_fill(id, sizeof(id));
	show_id(text, id);
	return 0;
}

int show_boot_id(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	static struct spinlock spin = SPINLOCK_INIT("boot id", RANK_NONE);
	static uint8_t id[16];
	static bool is_made; /* spin */
	uint8_t fresh[16], copy[16];
	random_fill(fresh, sizeof(fresh));
	spin_lock(&spin);
	for (unsigned i = 0; i < 16; i++) {
		id[i] = is_made ? id[i] : fresh[i];
		copy[i] = id[i];
	}
	is_made = true;
	spin_unlock(&spin);
	show_id(text, copy);
	return 0;
}

/* What goes to the console, as printk's four: now, of lines without a level, the least, and at boot. Only the first can be changed. */
int show_console_level(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	proc_print(text, "%d\t4\t1\t7\n", system_console_level());
	return 0;
}

int write_console_level(const struct proc_subject *subject, char *text)
{
	(void)subject;
	uint64_t level;
	char *end = text;
	while (*end >= '0' && *end <= '9')
		end++;
	*end = '\0';
	return str_to_u64(text, 10, &level) && level <= INT32_MAX
		   ? system_set_console_level((int)level)
		   : -EINVAL;
}

int show_core_pattern(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	char pattern[CORE_PATTERN_MAX];
	core_pattern_get(pattern);
	proc_print(text, "%s\n", pattern);
	return 0;
}

int write_core_pattern(const struct proc_subject *subject, char *text)
{
	(void)subject;
	return core_pattern_set(text);
}

/* A number that can be set. */
#define SETTING(name, place)                                                                       \
	int show_##name(struct proc_text *text, const struct proc_subject *subject)                \
	{                                                                                          \
		(void)subject;                                                                     \
		proc_print(text, "%lu\n", atomic_load(&(place)));                                  \
		return 0;                                                                          \
	}                                                                                          \
	int write_##name(const struct proc_subject *subject, char *text)                           \
	{                                                                                          \
		(void)subject;                                                                     \
		uint64_t value;                                                                    \
		if (!str_to_u64(text, 10, &value) || value > INT32_MAX)                            \
			return -EINVAL;                                                            \
		atomic_store(&(place), value);                                                     \
		return 0;                                                                          \
	}

SETTING(keys_max, key_quotas[0].keys)
SETTING(key_bytes_max, key_quotas[0].bytes)
SETTING(root_keys_max, key_quotas[1].keys)
SETTING(root_key_bytes_max, key_quotas[1].bytes)
SETTING(lease_break_time, lease_break_seconds)

int show_last_pid(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	proc_print(text, "%u\n", process_last_number());
	return 0;
}

/* For those who bring processes back with their numbers. */
int write_last_pid(const struct proc_subject *subject, char *text)
{
	(void)subject;
	uint64_t last;
	if (!has_power(POWER_SYS_ADMIN) && !has_power(POWER_CHECKPOINT_RESTORE))
		return -EPERM;
	if (!str_to_u64(text, 10, &last) || last >= PID_LIMIT)
		return -EINVAL;
	process_set_last_number((uint32_t)last);
	return 0;
}
