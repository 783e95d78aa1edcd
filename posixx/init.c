/* The first process: descriptors 0, 1 and 2 on the console, then the program. */
#include <abi/linux/fcntl.h>
#include <acpi/power.h>
#include <arch/user.h>
#include <boot/boot_info.h>
#include <exec/exec.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <log/assert.h>
#include <log/log.h>
#include <object/capability.h>
#include <posixx/console.h>
#include <posixx/posixx.h>
#include <process/process.h>
#include <vfs/vfs.h>

#define INIT_WORDS_MAX 32 /* of arguments, and of the environment */

static char init_path[256];
static char init_words[BOOT_CMDLINE_MAX], kernel_words[BOOT_CMDLINE_MAX];

static const char *const candidates[] = {"/init", "/sbin/init", "/bin/init", "/bin/sh"};

static bool can_run(const char *path)
{
	struct object *file;
	if (exec_open(AT_FDCWD, path, LOOKUP_FOLLOW, &file))
		return false;
	executable_put(file);
	return true;
}

static void open_console(void)
{
	struct open_request request = {.flags = O_RDWR};
	struct object *console;
	if (vfs_open(AT_FDCWD, "/dev/console", &request, &console))
		console = console_object();
	for (int fd = 0; console && fd < 3; fd++) {
		int got =
		    cap_install(object_get(console), cap_rights_of_open(O_RDWR, false), 0, fd);
		assert(got == fd);
	}
	if (console)
		object_put(console);
}

/* Cuts the next word off; NULL when there is none. */
static char *next_word(char **rest)
{
	char *word = *rest;
	while (*word == ' ')
		word++;
	char *space = strchr(word, ' ');
	*rest = space ? space + 1 : word + strlen(word);
	if (space)
		*space = '\0';
	return *word ? word : NULL;
}

/* What follows `--` on the command line are init's arguments. */
static void collect_arguments(const char **argv)
{
	size_t count = 0;
	argv[count++] = init_path;
	const char *rest = strstr(boot_info.cmdline, " -- ");
	if (rest)
		str_copy(init_words, sizeof(init_words), rest + 4);
	char *at = init_words, *word;
	while (count < INIT_WORDS_MAX && (word = next_word(&at)))
		argv[count++] = word;
	argv[count] = NULL;
}

static bool is_same_variable(const char *a, const char *b)
{
	size_t len = (size_t)(strchr(a, '=') - a) + 1;
	return strncmp(a, b, len) == 0;
}

/* NAME=VALUE before it, with a name in capitals, is for init's environment: the kernel's own words have none. */
static void collect_environment(const char **variables)
{
	static const char *const defaults[] = {
	    "HOME=/", "PATH=/bin:/sbin:/usr/bin:/usr/sbin", "TERM=vt100"};
	size_t count = ARRAY_LEN(defaults);
	memcpy(variables, defaults, sizeof(defaults));
	str_copy(kernel_words, sizeof(kernel_words), boot_info.cmdline);
	char *at = kernel_words, *word;
	while (count < INIT_WORDS_MAX && (word = next_word(&at)) && strcmp(word, "--") != 0) {
		if (*word < 'A' || *word > 'Z' || !strchr(word, '='))
			continue;
		size_t i = 0;
		while (i < count && !is_same_variable(variables[i], word))
			i++;
		variables[i] = word;
		count = max(count, i + 1);
	}
	variables[count] = NULL;
}

static int start(struct registers *regs)
{
	const char *argv[INIT_WORDS_MAX + 1], *environment[INIT_WORDS_MAX + 1];
	struct exec_strings *arguments = NULL, *variables = NULL;
	struct object *file = NULL;
	collect_arguments(argv);
	collect_environment(environment);
	int err = exec_strings_from_kernel(argv, &arguments);
	if (!err)
		err = exec_strings_from_kernel(environment, &variables);
	if (!err)
		err = exec_open(AT_FDCWD, init_path, LOOKUP_FOLLOW, &file);
	if (!err)
		err = exec_program(init_path, file, arguments, variables, regs);
	if (file)
		executable_put(file);
	exec_strings_destroy(arguments);
	exec_strings_destroy(variables);
	return err;
}

/* Runs as the first process's only thread, still in the kernel. */
static void become_init(void *arg)
{
	(void)arg;
	struct thread *thread = current_thread();
	struct user_state *state = user_state_create();
	if (!state)
		panic("no memory for the first process");
	thread->user = state;
	open_console();
	int err = start(user_start_registers(state));
	if (err)
		panic("%s cannot be run (error %d)", init_path, -err);
	user_enter();
}

/* What a shell would call its exit status goes out where a test or `exo run` listens; then the machine is switched off. */
NORETURN void process_first_ended(int wait_status)
{
	int status = wait_status & 0x7f ? 128 + (wait_status & 0x7f) : wait_status >> 8 & 0xff;
	if (wait_status & 0x7f)
		log_err("init", "%s was killed by signal %d", init_path, wait_status & 0x7f);
	else if (status)
		log_warn("init", "%s ended with status %d", init_path, status);
	machine_power_off();
}

bool posixx_start_init(void)
{
	bool found = cmdline_get(boot_info.cmdline, "init", init_path, sizeof(init_path)) == 1;
	if (found && !can_run(init_path)) {
		log_err("init", "%s cannot be run", init_path);
		found = false;
	}
	for (size_t i = 0; !found && i < ARRAY_LEN(candidates); i++) {
		str_copy(init_path, sizeof(init_path), candidates[i]);
		found = can_run(init_path);
	}
	if (!found)
		return false;
	if (process_create_first(become_init, NULL))
		panic("no memory for the first process");
	return true;
}
