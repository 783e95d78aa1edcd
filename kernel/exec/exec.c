/*
 * execve. Up to the point of no return everything can fail and the old program goes on; after it, an error kills.
 */
#include "exec_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/signal.h>
#include <arch/user.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <process/posix_timer.h>
#include <process/process.h>
#include <vfs/vfs.h>

static int open_place(const struct path *place, struct object **object)
{
	int err = vfs_open_program(place, object);
	if (!err && (err = executable_claim(*object))) {
		object_put(*object);
		*object = NULL;
	}
	return err;
}

int exec_open(int dir_fd, const char *path, unsigned lookup, struct object **object)
{
	struct path place;
	int err = vfs_lookup(dir_fd, path, lookup, &place);
	if (err)
		return err;
	err = open_place(&place, object);
	path_put(&place);
	return err;
}

int exec_open_file(struct file *opened, struct object **object)
{
	return open_place(&opened->path, object);
}

static int find_interpreter(struct load *load)
{
	const struct elf_image *image = &load->program.image;
	if (!image->interpreter_len)
		return 0;
	char *path = kmalloc(image->interpreter_len + 1);
	if (!path)
		return -ENOMEM;
	struct io io = io_kernel(path, image->interpreter_len);
	int64_t n = object_pread(load->program.object, &io, image->interpreter_offset);
	int err = n == (int64_t)image->interpreter_len && !path[n - 1] ? 0
		  : n < 0                                              ? (int)n
								       : -ENOEXEC;
	if (!err)
		err = exec_open(AT_FDCWD, path, LOOKUP_FOLLOW, &load->interpreter.object);
	kfree(path);
	if (!err)
		err = exec_file_read(&load->interpreter);
	/* An interpreter that is no ELF file is a broken library, not a broken program. */
	return err == -ENOEXEC && load->interpreter.object ? -ELIBBAD : err;
}

/* Set-id bits of the file that is run (of the interpreter, for a script: so never of a script). */
static void check_set_id(struct load *load)
{
	struct kstat stat;
	const struct credentials *creds = current_credentials();
	if (creds->no_new_privs || !path_may_set_id(&file_of(load->program.object)->path) ||
	    load->program.object->ops->stat(load->program.object, &stat))
		return;
	load->set_uid = stat.mode & S_ISUID;
	load->set_gid = (stat.mode & (S_ISGID | 0010)) == (S_ISGID | 0010);
	load->new_uid = stat.uid;
	load->new_gid = stat.gid;
}

/* Those of the new program; NULL: out of memory. */
static struct credentials *make_credentials(const struct load *load)
{
	const struct credentials *old = current_credentials();
	struct credentials *creds = credentials_copy(old, old->group_count);
	if (!creds)
		return NULL;
	if (load->set_uid)
		creds->euid = load->new_uid;
	if (load->set_gid)
		creds->egid = load->new_gid;
	creds->suid = creds->fsuid = creds->euid;
	creds->sgid = creds->fsgid = creds->egid;
	credentials_exec_powers(creds);
	return creds;
}

static void set_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	str_copy(current_thread()->name, THREAD_NAME_MAX, slash ? slash + 1 : path);
}

static void remember_executable(struct process *process, struct object *object)
{
	struct object *old = process->executable;
	process_replace(&process->executable, executable_get(object));
	if (old)
		executable_put(old);
}

/* Makes the new program's space and powers the current ones. is_secure: the program must not trust its environment. */
static int take_space(struct load *load, bool *is_secure)
{
	struct credentials *creds = make_credentials(load);
	if (!creds)
		return -ENOMEM;
	*is_secure = creds->euid != creds->uid || creds->egid != creds->gid;
	/* Nor is shown what its user may run but not read. */
	const struct inode *inode = file_of(load->program.object)->inode;
	bool is_shown = !*is_secure && !inode_permission_as(creds, inode, MAY_READ);
	futex_exit_task(current_task()); /* whoever waits for it waits for the old program's */
	process_set_space(load->space, creds, is_shown);
	load->space = NULL;
	return 0;
}

/* The old program is gone: what is left of it in the process goes too. */
static int clear_away(const struct load *load)
{
	struct process *process = current_process();
	struct task *task = current_task();
	if (unlikely(process->keyrings))
		keys_exec(process);
	if (unlikely(task->keyring))
		keys_exit_task(task);
	process->has_execed = true; /* before a descriptor that closes tells anybody */
	int err = unshare_capabilities();
	if (!err)
		cap_table_close_on_exec(process->capabilities);
	signal_handlers_reset_on_exec(process->handlers);
	posix_timers_delete_all(process);
	task->alt_stack.size = 0;
	set_name(load->path);
	remember_executable(process, load->program.object);
	user_state_reset(current_thread()->user);
	return err;
}

static int fill_space(const struct load *load, bool is_secure, uaddr_t *sp)
{
	struct exec_stack stack = {.top = load->stack_top,
	    .program = &load->program,
	    .argv = load->argv,
	    .envp = load->envp,
	    .interpreter = load->interpreter.object ? &load->interpreter : NULL,
	    .path = load->path,
	    .vdso = load->vdso,
	    .secure = is_secure};
	int err = exec_file_clear_tails(&load->program);
	if (!err && load->interpreter.object)
		err = exec_file_clear_tails(&load->interpreter);
	if (!err)
		err = exec_stack_fill(&stack, sp);
	return err;
}

static int become(struct load *load, struct registers *regs)
{
	bool is_secure;
	uaddr_t sp;
	int err = take_space(load, &is_secure);
	if (!err)
		err = clear_away(load);
	if (!err)
		err = fill_space(load, is_secure, &sp);
	if (err)
		return err;
	const struct exec_file *first =
	    load->interpreter.object ? &load->interpreter : &load->program;
	user_registers_init(regs, (uaddr_t){first->image.entry + first->bias}, sp);
	return 0;
}

static void release(struct load *load)
{
	if (load->program.object)
		executable_put(load->program.object);
	if (load->interpreter.object)
		executable_put(load->interpreter.object);
	if (load->space)
		address_space_put(load->space);
	if (load->argv_is_ours)
		exec_strings_destroy(load->argv);
	kfree(load);
}

/* An empty argv would surprise every program: it gets one empty string, as on Linux. */
static int check_argv(struct load *load)
{
	return load->argv->count ? 0 : exec_strings_append(load->argv, "");
}

static int prepare(struct load *load, struct object *file)
{
	int err = check_argv(load);
	if (!err)
		err = exec_find_program(load, file);
	if (!err)
		err = exec_file_read(&load->program);
	if (!err)
		err = find_interpreter(load);
	if (!err)
		err = exec_build_space(load);
	return err;
}

int exec_program(const char *path, struct object *file, struct exec_strings *argv,
    struct exec_strings *envp, struct registers *regs)
{
	if (argv->len + envp->len + (argv->count + envp->count) * sizeof(uint64_t) >
	    exec_strings_limit())
		return -E2BIG;
	struct load *load = kzalloc(sizeof(*load));
	if (!load)
		return -ENOMEM;
	load->path = path;
	load->argv = argv;
	load->envp = envp;
	int err = prepare(load, file);
	if (!err) {
		check_set_id(load);
		err = process_kill_other_threads();
	}
	if (!err && (process_unshare_handlers() || become(load, regs))) {
		/* Past the point of no return. */
		struct signal_info kill = signal_info_kernel(SIGKILL);
		signal_force(&kill);
	}
	release(load);
	return err;
}
