/* From what is to be run to the ELF file that runs: scripts name a program on their first line, which may be a script again. */
#include "exec_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <process/process.h>

#define SCRIPT_DEPTH_MAX 4
#define SCRIPT_LINE_MAX  256

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

/* Gives up the script for the program that it names, of which *script is a copy then. */
static int go_to_interpreter(struct load *load, const char *interpreter, char **script)
{
	struct object *next;
	int err = exec_open(AT_FDCWD, interpreter, LOOKUP_FOLLOW, &next);
	if (err)
		return err;
	executable_put(load->program.object);
	load->program.object = next;
	kfree(*script);
	size_t size = strlen(interpreter) + 1;
	*script = kmalloc(size);
	if (!*script)
		return -ENOMEM;
	memcpy(*script, interpreter, size);
	return 0;
}

/* line[]: room for SCRIPT_LINE_MAX and a NUL. */
static int follow_scripts(struct load *load, char *line)
{
	char *script = NULL, *interpreter, *argument; /* script: NULL means the path */
	int err = 0;
	for (unsigned depth = 0; !err; depth++) {
		struct io io = io_kernel(line, SCRIPT_LINE_MAX);
		int64_t len = object_pread(load->program.object, &io, 0);
		if (len < 0)
			err = (int)len;
		if (len < 2 || line[0] != '#' || line[1] != '!')
			break;
		err = depth == SCRIPT_DEPTH_MAX
			  ? -ELOOP
			  : parse_script(line, (size_t)len, &interpreter, &argument);
		if (!err)
			err =
			    rewrite_argv(load, interpreter, argument, script ? script : load->path);
		if (!err)
			err = go_to_interpreter(load, interpreter, &script);
	}
	kfree(script);
	return err;
}

int exec_find_program(struct load *load, struct object *file)
{
	char *line = kmalloc(SCRIPT_LINE_MAX + 1);
	if (!line)
		return -ENOMEM;
	load->program.object = executable_get(file);
	int err = follow_scripts(load, line);
	kfree(line);
	return err;
}
