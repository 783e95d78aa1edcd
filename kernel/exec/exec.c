/*
 * execve. Up to the point of no return everything can fail and the old program goes on; after it, an error kills.
 */
#include "exec_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/mman.h>
#include <abi/linux/process.h>
#include <abi/linux/signal.h>
#include <arch/user.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <process/posix_timer.h>
#include <process/process.h>
#include <random/random.h>
#include <vfs/vfs.h>

#define SCRIPT_DEPTH_MAX 4
#define SCRIPT_LINE_MAX  256
#define PIE_BASE         0x555555554000ull
#define STACK_GAP_MIN    (128 * MiB)
#define STACK_GAP_MAX    (USER_END / 6 * 5)

struct load {
	const char *path; /* AT_EXECFN: what the caller named */
	struct exec_file program, interpreter;
	struct exec_strings *argv; /* ours once a script has changed them */
	struct exec_strings *envp;
	bool argv_is_ours;
	struct address_space *space;
	uintptr_t stack_top, vdso;
	uint32_t new_uid, new_gid; /* by the set-id bits */
	bool set_uid, set_gid;
};

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

/* "#! interpreter [one argument]" in line[]; cut at the end of the line. */
static int parse_script(char *line, size_t len, char **interpreter, char **argument)
{
	line[len] = '\0';
	char *end = strchr(line, '\n');
	if (!end && len == SCRIPT_LINE_MAX)
		return -ENOEXEC;
	if (end)
		*end = '\0';
	char *at = line + 2;
	while (*at == ' ' || *at == '\t')
		at++;
	for (size_t n = strlen(at); n && (at[n - 1] == ' ' || at[n - 1] == '\t'); n--)
		at[n - 1] = '\0';
	if (!*at)
		return -ENOEXEC;
	*interpreter = at;
	*argument = NULL;
	while (*at && *at != ' ' && *at != '\t')
		at++;
	if (*at) {
		*at++ = '\0';
		while (*at == ' ' || *at == '\t')
			at++;
		*argument = at;
	}
	return 0;
}

/* argv becomes: interpreter, its argument, the script's path, the rest of the old argv. */
static int rewrite_argv(
    struct load *load, const char *interpreter, const char *argument, const char *script)
{
	const char *const first[] = {
	    interpreter, argument ? argument : script, argument ? script : NULL, NULL};
	struct exec_strings *argv;
	int err = exec_strings_from_kernel(first, &argv);
	if (!err)
		err = exec_strings_append_all(argv, load->argv, 1);
	else
		return err;
	if (err) {
		exec_strings_destroy(argv);
		return err;
	}
	if (load->argv_is_ours)
		exec_strings_destroy(load->argv);
	load->argv = argv;
	load->argv_is_ours = true;
	return 0;
}

/* Follows #! lines until there is a program. Afterwards load->program.object is a reference of ours. */
static int find_program(struct load *load, struct object *file, char *line)
{
	const char *script = load->path;
	char *script_copy = NULL;
	int err = 0;
	load->program.object = executable_get(file);
	for (unsigned depth = 0; !err; depth++) {
		struct io io = io_kernel(line, SCRIPT_LINE_MAX);
		int64_t len = object_pread(load->program.object, &io, 0);
		if (len < 0)
			err = (int)len;
		if (len < 2 || line[0] != '#' || line[1] != '!')
			break;
		char *interpreter, *argument;
		err = depth == SCRIPT_DEPTH_MAX
			  ? -ELOOP
			  : parse_script(line, (size_t)len, &interpreter, &argument);
		if (!err)
			err = rewrite_argv(load, interpreter, argument, script);
		if (err)
			break;
		struct object *next;
		err = exec_open(AT_FDCWD, interpreter, LOOKUP_FOLLOW, &next);
		if (err)
			break;
		executable_put(load->program.object);
		load->program.object = next;
		kfree(script_copy);
		script = script_copy = kmalloc(strlen(interpreter) + 1);
		if (!script_copy)
			err = -ENOMEM;
		else
			memcpy(script_copy, interpreter, strlen(interpreter) + 1);
	}
	kfree(script_copy);
	return err;
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

static uintptr_t random_pages(uint64_t count)
{
	if (current_process()->personality & 0x0040000) /* ADDR_NO_RANDOMIZE */
		return 0;
	uint64_t random;
	random_fill(&random, sizeof(random));
	return random % count << PAGE_SHIFT;
}

static void choose_layout(struct load *load)
{
	struct address_space *space = load->space;
	uint64_t gap =
	    min(max(current_limit(RLIMIT_STACK), (uint64_t)STACK_GAP_MIN), (uint64_t)STACK_GAP_MAX);
	load->stack_top = USER_END - random_pages(1 << 16) * 4;
	space->stack_top = load->stack_top;
	space->mmap_top = ALIGN_DOWN(load->stack_top - gap - random_pages(1 << 16), PAGE_SIZE);
}

static int map_stack(struct load *load)
{
	uint64_t size = min(current_limit(RLIMIT_STACK), (uint64_t)(132 * KiB));
	size = max(ALIGN_UP(size, PAGE_SIZE),
	    (uint64_t)(exec_strings_limit() > 132 * KiB ? 132 * KiB : 64 * KiB));
	unsigned prot =
	    PROT_READ | PROT_WRITE | (load->program.image.executable_stack ? PROT_EXEC : 0);
	return vm_map_stack(load->space, load->stack_top, size, prot);
}

static int map_program(struct load *load)
{
	struct address_space *space = load->space;
	const struct elf_image *image = &load->program.image;
	uintptr_t end, interpreter_end;
	int err = exec_file_map(&load->program, space, PIE_BASE + random_pages(1 << 20), &end);
	if (err)
		return err;
	space->code_start = image->lowest + load->program.bias;
	space->code_end = space->data_end = end;
	space->data_start = space->code_start;
	space->brk_start = space->brk_end = ALIGN_UP(end, PAGE_SIZE) + random_pages(1 << 13);
	if (!load->interpreter.object)
		return 0;
	const struct elf_image *interpreter = &load->interpreter.image;
	size_t len = ALIGN_UP(interpreter->highest, PAGE_SIZE) - interpreter->lowest;
	/* A place with room for all of it, found by mapping it once. */
	int64_t base = 0;
	if (interpreter->is_position_independent) {
		base = vm_map(space, 0, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
		if (base < 0)
			return (int)base;
	}
	return exec_file_map(&load->interpreter, space, (uint64_t)base, &interpreter_end);
}

static int build_space(struct load *load)
{
	load->space = address_space_create();
	if (!load->space)
		return -ENOMEM;
	choose_layout(load);
	int err = map_stack(load);
	if (!err)
		err = map_program(load);
	if (!err) {
		uaddr_t vdso;
		err = user_map_vdso(load->space, &vdso);
		load->vdso = vdso.va;
	}
	return err;
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

/* The old program is gone: what is left of it in the process goes too. */
static int become(struct load *load, struct registers *regs)
{
	struct process *process = current_process();
	struct task *task = current_task();
	struct credentials *creds = make_credentials(load);
	if (!creds)
		return -ENOMEM;
	bool secure = creds->euid != creds->uid || creds->egid != creds->gid;
	/* Nor is shown what its user may run but not read. */
	const struct inode *inode = file_of(load->program.object)->inode;
	bool is_shown = !secure && !inode_permission_as(creds, inode, MAY_READ);
	futex_exit_task(task); /* whoever waits for this thread waits for the old program's */
	process_set_space(load->space, creds, is_shown);
	load->space = NULL;
	if (unlikely(process->keyrings))
		keys_exec(process);
	if (unlikely(current_task()->keyring))
		keys_exit_task(current_task());
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

	struct exec_stack stack = {.top = load->stack_top,
	    .program = &load->program,
	    .argv = load->argv,
	    .envp = load->envp,
	    .interpreter = load->interpreter.object ? &load->interpreter : NULL,
	    .path = load->path,
	    .vdso = load->vdso,
	    .secure = secure};
	uaddr_t sp = {0};
	if (!err)
		err = exec_file_clear_tails(&load->program);
	if (!err && load->interpreter.object)
		err = exec_file_clear_tails(&load->interpreter);
	if (!err)
		err = exec_stack_fill(&stack, &sp);
	const struct exec_file *first =
	    load->interpreter.object ? &load->interpreter : &load->program;
	user_registers_init(regs, (uaddr_t){first->image.entry + first->bias}, sp);
	return err;
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
	char *line = kmalloc(SCRIPT_LINE_MAX + 1);
	if (!line)
		return -ENOMEM;
	int err = check_argv(load);
	if (!err)
		err = find_program(load, file, line);
	kfree(line);
	if (!err)
		err = exec_file_read(&load->program);
	if (!err)
		err = find_interpreter(load);
	if (!err)
		err = build_space(load);
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
