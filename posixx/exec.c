/* execve(2), execveat(2). The work is in kernel/exec. */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <arch/user.h>
#include <exec/exec.h>
#include <object/capability.h>
#include <posixx/syscalls.h>
#include <process/process.h>
#include <vfs/vfs.h>

static int run(const char *path, struct object *file, uaddr_t argv, uaddr_t envp)
{
	struct exec_strings *arguments = NULL, *environment = NULL;
	int err = exec_strings_from_user(argv, &arguments);
	if (!err)
		err = exec_strings_from_user(envp, &environment);
	if (!err)
		err = exec_program(
		    path, file, arguments, environment, user_registers(current_thread()));
	if (!err)
		user_registers_changed();
	exec_strings_destroy(arguments);
	exec_strings_destroy(environment);
	return err;
}

/* AT_EMPTY_PATH with an empty path: the open file itself. */
static int open_descriptor(int fd, struct object **file)
{
	struct cap_ref ref = cap_lookup(fd, RIGHT_EXEC);
	if (!ref.object)
		return ref.err;
	int err = ref.object->ops->type == OBJECT_FILE ? exec_open_file(file_of(ref.object), file)
						       : -EACCES;
	cap_release(ref);
	return err;
}

static int64_t execute(int dir_fd, uaddr_t path, uaddr_t argv, uaddr_t envp, unsigned flags)
{
	struct user_path name;
	int err = user_path_copy(&name, path);
	if (err)
		return err;
	struct object *file;
	if (!*name.text && flags & AT_EMPTY_PATH)
		err = open_descriptor(dir_fd, &file);
	else
		err = exec_open(
		    dir_fd, name.text, flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &file);
	if (!err) {
		err = run(name.text, file, argv, envp);
		executable_put(file);
	}
	user_path_free(&name);
	return err;
}

int64_t sys_execve(uaddr_t path, uaddr_t argv, uaddr_t envp)
{
	return execute(AT_FDCWD, path, argv, envp, 0);
}

int64_t sys_execveat(int dir, uaddr_t path, uaddr_t argv, uaddr_t envp, unsigned flags)
{
	if (flags & ~(unsigned)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	return execute(dir, path, argv, envp, flags);
}
