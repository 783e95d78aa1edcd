/*
 * File systems of text that is made when it is read: their trees are tables, a row for each file with the function that prints it. /proc is one,
 * /sys another.
 */
#pragma once

#include <vfs/vfs.h>

struct process;

/*
 * Text that grows as it is printed: the one way in which files here come to be. What may be long is printed in parts, each when it is read: a
 * printer that stops before the end says so, and from where on it wants to be asked again.
 */
struct proc_text {
	char *buf;
	size_t len, size;
	uint64_t before; /* bytes of the parts before this one */
	uint64_t next;   /* the printer's; 0: from the beginning */
	bool has_more;   /* behind this part */
	bool failed;     /* out of memory */
};
void proc_print(struct proc_text *text, const char *format, ...) PRINTF_LIKE(2, 3);
void proc_append(struct proc_text *text, const char *bytes, size_t len);
void proc_sink(void *text, const char *bytes, size_t len); /* of lib/fmt.h */
/* Sets as bits in hexadecimal, so many, and as a list of numbers and ranges. */
void proc_print_bits(struct proc_text *text, uint64_t set, unsigned count);
void proc_print_list(struct proc_text *text, uint64_t set);
void proc_pad(struct proc_text *text, size_t line_start, size_t width);

/* Whom a file is about. process is NULL for the system's own files. tid 0: the process as a whole. */
struct proc_subject {
	struct process *process;
	uint32_t tid;
	int index; /* which of the numbered ones: a descriptor, a processor; -1: none */
};

/* A name in a directory: what it does says what it is. */
struct proc_entry {
	const char *name;
	uint32_t mode;
	/* A file: prints it. 0 or -errno. */
	int (*show)(struct proc_text *text, const struct proc_subject *subject);
	/* May be NULL. text is NUL-terminated. */
	int (*write)(const struct proc_subject *subject, char *text);
	/* May be NULL. Of an open file. */
	int64_t (*ioctl)(const struct proc_subject *subject, uint64_t request, uaddr_t arg);
	/* A link: as inode_ops.read_link. */
	int (*link)(const struct proc_subject *subject, char *buf, struct path *jump);
	/* To open it takes the right to look into the process. */
	bool is_guarded;
	/* A directory: of entries, or of what is numbered. */
	const struct proc_entry *children;
	size_t child_count;
	enum { DIR_TABLE, DIR_ROOT, DIR_TASKS, DIR_FDS, DIR_FDINFO, DIR_NUMBERED } kind;
	/* DIR_NUMBERED: besides children there are prefix0, prefix1, …, so many, and each is this. */
	const char *prefix;
	unsigned (*count)(void);
	const struct proc_entry *each;
};

/* A tree as a file system. */
struct proc_tree {
	const struct proc_entry *root;
	uint32_t magic;
	uint32_t file_size; /* that stat tells, whatever can be read */
	bool is_constant;   /* no name comes or goes: they may be cached */
};
/* For mount of struct file_system. The tree stays. */
MUST_USE int proc_tree_mount(const struct file_system *type, uint32_t flags,
    const struct proc_tree *tree, struct super **result);
