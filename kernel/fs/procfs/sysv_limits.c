/* What /proc/sys/kernel tells of System V IPC, and lets root change. */
#include "procfs_impl.h"

#include <abi/errno.h>
#include <lib/string.h>
#include <sysv/sysv.h>

int show_sysv_queue_bytes(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	proc_print(text, "%u\n", SYSV_QUEUE_BYTES);
	return 0;
}

int show_sysv_message_max(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	proc_print(text, "%u\n", SYSV_MESSAGE_MAX);
	return 0;
}

int show_sysv_sem_limits(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	proc_print(text, "%u\t%u\t%u\t%u\n", SYSV_SET_MAX, SYSV_SLOTS * SYSV_SET_MAX, SYSV_OPS_MAX,
	    SYSV_SLOTS);
	return 0;
}

static int put_limit(const char *text, uint64_t *limit, uint64_t max)
{
	uint64_t value;
	if (!str_to_u64(text, 10, &value) || value > max)
		return -EINVAL;
	atomic_store(limit, value);
	return 0;
}

#define LIMIT(name, limit, max)                                                                    \
	int show_##name(struct proc_text *text, const struct proc_subject *subject)                \
	{                                                                                          \
		(void)subject;                                                                     \
		proc_print(text, "%llu\n", (unsigned long long)atomic_load(&(limit)));             \
		return 0;                                                                          \
	}                                                                                          \
	int write_##name(const struct proc_subject *subject, char *text)                           \
	{                                                                                          \
		(void)subject;                                                                     \
		return put_limit(text, &(limit), max);                                             \
	}

LIMIT(shmmax, sysv_segment_max, UINT64_MAX)
LIMIT(shmall, sysv_segment_pages_max, UINT64_MAX)
LIMIT(shmmni, sysv_segments.max, SYSV_SLOTS)
LIMIT(msgmni, sysv_messages.max, SYSV_SLOTS)

/* The number that the next new object is to have; -1: any. */
static int put_next_id(const char *text, struct sysv_table *table)
{
	uint64_t value;
	bool is_any = strcmp(text, "-1") == 0;
	if (!is_any && (!str_to_u64(text, 10, &value) || value > INT32_MAX))
		return -EINVAL;
	mutex_lock(&table->lock);
	table->next_id = is_any ? -1 : (int)value;
	mutex_unlock(&table->lock);
	return 0;
}

#define NEXT_ID(name, table)                                                                       \
	int show_##name(struct proc_text *text, const struct proc_subject *subject)                \
	{                                                                                          \
		(void)subject;                                                                     \
		proc_print(text, "%d\n", atomic_load(&(table).next_id));                           \
		return 0;                                                                          \
	}                                                                                          \
	int write_##name(const struct proc_subject *subject, char *text)                           \
	{                                                                                          \
		(void)subject;                                                                     \
		return put_next_id(text, &(table));                                                \
	}

NEXT_ID(msg_next_id, sysv_messages)
NEXT_ID(sem_next_id, sysv_semaphores)
NEXT_ID(shm_next_id, sysv_segments)
