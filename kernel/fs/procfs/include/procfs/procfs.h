/*
 * /proc: what the kernel knows, as text in Linux's formats. A file is a function that prints it; a directory is a table of files
 * (entries.c), or made from the processes there are.
 */
#pragma once

#include <lib/types.h>

struct object;
struct process;

/* What uname(2) and /proc call the system. Libraries compare the release with the Linux versions that they know. */
#define SYSTEM_RELEASE  "6.12.0-exo"
#define SYSTEM_VERSION  "#1 SMP Exo-OS 0.1"
#define SYSTEM_NAME_MAX 65 /* of a host or a domain, with the NUL */

void procfs_register(void); /* boot, before vfs_init */

/* The process, referenced, that an open directory is about. -EBADF: it is no such directory. -ESRCH: it has ended. */
MUST_USE int procfs_process(struct object *object, struct process **process);

/* Hooks, defined above: the names that uname(2) gives. */
void system_name(bool domain, char *buf, size_t size);
void system_set_name(bool domain, const char *name);
/* And what syslog(2) lets through to the console: Linux's levels, 1 to 8. -EINVAL. */
int system_console_level(void);
int system_set_console_level(int level);
