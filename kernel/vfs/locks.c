/*
 * Locks on files: flock(2) on whole files, fcntl(2) on ranges. All are records of a range, a type and an owner: the process's table of
 * descriptors (POSIX), or the open file (flock and OFD). flock's are a world of their own.
 *
 * They are rare and short-lived: one mutex guards them all. Whoever waits sleeps until any lock changes and looks again; POSIX waits are
 * recorded, so that a circle of processes waiting for one another is found before it closes.
 */
#include "vfs_impl.h"

#include <log/assert.h>
#include <mm/slab.h>
#include <object/capability.h>
#include <wait/interruptible.h>
#include <wait/mutex.h>

#define LOCK_SH 1
#define LOCK_EX 2
#define LOCK_NB 4
#define LOCK_UN 8

#define OFFSET_LAST ((uint64_t)INT64_MAX)
#define CHAIN_MAX   64 /* as far as circles are looked for */

struct linux_flock {
	int16_t type, whence;
	int32_t padding;
	int64_t start, len;
	int32_t pid, padding2;
};
static_assert(sizeof(struct linux_flock) == 32, "Linux's ABI");

struct file_lock {
	struct list link, all_link;
	const void *owner;
	const struct inode *inode; /* has the lock, so it stays */
	uint64_t start, end;       /* both belong to it */
	uint32_t pid;              /* of POSIX owners; 0: an open file */
	int32_t told_pid;          /* who took it; -1: not told */
	int16_t type;              /* F_RDLCK, F_WRLCK, F_UNLCK */
	bool is_flock;
};

struct waiting {
	struct list link;
	const void *owner, *blocked_by;
	bool may_close_circle; /* as Linux has it: what is in the way of a range is a process's */
	const struct file_lock *want;
	const struct file_lock *conflict; /* NULL: it is gone, and this thread on its way */
};

struct mutex file_locks_mutex;
static struct list waiting_owners = LIST_INIT(waiting_owners); /* file_locks_mutex */
static struct list all_locks = LIST_INIT(all_locks);           /* file_locks_mutex */
static struct wait_queue locks_changed = WAIT_QUEUE_INIT(locks_changed);
static uint32_t change_count; /* a */

void locks_init(void)
{
	mutex_init(&file_locks_mutex, "file locks", RANK_FILE_LOCKS);
}

void file_locks_announce(void)
{
	atomic_fetch_add(&change_count, 1);
	wait_wake_all(&locks_changed);
}

uint32_t file_locks_changes(void)
{
	return atomic_load(&change_count);
}

void file_locks_wait(uint32_t seen, nsec_t deadline)
{
	int ignored = wait_until(
	    &locks_changed, atomic_load(&change_count) != seen || signal_is_pending(), deadline);
	(void)ignored;
}

static bool overlaps(const struct file_lock *a, const struct file_lock *b)
{
	return a->is_flock == b->is_flock && a->start <= b->end && b->start <= a->end;
}

static struct file_lock *find_conflict(struct file_locks *locks, const struct file_lock *want)
{
	struct file_lock *lock;
	list_for_each(lock, &locks->held, link)
		if (lock->owner != want->owner && overlaps(lock, want) &&
		    (lock->type == F_WRLCK || want->type == F_WRLCK))
			return lock;
	return NULL;
}

static void drop(struct file_lock *lock)
{
	struct waiting *entry;
	list_for_each(entry, &waiting_owners, link)
		if (entry->conflict == lock)
			entry->conflict = NULL;
	list_remove(&lock->link);
	list_remove(&lock->all_link);
	kfree(lock);
}

/* By their first byte: F_GETLK shows the first that is in the way. */
static void insert(struct file_locks *locks, struct file_lock *lock)
{
	struct file_lock *other;
	struct list *behind = &locks->held;
	list_for_each(other, &locks->held, link)
		if (other->start > lock->start) {
			behind = &other->link;
			break;
		}
	list_push_back(behind, &lock->link); /* in front of it */
}

static void insert_new(struct file_locks *locks, struct file_lock *lock)
{
	insert(locks, lock);
	list_push_back(&all_locks, &lock->all_link);
}

static void set_start(struct file_locks *locks, struct file_lock *lock, uint64_t start)
{
	list_remove(&lock->link);
	lock->start = start;
	insert(locks, lock);
}

/* Takes a range out of what the owner has. A lock around it becomes two: `spare` is the second. Returns whether it was used. */
static bool cut_range(
    struct file_locks *locks, const struct file_lock *range, struct file_lock *spare)
{
	struct file_lock *lock, *next;
	list_for_each_safe(lock, next, &locks->held, link) {
		if (lock->owner != range->owner || !overlaps(lock, range))
			continue;
		if (lock->start < range->start && lock->end > range->end) {
			*spare = *lock;
			spare->start = range->end + 1;
			insert_new(locks, spare);
			lock->end = range->start - 1;
			return true; /* an owner's locks do not overlap: there is no other */
		}
		if (lock->start < range->start)
			lock->end = range->start - 1;
		else if (lock->end > range->end)
			set_start(locks, lock, range->end + 1);
		else
			drop(lock);
	}
	return false;
}

static bool touches(const struct file_lock *a, const struct file_lock *b)
{
	return overlaps(a, b) || (b->start && a->end == b->start - 1) ||
	       (a->start && b->end == a->start - 1);
}

/* The owner's locks of the same kind that `lock` reaches become a part of it. */
static void join(struct file_locks *locks, struct file_lock *lock)
{
	struct file_lock *other, *next;
	list_for_each_safe(other, next, &locks->held, link) {
		if (other->owner != lock->owner || other->is_flock != lock->is_flock ||
		    other->type != lock->type || !touches(other, lock))
			continue;
		lock->start = min(lock->start, other->start);
		lock->end = max(lock->end, other->end);
		drop(other);
	}
}

/* Nothing conflicts. Both records were allocated before; those that are left over are freed. */
static void apply(struct file_locks *locks, const struct file_lock *want, struct file_lock *record,
    struct file_lock *spare)
{
	*record = *want;
	if (want->type != F_UNLCK)
		join(locks, record);
	if (!cut_range(locks, record, spare))
		kfree(spare);
	if (want->type == F_UNLCK)
		kfree(record);
	else
		insert_new(locks, record);
	file_locks_announce();
}

/* Whether `owner` would, through others that wait, wait for itself. */
static bool closes_circle(const void *owner, const void *blocked_by)
{
	for (unsigned i = 0; i < CHAIN_MAX; i++) {
		const struct waiting *entry, *found = NULL;
		if (blocked_by == owner)
			return true;
		list_for_each(entry, &waiting_owners, link)
			if (entry->may_close_circle && entry->owner == blocked_by)
				found = entry;
		if (!found)
			return false;
		blocked_by = found->blocked_by;
	}
	return false;
}

/* Sleeps until something changes, without the mutex. */
static int wait_for_change(const struct file_lock *want, const struct file_lock *conflict)
{
	struct waiting entry = {.owner = want->owner,
	    .blocked_by = conflict->owner,
	    .may_close_circle = !want->is_flock && conflict->pid,
	    .want = want,
	    .conflict = conflict};
	if (want->pid && closes_circle(want->owner, conflict->owner))
		return -EDEADLK;
	list_push_back(&waiting_owners, &entry.link);
	uint32_t seen = atomic_load(&change_count);
	mutex_unlock(&file_locks_mutex);
	file_locks_wait(seen, NSEC_MAX);
	mutex_lock(&file_locks_mutex);
	list_remove(&entry.link);
	return atomic_load(&change_count) == seen ? -ERESTARTSYS : 0;
}

/* The inode's, made with its first lock. */
struct file_locks *file_locks_of(struct inode *inode)
{
	struct file_locks *locks = inode->locks;
	if (!locks && (locks = kmalloc(sizeof(*locks)))) {
		list_init(&locks->held);
		list_init(&locks->leases);
		atomic_store_release(&inode->locks, locks);
	}
	return locks;
}

/*
 * flock changes the kind of a lock by giving up the old one first, even where the new one is then not to be had: two that share a file and both
 * want it for themselves would otherwise wait for each other for ever.
 */
static void give_up_other_kind(struct file_locks *locks, const struct file_lock *want)
{
	struct file_lock *lock;
	list_for_each(lock, &locks->held, link)
		if (lock->is_flock && lock->owner == want->owner) {
			if (lock->type != want->type) {
				drop(lock);
				file_locks_announce();
			}
			return; /* an open file has one */
		}
}

static int set_locked(struct inode *inode, const struct file_lock *want, bool waits,
    struct file_lock *record, struct file_lock *spare)
{
	struct file_locks *locks = file_locks_of(inode);
	if (!locks)
		return -ENOMEM;
	if (want->is_flock)
		give_up_other_kind(locks, want);
	const struct file_lock *conflict;
	while (want->type != F_UNLCK && (conflict = find_conflict(locks, want))) {
		int err = waits ? wait_for_change(want, conflict) : -EAGAIN;
		if (err)
			return err;
	}
	apply(locks, want, record, spare);
	return 0;
}

static int set_lock(struct inode *inode, const struct file_lock *want, bool waits)
{
	struct file_lock *record = kmalloc(sizeof(*record)), *spare = kmalloc(sizeof(*spare));
	int err = record && spare ? 0 : -ENOMEM;
	if (!err) {
		mutex_lock(&file_locks_mutex);
		err = set_locked(inode, want, waits, record, spare);
		mutex_unlock(&file_locks_mutex);
	}
	if (err) {
		kfree(record);
		kfree(spare);
	}
	return err;
}

int vfs_flock(struct object *object, int operation)
{
	struct file *file = file_of(object);
	struct file_lock want = {.owner = object,
	    .inode = file->inode,
	    .end = OFFSET_LAST,
	    .told_pid = (int32_t)vfs_current_pid(),
	    .is_flock = true};
	switch (operation & ~LOCK_NB) {
	case LOCK_SH: want.type = F_RDLCK; break;
	case LOCK_EX: want.type = F_WRLCK; break;
	case LOCK_UN: want.type = F_UNLCK; break;
	default: return -EINVAL;
	}
	return set_lock(file->inode, &want, !(operation & LOCK_NB));
}

/* From the caller's structure: offsets relative to start, position or end; a length of 0 reaches as far as there can be. */
static int decode(struct object *object, const struct linux_flock *in, struct file_lock *want)
{
	int64_t base, start, end;
	switch (in->whence) {
	case SEEK_SET: base = 0; break;
	case SEEK_CUR: base = (int64_t)object->pos; break;
	case SEEK_END: base = (int64_t)atomic_load(&file_of(object)->inode->size); break;
	default: return -EINVAL;
	}
	if (add_overflows(base, in->start, &start))
		return -EOVERFLOW;
	if (in->len >= 0) {
		if (!in->len)
			end = INT64_MAX;
		else if (add_overflows(start, in->len - 1, &end))
			return -EOVERFLOW;
	} else { /* before the start */
		end = start - 1;
		if (add_overflows(start, in->len, &start))
			return -EINVAL;
	}
	if (start < 0 || (in->type != F_RDLCK && in->type != F_WRLCK && in->type != F_UNLCK))
		return -EINVAL;
	want->start = (uint64_t)start;
	want->end = (uint64_t)end;
	want->type = in->type;
	return 0;
}

static int64_t get_lock(struct inode *inode, const struct file_lock *want, struct linux_flock *out)
{
	mutex_lock(&file_locks_mutex);
	const struct file_lock *conflict = inode->locks ? find_conflict(inode->locks, want) : NULL;
	if (conflict) {
		out->type = conflict->type;
		out->whence = SEEK_SET;
		out->start = (int64_t)conflict->start;
		out->len = conflict->end == OFFSET_LAST
			       ? 0
			       : (int64_t)(conflict->end - conflict->start + 1);
		out->pid = conflict->pid ? (int32_t)conflict->pid : -1;
	} else {
		out->type = F_UNLCK;
	}
	mutex_unlock(&file_locks_mutex);
	return 0;
}

static int may_lock(const struct object *object, int type)
{
	unsigned access = object->flags & O_ACCMODE;
	if ((type == F_RDLCK && access == O_WRONLY) || (type == F_WRLCK && access == O_RDONLY))
		return -EBADF;
	return 0;
}

int64_t file_control(struct object *object, int command, uint64_t arg)
{
	if (command == F_ADD_SEALS || command == F_GET_SEALS)
		return inode_control_seals(object, command, arg);
	bool is_posix = command == F_GETLK || command == F_SETLK || command == F_SETLKW;
	bool is_open_file =
	    command == F_OFD_GETLK || command == F_OFD_SETLK || command == F_OFD_SETLKW;
	if (!is_posix && !is_open_file)
		return -EINVAL;
	struct linux_flock in;
	if (copy_from_user(&in, (uaddr_t){arg}, sizeof(in)))
		return -EFAULT;
	if (is_open_file && in.pid)
		return -EINVAL;
	struct file_lock want = {.owner = is_posix ? (const void *)current_capabilities() : object,
	    .inode = file_of(object)->inode};
	want.pid = is_posix ? vfs_current_pid() : 0;
	want.told_pid = is_posix ? (int32_t)want.pid : -1;
	int err = decode(object, &in, &want);
	if (err)
		return err;
	struct inode *inode = file_of(object)->inode;
	if (command == F_GETLK || command == F_OFD_GETLK) {
		if (want.type == F_UNLCK)
			return -EINVAL;
		get_lock(inode, &want, &in);
		return copy_to_user((uaddr_t){arg}, &in, sizeof(in));
	}
	err = may_lock(object, want.type);
	return err ? err : set_lock(inode, &want, command == F_SETLKW || command == F_OFD_SETLKW);
}

/* All that an owner has on a file. Mutex held. */
static bool drop_owner(struct inode *inode, const void *owner)
{
	struct file_lock *lock, *next;
	bool is_any = false;
	list_for_each_safe(lock, next, &inode->locks->held, link)
		if (lock->owner == owner) {
			drop(lock);
			is_any = true;
		}
	return is_any;
}

void file_locks_release(struct file *file)
{
	mutex_lock(&file_locks_mutex);
	bool is_any = drop_owner(file->inode, &file->object);
	is_any |= leases_release(file);
	mutex_unlock(&file_locks_mutex);
	if (is_any)
		file_locks_announce();
}

/* Any descriptor of the file will do: POSIX says so. */
static NOINLINE void give_up_locks_of(struct inode *inode, const struct cap_table *from)
{
	mutex_lock(&file_locks_mutex);
	bool is_any = drop_owner(inode, from);
	mutex_unlock(&file_locks_mutex);
	if (is_any)
		file_locks_announce();
}

int file_close(struct object *object, const struct cap_table *from)
{
	struct inode *inode = file_of(object)->inode;
	if (unlikely(atomic_load(&inode->locks)))
		give_up_locks_of(inode, from);
	return 0;
}

static struct file_lock_look look_at(const struct file_lock *lock, bool waits)
{
	return (struct file_lock_look){
	    .kind = lock->is_flock ? LOCK_IS_FLOCK
		    : lock->pid    ? LOCK_IS_POSIX
				   : LOCK_IS_OPEN_FILE,
	    .type = lock->type,
	    .pid = lock->told_pid,
	    .waits = waits,
	    .start = lock->start,
	    .end = lock->end,
	    .inode = lock->inode,
	    .owner = lock->owner,
	};
}

void file_locks_for_each(void (*fn)(void *ctx, const struct file_lock_look *look), void *ctx)
{
	const struct file_lock *lock;
	const struct waiting *entry;
	mutex_lock(&file_locks_mutex);
	list_for_each(lock, &all_locks, all_link) {
		struct file_lock_look look = look_at(lock, false);
		fn(ctx, &look);
		list_for_each(entry, &waiting_owners, link)
			if (entry->conflict == lock) {
				look = look_at(entry->want, true);
				fn(ctx, &look);
			}
	}
	leases_for_each(fn, ctx);
	mutex_unlock(&file_locks_mutex);
}

void file_locks_free(struct inode *inode)
{
	debug_assert(!inode->locks || list_is_empty(&inode->locks->held));
	kfree(inode->locks);
}
