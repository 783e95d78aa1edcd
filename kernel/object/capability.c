/*
 * Descriptors of the current process: look-up, installing, closing, duplicating. Readers look at the current array without a lock. When the table
 * is shared, an object is kept alive by taking a reference that only succeeds while it has one, and by looking again whether the entry still
 * names it.
 */
#include "capability_impl.h"

#include <abi/linux/fcntl.h>
#include <lib/bitmap.h>

/* Shared table: the object may be closed by another thread while we look. Called under rcu_read_lock. */
static bool take_reference(struct object *object)
{
	uint32_t refs = atomic_load(&object->refs);
	while (refs)
		if (atomic_cas(&object->refs, &refs, refs + 1))
			return true;
	return false;
}

static struct cap_ref lookup_shared(struct cap_table *table, unsigned fd, uint32_t rights)
{
	struct cap_ref ref = {.err = -EBADF};
	struct object *closed = NULL;
	rcu_read_lock();
	struct cap_array *array = rcu_dereference(table->array);
	if (fd < array->size) {
		struct capability *cap = &array->entries[fd];
		struct object *object = atomic_load_acquire(&cap->object);
		if (object && (atomic_load(&cap->rights) & rights) == rights &&
		    take_reference(object)) {
			/* Memory of objects is type-stable only through RCU; the entry must still name this one. */
			if (atomic_load_acquire(&cap->object) == object)
				ref = (struct cap_ref){.object = object, .counted = true};
			else
				closed = object;
		}
	}
	rcu_read_unlock();
	if (unlikely(closed))
		object_put(closed); /* may be the last reference, whose release may sleep */
	return ref;
}

struct cap_ref cap_lookup_any(int fd, uint32_t rights)
{
	const struct cap_array *array = cap_own_entries();
	if (unlikely(!array))
		return lookup_shared(current_capabilities(), (unsigned)fd, rights);
	struct object *object = cap_own_lookup(array, fd, rights);
	return (struct cap_ref){.object = object, .err = object ? 0 : -EBADF};
}

/* The lowest free index from `from` on; it may lie behind the array. Lock held. */
static size_t find_free(const struct cap_array *array, size_t from)
{
	if (unlikely(from >= array->size))
		return from;
	size_t fd = bitmap_find_clear(array->used, array->size, from);
	return fd == BITMAP_NONE ? array->size : fd;
}

int cap_check_room(void)
{
	struct cap_table *table = current_capabilities();
	spin_lock(&table->lock);
	size_t fd = find_free(table->array, table->next_free);
	spin_unlock(&table->lock);
	return fd < current_fd_limit() && fd < CAP_TABLE_MAX ? objects_check_room() : -EMFILE;
}

/* The lowest free index from `min` on; -EMFILE, -ENOMEM. Lock held, but it may be dropped meanwhile. */
static NOINLINE int search(struct cap_table *table, unsigned min, unsigned limit)
{
	for (;;) {
		struct cap_array *array = table->array;
		size_t fd = find_free(array, max(min, table->next_free));
		if (fd >= limit)
			return -EMFILE;
		if (fd < array->size) {
			if (min <= table->next_free)
				table->next_free = (unsigned)fd;
			return (int)fd;
		}
		int err = cap_table_grow(table, (unsigned)fd);
		if (err)
			return err;
	}
}

/* The object is published last: a reader that sees it sees its rights. Lock held. */
static ALWAYS_INLINE void fill(
    struct cap_table *table, unsigned fd, struct object *object, uint32_t rights, uint32_t flags)
{
	struct cap_array *array = table->array;
	struct capability *cap = &array->entries[fd];
	if (atomic_load(&table->refs) != 1)
		atomic_store(&object->is_shared, true);
	bitmap_set(array->used, fd);
	atomic_store(&cap->rights, rights);
	cap->flags = flags;
	atomic_store_release(&cap->object, object);
}

/* Puts the object at the lowest free index from `min` on, which it returns; -EMFILE, -ENOMEM. Lock held, but it may be dropped meanwhile. */
static ALWAYS_INLINE int64_t place(struct cap_table *table, struct object *object, uint32_t rights,
    uint32_t flags, unsigned min, unsigned limit)
{
	const struct cap_array *array = table->array;
	unsigned fd = table->next_free;
	/* What was closed last is often the lowest that is free. */
	if (unlikely(min > fd || fd >= limit || fd >= array->size || array->entries[fd].object)) {
		int found = search(table, min, limit);
		if (found < 0)
			return found;
		fd = (unsigned)found;
	}
	if (table->next_free == fd)
		table->next_free = fd + 1;
	fill(table, fd, object, rights, flags);
	return fd;
}

/* Takes the object of an entry that has one. Lock held. */
static ALWAYS_INLINE struct object *take_away(struct cap_table *table, unsigned fd)
{
	struct cap_array *array = table->array;
	struct capability *cap = &array->entries[fd];
	struct object *object = cap->object;
	atomic_store(&cap->object, NULL);
	atomic_store(&cap->rights, 0);
	bitmap_clear(array->used, fd);
	table->next_free = min(table->next_free, fd);
	return object;
}

/* Lock held. */
static ALWAYS_INLINE bool is_open(const struct cap_array *array, unsigned fd)
{
	return likely(fd < array->size) && likely(array->entries[fd].object);
}

int cap_install(struct object *object, uint32_t rights, uint32_t flags, int min)
{
	struct cap_table *table = current_capabilities();
	unsigned limit = current_fd_limit();
	spin_lock(&table->lock);
	int64_t fd = place(table, object, rights, flags, (unsigned)min, limit);
	spin_unlock(&table->lock);
	return (int)fd;
}

uint32_t cap_rights_of_open(unsigned open_flags, bool is_directory)
{
	if (open_flags & O_PATH)
		return RIGHTS_PATH;
	uint32_t rights = RIGHT_SEEK | RIGHT_STAT | RIGHT_MAP | RIGHT_IOCTL | RIGHT_SYNC |
			  RIGHT_CHANGE | RIGHT_POLL | RIGHT_GRANT | RIGHT_EXEC;
	unsigned access = open_flags & O_ACCMODE;
	if (access != O_WRONLY)
		rights |= RIGHT_READ;
	if (access == O_WRONLY || access == O_RDWR)
		rights |= RIGHT_WRITE | RIGHT_TRUNCATE;
	if (is_directory)
		rights |= RIGHT_LIST | RIGHT_LOOKUP;
	return rights;
}

int cap_install_new(struct object *object, unsigned open_flags, uint32_t flags)
{
	int fd = objects_check_room();
	if (likely(!fd))
		fd = cap_install(object, cap_rights_of_open(open_flags, false), flags, 0);
	if (unlikely(fd < 0))
		object_put(object);
	return fd;
}

int64_t cap_close(int fd)
{
	struct cap_table *table = current_capabilities();
	spin_lock(&table->lock);
	if (!is_open(table->array, (unsigned)fd)) {
		spin_unlock(&table->lock);
		return -EBADF;
	}
	struct object *object = take_away(table, (unsigned)fd);
	spin_unlock(&table->lock);
	return cap_close_object(object, table);
}

/* CLOSE_RANGE_CLOEXEC marks instead of closing. */
int cap_close_range(unsigned first, unsigned last, unsigned flags)
{
	struct cap_table *table = current_capabilities();
	for (unsigned fd = first; fd <= last; fd++) {
		spin_lock(&table->lock);
		struct cap_array *array = table->array;
		size_t next =
		    fd < array->size ? bitmap_find_set(array->used, array->size, fd) : BITMAP_NONE;
		struct object *object = NULL;
		if (next != BITMAP_NONE && next <= last) {
			if (flags & CLOSE_RANGE_CLOEXEC)
				array->entries[next].flags |= CAP_CLOEXEC;
			else
				object = take_away(table, (unsigned)next);
		}
		spin_unlock(&table->lock);
		if (object)
			cap_close_object(object, table);
		if (next == BITMAP_NONE || next >= last)
			break;
		fd = (unsigned)next;
	}
	return 0;
}

/* The only thread of the only process that has the table: nobody changes it meanwhile. */
void cap_table_close_on_exec(struct cap_table *table)
{
	const struct cap_array *array = table->array;
	bitmap_for_each(fd, array->used, array->size) {
		if (!(array->entries[fd].flags & CAP_CLOEXEC))
			continue;
		spin_lock(&table->lock);
		struct object *object = take_away(table, (unsigned)fd);
		spin_unlock(&table->lock);
		cap_close_object(object, table);
	}
}

static ALWAYS_INLINE int64_t duplicate(int fd, int min, uint32_t flags)
{
	struct cap_table *table = current_capabilities();
	unsigned limit = current_fd_limit();
	spin_lock(&table->lock);
	if (!is_open(table->array, (unsigned)fd)) {
		spin_unlock(&table->lock);
		return -EBADF;
	}
	const struct capability *cap = &table->array->entries[(unsigned)fd];
	struct object *object = object_get(cap->object); /* before the lock may be dropped */
	int64_t result = place(table, object, cap->rights, flags, (unsigned)min, limit);
	spin_unlock(&table->lock);
	if (unlikely(result < 0))
		object_put(object);
	return result;
}

int64_t cap_dup(int fd)
{
	return duplicate(fd, 0, 0);
}

int64_t cap_dup_from(int fd, int min, uint32_t flags)
{
	return duplicate(fd, min, flags);
}

int cap_dup_to(int fd, int new_fd, uint32_t flags)
{
	struct cap_table *table = current_capabilities();
	spin_lock(&table->lock);
	unsigned to = (unsigned)new_fd;
	if (!is_open(table->array, (unsigned)fd) || to >= current_fd_limit()) {
		spin_unlock(&table->lock);
		return -EBADF;
	}
	struct capability cap = table->array->entries[(unsigned)fd];
	object_get(cap.object); /* before the lock may be dropped */
	int err = to >= table->array->size ? cap_table_grow(table, to) : 0;
	struct object *old = NULL;
	if (!err) {
		old = is_open(table->array, to) ? take_away(table, to) : NULL;
		fill(table, to, cap.object, cap.rights, flags);
	}
	spin_unlock(&table->lock);
	if (err) {
		object_put(cap.object);
		return err;
	}
	if (old)
		cap_close_object(old, table);
	return new_fd;
}

int cap_get_flags(int fd)
{
	struct cap_table *table = current_capabilities();
	spin_lock(&table->lock);
	struct cap_array *array = table->array;
	int flags = (unsigned)fd < array->size && array->entries[fd].object
			? (int)array->entries[fd].flags
			: -EBADF;
	spin_unlock(&table->lock);
	return flags;
}

int cap_set_flags(int fd, uint32_t flags)
{
	struct cap_table *table = current_capabilities();
	spin_lock(&table->lock);
	struct cap_array *array = table->array;
	bool exists = (unsigned)fd < array->size && array->entries[fd].object;
	if (exists)
		array->entries[fd].flags = flags;
	spin_unlock(&table->lock);
	return exists ? 0 : -EBADF;
}
