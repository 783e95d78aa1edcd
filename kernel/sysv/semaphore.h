/* Sets of semaphores, for semaphore.c and undo.c. */
#pragma once

#include "sysv_impl.h"

#include <lib/list.h>

#define SEM_UNDO 0x1000

struct semaphore {
	uint16_t value;
	uint32_t last_pid;
};

/* What a process has done to a set with SEM_UNDO and what its end takes back. */
struct undo {
	struct list link;
	const struct process *process; /* only compared */
	int16_t changes[];
};

struct set {
	struct sysv_object object;
	struct list undos, waiters;
	int64_t operation_time;
	uint64_t count;
	struct semaphore semaphores[];
};

static inline struct set *set_of(struct sysv_object *object)
{
	return container_of(object, struct set, object);
}

/* The current process's, NULL when memory is short. */
struct undo *undo_of(struct set *set);
/* What was to be taken back is forgotten: of one semaphore, or (-1) of all. */
void undo_forget(struct set *set, int number);
void undo_free_all(struct set *set);
