/* The kinds of file systems, and the devices that device numbers name. */
#include "vfs_impl.h"

#include <lib/string.h>
#include <log/assert.h>

#define TYPES_MAX   32
#define DEVICES_MAX 256

/* Entries are added under the lock, never removed, and read without it: the count is published last. */
static struct spinlock registry_lock = SPINLOCK_INIT("file systems", RANK_FILE_SYSTEMS);
static const struct file_system *types[TYPES_MAX];
static const struct device_node *devices[DEVICES_MAX];
static size_t type_count, device_count;

void file_system_register(const struct file_system *type)
{
	spin_lock(&registry_lock);
	assert(type_count < TYPES_MAX);
	types[type_count] = type;
	atomic_store_release(&type_count, type_count + 1);
	spin_unlock(&registry_lock);
}

const struct file_system *file_system_find(const char *name)
{
	size_t count = atomic_load_acquire(&type_count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(types[i]->name, name) == 0)
			return types[i];
	return NULL;
}

void file_system_for_each(void (*fn)(void *ctx, const struct file_system *type), void *ctx)
{
	size_t count = atomic_load_acquire(&type_count);
	for (size_t i = 0; i < count; i++)
		fn(ctx, types[i]);
}

const struct device_node *device_node_find(uint32_t mode, uint64_t number)
{
	size_t count = atomic_load_acquire(&device_count);
	for (size_t i = 0; i < count; i++)
		if (devices[i]->number == number && S_IS(devices[i]->mode, mode & S_IFMT))
			return devices[i];
	return NULL;
}

int device_node_register(const struct device_node *node)
{
	spin_lock(&registry_lock);
	int err = 0;
	if (device_node_find(node->mode, node->number))
		err = -EEXIST;
	else if (device_count == DEVICES_MAX)
		err = -ENOSPC;
	if (!err) {
		devices[device_count] = node;
		atomic_store_release(&device_count, device_count + 1);
	}
	spin_unlock(&registry_lock);
	return err;
}

void device_node_for_each(void (*fn)(void *ctx, const struct device_node *node), void *ctx)
{
	size_t count = atomic_load_acquire(&device_count);
	for (size_t i = 0; i < count; i++)
		fn(ctx, devices[i]);
}
