/*
 * The table behind file descriptors. Readers look at the current array without a lock. When the table is shared, an object is kept alive by
 * taking a reference that only succeeds while it has one, and by looking again whether the entry still names it; arrays
 * that were replaced are freed after a grace period.
 */
#include <abi/linux/fcntl.h>
#include <lib/bitmap.h>
#include <lib/string.h>
#include <mm/kernel_map.h>
#include <mm/slab.h>
#include <object/capability.h>

#define FIRST_SIZE       64
#define SIZE_MAX_ENTRIES (1u << 20)
#define CONTIGUOUS_MAX   (32 * KiB)

static size_t array_bytes(unsigned size)
{
	return sizeof(struct cap_array) + size * sizeof(struct capability) + size / 8;
}

/* The largest is longer than any block of pages, and half of a block would be wasted by all. */
static struct cap_array *array_create(unsigned size)
{
	size_t bytes = array_bytes(size);
	struct cap_array *array = bytes > CONTIGUOUS_MAX ? vmalloc(bytes) : kzalloc(bytes);
	if (!array)
		return NULL;
	array->size = size;
	array->used = (uint64_t *)&array->entries[size];
	return array;
}

static void array_destroy(struct cap_array *array)
{
	if (array && array_bytes(array->size) > CONTIGUOUS_MAX)
		vfree(array);
	else
		kfree(array);
}

static void array_free(struct rcu_head *head)
{
	array_destroy(container_of(head, struct cap_array, rcu));
}

static struct cap_table *table_create(unsigned size)
{
	struct cap_table *table = kmalloc(sizeof(*table));
	struct cap_array *array = array_create(size);
	if (!table || !array) {
		kfree(table);
		array_destroy(array);
		return NULL;
	}
	table->refs = 1;
	table->array = array;
	table->next_free = 0;
	spin_init(&table->lock, "capabilities", RANK_CAPABILITIES);
	return table;
}

struct cap_table *cap_table_create(void)
{
	return table_create(FIRST_SIZE);
}

struct cap_table *cap_table_clone(struct cap_table *from)
{
	/* Allocate outside the lock; the table may grow meanwhile. */
	for (;;) {
		unsigned size = atomic_load_acquire(&from->array)->size;
		struct cap_table *table = table_create(size);
		if (!table)
			return NULL;
		spin_lock(&from->lock);
		if (from->array->size == size) {
			struct cap_array *to = table->array, *source = from->array;
			memcpy(to->used, source->used, size / 8);
			bitmap_for_each(i, source->used, size) {
				to->entries[i] = source->entries[i];
				object_get(to->entries[i].object);
			}
			table->next_free = 0;
			spin_unlock(&from->lock);
			return table;
		}
		spin_unlock(&from->lock);
		array_destroy(table->array);
		kfree(table);
	}
}

/* From now on threads look objects up while others close them. */
static void mark_shared(struct cap_array *array)
{
	for (size_t i = bitmap_find_set(array->used, array->size, 0); i != BITMAP_NONE;
	     i = bitmap_find_set(array->used, array->size, i + 1))
		atomic_store(&array->entries[i].object->is_shared, true);
}

struct cap_table *cap_table_get(struct cap_table *table)
{
	if (atomic_load(&table->refs) == 1)
		mark_shared(table->array);
	atomic_fetch_add(&table->refs, 1);
	return table;
}

static int close_object(struct object *object, const struct cap_table *from)
{
	int err = object->ops->close ? object->ops->close(object, from) : 0;
	object_put(object);
	return err;
}

void cap_table_put(struct cap_table *table)
{
	if (atomic_fetch_sub(&table->refs, 1) != 1)
		return;
	struct cap_array *array = table->array;
	bitmap_for_each(i, array->used, array->size)
		close_object(array->entries[i].object, table);
	array_destroy(array);
	kfree(table);
}

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

/* Makes room for index `fd`. Called and returns with the lock held, but drops it meanwhile. */
static int grow(struct cap_table *table, unsigned fd)
{
	unsigned size = table->array->size;
	while (size <= fd)
		size *= 2;
	if (size > SIZE_MAX_ENTRIES)
		return -EMFILE;
	spin_unlock(&table->lock);
	struct cap_array *array = array_create(size);
	spin_lock(&table->lock);
	if (!array)
		return -ENOMEM;
	struct cap_array *old = table->array;
	if (old->size >= size) {
		rcu_call(&array->rcu, array_free); /* another thread was faster */
		return 0;
	}
	memcpy(array->entries, old->entries, old->size * sizeof(struct capability));
	memcpy(array->used, old->used, old->size / 8);
	rcu_assign(table->array, array);
	rcu_call(&old->rcu, array_free);
	return 0;
}

/* The lowest free index from `from` on; it may lie behind the array. Lock held. */
static size_t find_free(const struct cap_array *array, size_t from)
{
	if (unlikely(from >= array->size))
		return from;
	size_t fd = bitmap_find_clear(array->used, array->size, from);
	return fd == BITMAP_NONE ? array->size : fd;
}

bool cap_has_room(void)
{
	struct cap_table *table = current_capabilities();
	spin_lock(&table->lock);
	size_t fd = find_free(table->array, table->next_free);
	spin_unlock(&table->lock);
	return fd < current_fd_limit() && fd < SIZE_MAX_ENTRIES;
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
		int err = grow(table, (unsigned)fd);
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
	int fd = cap_install(object, cap_rights_of_open(open_flags, false), flags, 0);
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
	return close_object(object, table);
}

/* CLOSE_RANGE_CLOEXEC marks instead of closing. */
#define CLOSE_RANGE_CLOEXEC 4u

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
			close_object(object, table);
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
		close_object(object, table);
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
	int err = to >= table->array->size ? grow(table, to) : 0;
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
		close_object(old, table);
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

void cap_for_each(
    struct cap_table *table, bool (*fn)(void *ctx, int fd, const struct capability *cap), void *ctx)
{
	for (unsigned fd = 0;; fd++) {
		spin_lock(&table->lock);
		struct cap_array *array = table->array;
		size_t next =
		    fd < array->size ? bitmap_find_set(array->used, array->size, fd) : BITMAP_NONE;
		struct capability cap = {0};
		if (next != BITMAP_NONE) {
			cap = array->entries[next];
			object_get(cap.object);
		}
		spin_unlock(&table->lock);
		if (next == BITMAP_NONE)
			return;
		bool go_on = fn(ctx, (int)next, &cap);
		object_put(cap.object);
		if (!go_on)
			return;
		fd = (unsigned)next;
	}
}

struct object *cap_next(struct cap_table *table, int *fd)
{
	struct object *object = NULL;
	spin_lock(&table->lock);
	const struct cap_array *array = table->array;
	for (size_t i = (unsigned)*fd; i < array->size && !object; i++)
		if (array->entries[i].object) {
			object = object_get(array->entries[i].object);
			*fd = (int)i;
		}
	spin_unlock(&table->lock);
	return object;
}

bool cap_copy(struct cap_table *table, int fd, struct capability *capability)
{
	spin_lock(&table->lock);
	const struct cap_array *array = table->array;
	bool is_there = (unsigned)fd < array->size && array->entries[(unsigned)fd].object;
	if (is_there) {
		*capability = array->entries[(unsigned)fd];
		object_get(capability->object);
	}
	spin_unlock(&table->lock);
	return is_there;
}
