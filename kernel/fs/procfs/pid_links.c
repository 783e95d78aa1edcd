/* Links of a process: where it is, what it runs, what it has open. */
#include "procfs_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <lib/string.h>
#include <mm/slab.h>

int link_self(const struct proc_subject *subject, char *buf, struct path *jump)
{
	(void)subject, (void)jump;
	return snprintf(buf, PATH_MAX_LEN, "%u", current_process()->pid->number);
}

int link_thread_self(const struct proc_subject *subject, char *buf, struct path *jump)
{
	(void)subject, (void)jump;
	return snprintf(buf, PATH_MAX_LEN, "%u/task/%u", current_process()->pid->number,
	    current_task()->pid->number);
}

int link_mounts(const struct proc_subject *subject, char *buf, struct path *jump)
{
	(void)subject, (void)jump;
	return snprintf(buf, PATH_MAX_LEN, "self/mounts");
}

/* Takes over the path's references: either to the jump, or to its name. */
static int finish(struct path *path, char *buf, struct path *jump)
{
	if (jump) {
		*jump = *path;
		return 0;
	}
	int err = -ENOENT;
	char *name = vfs_path_name(path, buf, PATH_MAX_LEN, &err);
	path_put(path);
	if (!name)
		return err;
	size_t len = strlen(name);
	memmove(buf, name, len + 1);
	return (int)len;
}

static int link_place(const struct proc_subject *subject, bool root, char *buf, struct path *jump)
{
	if (!process_may_look(subject->process, LOOK_BY_FS_IDS))
		return -EACCES;
	struct file_context *context = process_file_context(subject->process, LOOK_BY_FS_IDS);
	if (!context)
		return -ENOENT;
	struct path path = file_context_path(context, root ? &context->root : &context->cwd);
	file_context_put(context);
	return finish(&path, buf, jump);
}

int link_cwd(const struct proc_subject *subject, char *buf, struct path *jump)
{
	return link_place(subject, false, buf, jump);
}

int link_root(const struct proc_subject *subject, char *buf, struct path *jump)
{
	return link_place(subject, true, buf, jump);
}

static int link_object(struct object *object, char *buf, struct path *jump)
{
	static const char *const kinds[] = {[OBJECT_PIPE] = "pipe", [OBJECT_SOCKET] = "socket"};
	static const char *const names[] = {[OBJECT_EVENT] = "eventfd",
	    [OBJECT_TIMER] = "timerfd",
	    [OBJECT_SIGNALS] = "signalfd",
	    [OBJECT_POLL_SET] = "eventpoll",
	    [OBJECT_PROCESS] = "pidfd"};
	if (object->ops->stat == file_stat || object->flags & O_PATH) {
		struct path path = file_of(object)->path;
		path_get(&path);
		return finish(&path, buf, jump);
	}
	if (jump && object->ops->place)
		return object->ops->place(object, jump);
	enum object_type type = object->ops->type;
	const char *kind = type < ARRAY_LEN(kinds) ? kinds[type] : NULL;
	const char *name = type < ARRAY_LEN(names) ? names[type] : NULL;
	if (name)
		return snprintf(buf, PATH_MAX_LEN, "anon_inode:[%s]", name);
	struct kstat stat = {0};
	if (object->ops->stat && object->ops->stat(object, &stat))
		return -ENOENT;
	return snprintf(buf, PATH_MAX_LEN, "%s:[%lu]", kind ? kind : "anon_inode", stat.ino);
}

int link_exe(const struct proc_subject *subject, char *buf, struct path *jump)
{
	if (!process_may_look(subject->process, LOOK_BY_FS_IDS))
		return -EACCES;
	struct object *object = process_executable(subject->process, LOOK_BY_FS_IDS);
	if (!object)
		return -ENOENT;
	int result = link_object(object, buf, jump);
	object_put(object);
	return result;
}

int link_fd(const struct proc_subject *subject, char *buf, struct path *jump)
{
	struct capability capability;
	if (!process_capability(subject->process, LOOK_BY_FS_IDS, subject->index, &capability))
		return process_may_look(subject->process, LOOK_BY_FS_IDS) ? -ENOENT : -EACCES;
	int result = link_object(capability.object, buf, jump);
	object_put(capability.object);
	return result;
}
