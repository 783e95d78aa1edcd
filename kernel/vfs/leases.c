/*
 * Leases, fcntl(F_SETLEASE): whoever has one is told by a signal before somebody else opens or cuts the file in a way that conflicts, and has time
 * to prepare for that. The other waits, until the lease is given up or lowered, or the time is over and it is broken.
 *
 * An opener counts as a writer, or has its reference to the dentry, before it looks for leases; a lease is in the list before the writers and
 * references are counted: so one of the two sees the other.
 */
#include "vfs_impl.h"

#include <credentials/credentials.h>
#include <mm/slab.h>
#include <time/clock.h>
#include <wait/interruptible.h>

/* All under file_locks_mutex. */
struct lease {
	struct list link, all_link;
	struct object *holder;
	uint32_t pid;  /* who took it */
	int type;      /* F_RDLCK, F_WRLCK */
	int target;    /* what it has to become; its type while nobody waits */
	nsec_t broken; /* by then, at the latest */
};

uint64_t lease_break_seconds = 45;
static struct list all_leases = LIST_INIT(all_leases); /* file_locks_mutex */

static struct lease *lease_of(struct inode *inode, const struct object *holder)
{
	struct lease *lease;
	if (inode->locks)
		list_for_each(lease, &inode->locks->leases, link)
			if (lease->holder == holder)
				return lease;
	return NULL;
}

static void drop(struct lease *lease)
{
	list_remove(&lease->link);
	list_remove(&lease->all_link);
	kfree(lease);
}

/* Writers, and for a lease to write all who have it open. Of names beside the one that it was opened by nothing is known. */
static bool is_in_use(const struct file *file, int type)
{
	const struct inode *inode = file->inode;
	uint32_t users = atomic_load(&file->path.dentry->refs) & ~(DENTRY_DEAD | DENTRY_UNHASHED);
	int32_t writers = atomic_load(&inode->writers);
	if (type == F_RDLCK)
		return writers > 0;
	return users > 1 || writers > file->is_writer || inode->nlink > 1;
}

/* Others' leases beside a new one: only those to read go together. */
static bool is_leased_otherwise(struct inode *inode, const struct object *holder, int type)
{
	const struct lease *lease;
	list_for_each(lease, &inode->locks->leases, link)
		if (lease->holder != holder &&
		    (type == F_WRLCK || lease->type == F_WRLCK || lease->target == F_UNLCK))
			return true;
	return false;
}

static int take_lease(struct file *file, int type)
{
	struct inode *inode = file->inode;
	struct lease *lease = lease_of(inode, &file->object);
	if (!file_locks_of(inode))
		return -ENOMEM;
	if (is_leased_otherwise(inode, &file->object, type))
		return -EAGAIN;
	if (lease) {
		if (lease->target != lease->type && type != lease->target)
			return -EAGAIN; /* somebody waits for it to become less */
		if (type != lease->type && type == F_WRLCK && is_in_use(file, type))
			return -EAGAIN;
		lease->type = lease->target = type;
		return 0;
	}
	lease = kmalloc(sizeof(*lease));
	if (!lease)
		return -ENOMEM;
	*lease = (struct lease){
	    .holder = &file->object, .pid = vfs_current_pid(), .type = type, .target = type};
	list_push_back(&inode->locks->leases, &lease->link);
	list_push_back(&all_leases, &lease->all_link);
	atomic_fence();
	if (!is_in_use(file, type))
		return 0;
	drop(lease);
	return -EAGAIN;
}

static int give_up(struct file *file)
{
	struct lease *lease = lease_of(file->inode, &file->object);
	if (!lease)
		return -EAGAIN;
	drop(lease);
	return 0;
}

int file_set_lease(struct object *object, int type)
{
	struct file *file = file_of(object);
	if (current_credentials()->fsuid != atomic_load(&file->inode->uid) &&
	    !has_power(POWER_LEASE))
		return -EACCES;
	if (!S_IS(file->inode->mode, S_IFREG) ||
	    (type != F_RDLCK && type != F_WRLCK && type != F_UNLCK))
		return -EINVAL;
	mutex_lock(&file_locks_mutex);
	int err = type == F_UNLCK ? give_up(file) : take_lease(file, type);
	mutex_unlock(&file_locks_mutex);
	if (!err)
		file_locks_announce();
	return err;
}

int file_get_lease(struct object *object)
{
	mutex_lock(&file_locks_mutex);
	const struct lease *lease = lease_of(file_of(object)->inode, object);
	int type = lease ? lease->target : F_UNLCK;
	mutex_unlock(&file_locks_mutex);
	return type;
}

void leases_for_each(void (*fn)(void *ctx, const struct file_lock_look *look), void *ctx)
{
	const struct lease *lease;
	list_for_each(lease, &all_leases, all_link) {
		struct file_lock_look look = {
		    .kind = LOCK_IS_LEASE,
		    .type = lease->target,
		    .pid = (int)lease->pid,
		    .is_breaking = lease->target != lease->type,
		    .end = INT64_MAX,
		    .inode = file_of(lease->holder)->inode,
		    .owner = lease->holder,
		};
		fn(ctx, &look);
	}
}

bool leases_release(struct file *file)
{
	struct lease *lease = lease_of(file->inode, &file->object);
	if (lease)
		drop(lease);
	return lease;
}

/* What is to become of a lease for whoever opens the file. */
static int target_for(const struct lease *lease, bool writes)
{
	return writes ? F_UNLCK : lease->type == F_WRLCK ? F_RDLCK : lease->type;
}

/* Tells holders that did not know, breaks what had its time. The first moment at which one is broken; 0: nothing is in the way. */
static nsec_t press(struct inode *inode, bool writes)
{
	struct lease *lease, *next;
	nsec_t first = 0, now = uptime_ns();
	list_for_each_safe(lease, next, &inode->locks->leases, link) {
		int target = target_for(lease, writes);
		if (target == lease->type)
			continue;
		bool is_told = lease->target != lease->type;
		if (is_told && now >= lease->broken) {
			lease->type = lease->target;
			if (lease->type == F_UNLCK)
				drop(lease);
			else
				first = now; /* once more, for what it is now */
			continue;
		}
		if (!is_told)
			lease->broken = now + atomic_load(&lease_break_seconds) * NSEC_PER_SEC;
		if (!is_told || (target == F_UNLCK && lease->target != F_UNLCK)) {
			lease->target = target;
			object_tell_owner(lease->holder);
		}
		first = first ? min(first, lease->broken) : lease->broken;
	}
	return first;
}

int leases_break(struct inode *inode, bool writes, bool nonblock)
{
	for (;;) {
		mutex_lock(&file_locks_mutex);
		uint32_t seen = file_locks_changes();
		nsec_t until = inode->locks ? press(inode, writes) : 0;
		mutex_unlock(&file_locks_mutex);
		if (!until)
			return 0;
		if (nonblock)
			return -EAGAIN;
		if (signal_is_pending())
			return -ERESTARTSYS;
		file_locks_wait(seen, until);
	}
}
