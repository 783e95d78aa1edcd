/* Sets of semaphores: semget(2), semop, semctl. */
#include "semaphore.h"

#include <abi/errno.h>
#include <mm/slab.h>
#include <process/process.h>
#include <time/clock.h>

struct waiter {
	struct list link;
	uint16_t number;
	bool for_zero;
};

static void free_set(struct sysv_object *object)
{
	struct set *set = set_of(object);
	undo_free_all(set);
	kfree(set);
}

static int create_set(size_t count, struct sysv_object **made)
{
	if (!count)
		return -EINVAL;
	struct set *set = kzalloc(sizeof(*set) + count * sizeof(set->semaphores[0]));
	if (!set)
		return -ENOMEM;
	list_init(&set->undos);
	list_init(&set->waiters);
	set->count = count;
	set->object.free = free_set;
	*made = &set->object;
	return 0;
}

static int has_enough(struct sysv_object *object, size_t count)
{
	return count > set_of(object)->count ? -EINVAL : 0;
}

int sysv_set_get(int key, int count, unsigned flags)
{
	if (count < 0 || (unsigned)count > SYSV_SET_MAX)
		return -EINVAL;
	return sysv_get(&sysv_semaphores, key, flags, create_set, has_enough, (size_t)count);
}

/* With permission, or NULL and *err. */
static struct set *find_set(int id, unsigned access, int *err)
{
	struct sysv_object *object = sysv_find(&sysv_semaphores, id);
	*err = !object ? -EINVAL : sysv_allows(object, access) ? 0 : -EACCES;
	struct set *set = *err ? NULL : set_of(object);
	ASSUME(*err || set);
	return set;
}

enum outcome { DONE = 0, BLOCKED = 1 }; /* or -errno */

/* Changes one value. */
static int apply(struct set *set, const struct sysv_operation *op, struct undo *undo)
{
	struct semaphore *semaphore = &set->semaphores[op->number];
	int value = semaphore->value + op->change;
	if (op->change ? value < 0 : semaphore->value)
		return BLOCKED;
	if (value > SYSV_VALUE_MAX)
		return -ERANGE;
	if (op->flags & SEM_UNDO) {
		int back = undo->changes[op->number] - op->change;
		if (back < -SYSV_VALUE_MAX - 1 || back > SYSV_VALUE_MAX)
			return -ERANGE;
		undo->changes[op->number] = (int16_t)back;
	}
	semaphore->value = (uint16_t)value;
	return DONE;
}

static void revert(struct set *set, const struct sysv_operation *op, struct undo *undo)
{
	set->semaphores[op->number].value =
	    (uint16_t)(set->semaphores[op->number].value - op->change);
	if (op->flags & SEM_UNDO)
		undo->changes[op->number] = (int16_t)(undo->changes[op->number] + op->change);
}

/* All or nothing. *blocked: the operation that could not be. */
static int apply_all(struct set *set, const struct sysv_operation *ops, size_t count,
    struct undo *undo, size_t *blocked)
{
	bool is_change = false;
	for (size_t i = 0; i < count; i++) {
		int result = apply(set, &ops[i], undo);
		is_change |= ops[i].change != 0;
		if (result == DONE)
			continue;
		*blocked = i;
		while (i-- > 0)
			revert(set, &ops[i], undo);
		return result;
	}
	for (size_t i = 0; i < count; i++)
		set->semaphores[ops[i].number].last_pid = current_process()->pid->number;
	set->operation_time = unix_timestamp();
	if (is_change)
		sysv_wake(&set->object);
	return DONE;
}

static int wait_to_apply(struct set *set, const struct sysv_operation *ops, size_t count,
    struct undo *undo, nsec_t deadline)
{
	for (;;) {
		size_t blocked = 0;
		int result = apply_all(set, ops, count, undo, &blocked);
		if (result != BLOCKED)
			return result;
		if ((unsigned)ops[blocked].flags & IPC_NOWAIT)
			return -EAGAIN;
		struct waiter waiter = {
		    .number = ops[blocked].number, .for_zero = !ops[blocked].change};
		list_push_back(&set->waiters, &waiter.link);
		int err = sysv_wait(&sysv_semaphores, &set->object, deadline);
		list_remove(&waiter.link);
		if (err)
			return err;
	}
}

int sysv_operate(int id, const struct sysv_operation *ops, size_t count, nsec_t deadline)
{
	bool is_change = false, has_undo = false;
	uint16_t highest = 0;
	for (size_t i = 0; i < count; i++) {
		is_change |= ops[i].change != 0;
		has_undo |= !!(ops[i].flags & SEM_UNDO);
		highest = max(highest, ops[i].number);
	}
	int err;
	mutex_lock(&sysv_semaphores.lock);
	struct set *set = find_set(id, 0, &err);
	if (set && highest >= set->count)
		err = -EFBIG;
	else if (set && !sysv_allows(&set->object, is_change ? 2 : 4))
		err = -EACCES;
	struct undo *undo = !err && has_undo ? undo_of(set) : NULL;
	if (!err && has_undo && !undo)
		err = -ENOMEM;
	if (!err) {
		sysv_take(&set->object);
		err = wait_to_apply(set, ops, count, undo, deadline);
	} else {
		set = NULL;
	}
	mutex_unlock(&sysv_semaphores.lock);
	if (set)
		sysv_put(&set->object);
	return err;
}

void sysv_set_look(struct sysv_object *object, struct sysv_set_info *info)
{
	const struct set *set = set_of(object);
	*info = (struct sysv_set_info){.operation_time = set->operation_time,
	    .change_time = object->change_time,
	    .count = set->count};
	sysv_look(object, &info->permissions);
}

int sysv_set_stat(int id, bool by_index, bool any_reader, struct sysv_set_info *info)
{
	mutex_lock(&sysv_semaphores.lock);
	int result;
	struct sysv_object *object =
	    sysv_find_to_stat(&sysv_semaphores, id, by_index, any_reader, &result);
	if (object)
		sysv_set_look(object, info);
	mutex_unlock(&sysv_semaphores.lock);
	return result;
}

int sysv_set_set(int id, const struct sysv_permissions *permissions)
{
	return sysv_set_permissions(&sysv_semaphores, id, permissions);
}

static int count_waiters(const struct set *set, int number, bool for_zero)
{
	int count = 0;
	const struct waiter *waiter;
	list_for_each(waiter, &set->waiters, link)
		count += waiter->number == number && waiter->for_zero == for_zero;
	return count;
}

static int answer(const struct set *set, int number, enum sysv_question question)
{
	if (number < 0 || (uint64_t)number >= set->count)
		return -EINVAL;
	switch (question) {
	case SYSV_VALUE: return set->semaphores[number].value;
	case SYSV_LAST_PID: return (int)set->semaphores[number].last_pid;
	case SYSV_WAIT_FOR_MORE: return count_waiters(set, number, false);
	case SYSV_WAIT_FOR_ZERO: return count_waiters(set, number, true);
	}
	return -EINVAL;
}

int sysv_ask(int id, int number, enum sysv_question question)
{
	int result;
	mutex_lock(&sysv_semaphores.lock);
	const struct set *set = find_set(id, 4, &result);
	if (set)
		result = answer(set, number, question);
	mutex_unlock(&sysv_semaphores.lock);
	return result;
}

int sysv_set_values(int id, int number, const uint16_t *values, size_t count)
{
	int err;
	for (size_t i = 0; i < count; i++)
		if (values[i] > SYSV_VALUE_MAX)
			return -ERANGE;
	mutex_lock(&sysv_semaphores.lock);
	struct set *set = find_set(id, 2, &err);
	size_t first = number < 0 ? 0 : (size_t)number;
	if (set && (first >= set->count || count > set->count - first))
		err = -EINVAL;
	if (!err) {
		for (size_t i = 0; i < count; i++) {
			set->semaphores[first + i].value = values[i];
			set->semaphores[first + i].last_pid = current_process()->pid->number;
		}
		undo_forget(set, number);
		set->object.change_time = unix_timestamp();
		sysv_wake(&set->object);
	}
	mutex_unlock(&sysv_semaphores.lock);
	return err;
}

int sysv_get_values(int id, uint16_t *values, size_t count)
{
	int err;
	mutex_lock(&sysv_semaphores.lock);
	const struct set *set = find_set(id, 4, &err);
	if (set && count != set->count)
		err = -EINVAL;
	for (size_t i = 0; !err && i < count; i++)
		values[i] = set->semaphores[i].value;
	mutex_unlock(&sysv_semaphores.lock);
	return err;
}

static void add_up(void *ctx, struct sysv_object *object)
{
	struct sysv_totals *totals = ctx;
	totals->objects++;
	totals->parts += set_of(object)->count;
}

int sysv_set_totals(struct sysv_totals *totals)
{
	*totals = (struct sysv_totals){0};
	sysv_for_each(&sysv_semaphores, add_up, totals);
	return sysv_highest(&sysv_semaphores);
}
