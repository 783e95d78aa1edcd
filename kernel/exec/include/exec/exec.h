/*
 * Starting programs: ELF64 (static, static-PIE, dynamic with its interpreter) and #! scripts. The file is untrusted: headers are checked
 * completely before anything irreversible happens; after the point of no return an error kills the process.
 */
#pragma once

#include <lib/types.h>

struct object;
struct registers;
struct exec_strings;

/* execve of the current process: on success `regs` are those of the new program; the other threads are gone. `path` is as given:
 * AT_EXECFN, and what a script's interpreter gets. Takes over nothing: file and strings stay the caller's. */
MUST_USE int exec_program(const char *path, struct object *file, struct exec_strings *argv,
    struct exec_strings *envp, struct registers *regs);

/* Opens a file to run it: regular, the caller may execute it, and nobody writes to it until executable_put. `lookup`: LOOKUP_… flags. */
MUST_USE int exec_open(int dir_fd, const char *path, unsigned lookup, struct object **object);

struct file;
/* The same of a file that is open already, perhaps only as a path. */
MUST_USE int exec_open_file(struct file *opened, struct object **object);

/* Collects argument strings: at most a quarter of the stack limit, 128 KiB a string (as Linux). -E2BIG, -EFAULT, -ENOMEM. */
MUST_USE int exec_strings_from_user(uaddr_t vector, struct exec_strings **strings);
MUST_USE int exec_strings_from_kernel(const char *const *vector, struct exec_strings **strings);
void exec_strings_destroy(struct exec_strings *strings);
