/* Private to kernel/exec. */
#pragma once

#include <exec/elf.h>
#include <exec/exec.h>

struct address_space;

struct exec_strings {
	char *text; /* string after string, each with its NUL */
	size_t len, room, count;
};
size_t exec_strings_limit(void);
MUST_USE int exec_strings_append(struct exec_strings *strings, const char *text);
MUST_USE int exec_strings_append_all(
    struct exec_strings *to, const struct exec_strings *from, size_t skip);

/* load.c: an ELF file, opened and read as far as its headers say. */
struct exec_file {
	struct object *object;
	struct elf_image image;
	uint64_t bias; /* added to every address of the file */
};
MUST_USE int exec_file_read(struct exec_file *file);
/* Maps the segments; *end is the first address behind them. */
MUST_USE int exec_file_map(
    struct exec_file *file, struct address_space *space, uint64_t base, uintptr_t *end);
/* What lies behind the file's bytes in its last page, once the space is the current one. */
MUST_USE int exec_file_clear_tails(const struct exec_file *file);

/* An execve under way. */
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

/* script.c: follows #! lines until there is a program. Afterwards load->program.object is a reference of ours. */
MUST_USE int exec_find_program(struct load *load, struct object *file);
/* space.c: with both files mapped, and room for the stack. */
MUST_USE int exec_build_space(struct load *load);

/* stack.c: strings, vectors and auxiliary values on the new stack. The space is the current one. */
struct exec_stack {
	uintptr_t top;
	const struct exec_file *program, *interpreter; /* interpreter NULL: static */
	const struct exec_strings *argv, *envp;
	const char *path;
	uintptr_t vdso;
	bool secure;
};
MUST_USE int exec_stack_fill(const struct exec_stack *stack, uaddr_t *sp);
