/* /proc/PID/fdinfo: what is known of a descriptor; and who has locked what, there and in /proc/locks. */
#include "procfs_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>

static void show_lock(struct proc_text *text, const struct file_lock_look *look)
{
	static const char *const kinds[] = {[LOCK_IS_POSIX] = "POSIX  ADVISORY ",
	    [LOCK_IS_OPEN_FILE] = "OFDLCK ADVISORY ",
	    [LOCK_IS_FLOCK] = "FLOCK  ADVISORY ",
	    [LOCK_IS_LEASE] = "LEASE  ACTIVE   "};
	uint64_t dev = look->inode->super->dev;
	proc_print(text, "%s %s %d %02x:%02x:%lu %lu ",
	    look->is_breaking ? "LEASE  BREAKING " : kinds[look->kind],
	    look->type == F_WRLCK   ? "WRITE"
	    : look->type == F_RDLCK ? "READ"
				    : "UNLCK",
	    look->pid, DEVICE_MAJOR(dev), DEVICE_MINOR(dev), look->inode->ino, look->start);
	if (look->end == INT64_MAX)
		proc_print(text, "EOF\n");
	else
		proc_print(text, "%lu\n", look->end);
}

/* Locks are numbered as they are told; who waits for one has its number. */
struct told_locks {
	struct proc_text *text;
	unsigned count;
	/* Of one descriptor. */
	const struct inode *inode;
	const void *object, *table;
};

static void tell_lock(void *ctx, const struct file_lock_look *look)
{
	struct told_locks *told = ctx;
	told->count += !look->waits;
	proc_print(told->text, look->waits ? "%u: -> " : "%u: ", told->count);
	show_lock(told->text, look);
}

int show_locks(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	struct told_locks told = {.text = text};
	file_locks_for_each(tell_lock, &told);
	return 0;
}

static void tell_own_lock(void *ctx, const struct file_lock_look *look)
{
	struct told_locks *told = ctx;
	if (look->waits || look->inode != told->inode ||
	    (look->owner != told->object && look->owner != told->table))
		return;
	proc_print(told->text, "lock:\t%u: ", ++told->count);
	show_lock(told->text, look);
}

static void show_own_locks(struct proc_text *text, struct process *process, struct object *object)
{
	const struct file *file = file_of(object);
	if (!atomic_load(&file->inode->locks))
		return;
	struct told_locks told = {.text = text,
	    .inode = file->inode,
	    .object = object,
	    .table = atomic_load(&process->capabilities)};
	file_locks_for_each(tell_own_lock, &told);
}

static int show_object(
    struct proc_text *text, struct process *process, const struct capability *capability)
{
	struct object *object = capability->object;
	unsigned flags = atomic_load(&object->flags) & ~(unsigned)O_CLOEXEC;
	bool is_file = object->ops->stat == file_stat;
	struct kstat stat = {0};
	int err = object->ops->stat ? object->ops->stat(object, &stat) : 0;
	if (err)
		return err;
	proc_print(text, "pos:\t%ld\nflags:\t0%o\nmnt_id:\t%u\nino:\t%lu\n",
	    object->ops->is_stream ? 0 : (int64_t)atomic_load(&object->pos),
	    flags | (capability->flags & CAP_CLOEXEC ? (unsigned)O_CLOEXEC : 0),
	    is_file ? (unsigned)stat.mount_id : anonymous_mount_id(), stat.ino);
	if (is_file)
		show_own_locks(text, process, object);
	if (object->ops->describe)
		object->ops->describe(object, proc_sink, text);
	return 0;
}

int show_fdinfo(struct proc_text *text, const struct proc_subject *subject)
{
	struct capability capability;
	if (!process_capability(subject->process, LOOK_BY_FS_IDS, subject->index, &capability))
		return process_may_look(subject->process, LOOK_BY_FS_IDS) ? -ENOENT : -EACCES;
	int err = show_object(text, subject->process, &capability);
	object_put(capability.object);
	return err;
}
