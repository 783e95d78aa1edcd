/* Tables of System V objects: keys, numbers, permissions, waiting. */
#include "sysv_impl.h"

#include <abi/errno.h>
#include <credentials/credentials.h>
#include <lib/atomic.h>
#include <mm/slab.h>
#include <time/clock.h>
#include <wait/interruptible.h>

#define INDEX_BITS      15
#define INDEX_MASK      ((1u << INDEX_BITS) - 1)
#define GENERATION_MASK 0xffffu /* so that numbers are not negative */

struct sysv_table sysv_messages = {.next_id = -1, .max = SYSV_SLOTS},
		  sysv_semaphores = {.next_id = -1, .max = SYSV_SLOTS},
		  sysv_segments = {.next_id = -1, .max = SYSV_SLOTS};

void sysv_init(void)
{
	mutex_init(&sysv_messages.lock, "message queues", RANK_SYSV);
	mutex_init(&sysv_semaphores.lock, "semaphores", RANK_SYSV);
	mutex_init(&sysv_segments.lock, "shared memory", RANK_SYSV);
}

/* A number will do for the slot that is part of it. */
static struct sysv_object *object_at(struct sysv_table *table, int index)
{
	unsigned slot = (unsigned)index & INDEX_MASK;
	return index >= 0 && slot < SYSV_SLOTS ? table->slots[slot] : NULL;
}

struct sysv_object *sysv_find(struct sysv_table *table, int id)
{
	struct sysv_object *object = object_at(table, id);
	return object && object->id == id ? object : NULL;
}

bool sysv_allows(const struct sysv_object *object, unsigned access)
{
	const struct credentials *creds = current_credentials();
	unsigned granted = object->mode;
	if (creds->euid == object->uid || creds->euid == object->cuid)
		granted >>= 6;
	else if (credentials_in_group(creds, object->gid) ||
		 credentials_in_group(creds, object->cgid))
		granted >>= 3;
	return !(access & ~granted & 7) || has_power(POWER_IPC_OWNER);
}

bool sysv_is_owner(const struct sysv_object *object)
{
	uint32_t euid = current_credentials()->euid;
	return euid == object->uid || euid == object->cuid || has_power(POWER_SYS_ADMIN);
}

static struct sysv_object *find_key(struct sysv_table *table, int key)
{
	for (unsigned i = 0; i < SYSV_SLOTS; i++)
		if (table->slots[i] && table->slots[i]->key == key)
			return table->slots[i];
	return NULL;
}

static int add(struct sysv_table *table, struct sysv_object *object, int key, unsigned flags)
{
	const struct credentials *creds = current_credentials();
	bool is_wished = table->next_id >= 0;
	unsigned index = is_wished ? (unsigned)table->next_id & INDEX_MASK : 0;
	uint32_t generation =
	    (is_wished ? (unsigned)table->next_id >> INDEX_BITS : table->generation++) &
	    GENERATION_MASK;
	while (index < SYSV_SLOTS && table->slots[index])
		index++;
	if (index >= SYSV_SLOTS || table->used >= atomic_load(&table->max))
		return -ENOSPC;
	table->next_id = -1;
	object->refs = 1;
	object->key = key;
	object->id = (int)(generation << INDEX_BITS | index);
	object->uid = object->cuid = creds->euid;
	object->gid = object->cgid = creds->egid;
	object->mode = flags & 0777;
	object->change_time = unix_timestamp();
	wait_queue_init(&object->changed);
	table->slots[index] = object;
	table->used++;
	return object->id;
}

/* *made: NULL with create_err when there is none. */
static int get_locked(struct sysv_table *table, int key, unsigned flags, struct sysv_object **made,
    int create_err, int (*check)(struct sysv_object *, size_t), size_t size)
{
	struct sysv_object *object = key == IPC_PRIVATE ? NULL : find_key(table, key);
	if (!object) {
		if (key != IPC_PRIVATE && !(flags & IPC_CREAT))
			return -ENOENT;
		if (!*made)
			return create_err;
		int id = add(table, *made, key, flags);
		if (id >= 0)
			*made = NULL;
		return id;
	}
	if (flags & IPC_CREAT && flags & IPC_EXCL)
		return -EEXIST;
	int err = check(object, size);
	if (err)
		return err;
	return sysv_allows(object, flags >> 6 | flags >> 3 | flags) ? object->id : -EACCES;
}

int sysv_get(struct sysv_table *table, int key, unsigned flags,
    int (*create)(size_t size, struct sysv_object **made),
    int (*check)(struct sysv_object *, size_t), size_t size)
{
	struct sysv_object *made = NULL;
	int create_err = key == IPC_PRIVATE || flags & IPC_CREAT ? create(size, &made) : 0;
	mutex_lock(&table->lock);
	int id = get_locked(table, key, flags, &made, create_err, check, size);
	mutex_unlock(&table->lock);
	if (made)
		made->free(made);
	return id;
}

void sysv_take(struct sysv_object *object)
{
	atomic_fetch_add(&object->refs, 1);
}

void sysv_put(struct sysv_object *object)
{
	if (atomic_fetch_sub(&object->refs, 1) == 1)
		object->free(object);
}

void sysv_wake(struct sysv_object *object)
{
	atomic_fetch_add(&object->changes, 1);
	wait_wake_all(&object->changed);
}

int sysv_wait(struct sysv_table *table, struct sysv_object *object, nsec_t deadline)
{
	uint64_t seen = object->changes;
	mutex_unlock(&table->lock);
	int err = wait_until(&object->changed,
	    atomic_load(&object->changes) != seen || signal_is_pending(), deadline);
	mutex_lock(&table->lock);
	if (object->is_removed)
		return -EIDRM;
	if (object->changes != seen)
		return 0;
	return err ? -EAGAIN : -EINTR;
}

void sysv_take_out(struct sysv_table *table, struct sysv_object *object)
{
	table->slots[(unsigned)object->id & INDEX_MASK] = NULL;
	table->used--;
	object->is_removed = true;
	sysv_wake(object);
}

int sysv_remove(struct sysv_table *table, int id)
{
	mutex_lock(&table->lock);
	struct sysv_object *object = sysv_find(table, id);
	int err = !object ? -EINVAL : sysv_is_owner(object) ? 0 : -EPERM;
	if (!err)
		sysv_take_out(table, object);
	mutex_unlock(&table->lock);
	if (!err)
		sysv_put(object);
	return err;
}

void sysv_look(const struct sysv_object *object, struct sysv_permissions *permissions)
{
	*permissions = (struct sysv_permissions){.key = object->key,
	    .uid = object->uid,
	    .gid = object->gid,
	    .cuid = object->cuid,
	    .cgid = object->cgid,
	    .mode = object->mode,
	    .generation = (unsigned)object->id >> INDEX_BITS};
}

struct sysv_object *sysv_find_to_stat(
    struct sysv_table *table, int id, bool by_index, bool any_reader, int *result)
{
	struct sysv_object *object = by_index ? object_at(table, id) : sysv_find(table, id);
	if (!object || !(any_reader || sysv_allows(object, 4))) {
		*result = object ? -EACCES : -EINVAL;
		return NULL;
	}
	*result = by_index ? object->id : 0;
	return object;
}

int sysv_change(struct sysv_object *object, const struct sysv_permissions *permissions)
{
	if (!sysv_is_owner(object))
		return -EPERM;
	if (permissions->uid == UINT32_MAX || permissions->gid == UINT32_MAX)
		return -EINVAL;
	object->uid = permissions->uid;
	object->gid = permissions->gid;
	object->mode = (object->mode & ~0777u) | (permissions->mode & 0777);
	object->change_time = unix_timestamp();
	return 0;
}

int sysv_set_permissions(
    struct sysv_table *table, int id, const struct sysv_permissions *permissions)
{
	mutex_lock(&table->lock);
	struct sysv_object *object = sysv_find(table, id);
	int err = object ? sysv_change(object, permissions) : -EINVAL;
	mutex_unlock(&table->lock);
	return err;
}

int sysv_highest(const struct sysv_table *table)
{
	int highest = 0;
	for (unsigned i = 0; i < SYSV_SLOTS; i++)
		if (table->slots[i])
			highest = (int)i;
	return highest;
}

void sysv_for_each(
    struct sysv_table *table, void (*fn)(void *ctx, struct sysv_object *object), void *ctx)
{
	mutex_lock(&table->lock);
	for (unsigned i = 0; i < SYSV_SLOTS; i++)
		if (table->slots[i])
			fn(ctx, table->slots[i]);
	mutex_unlock(&table->lock);
}
