/*
 * Changes of an object told by signals: fcntl's F_SETOWN, F_SETSIG and O_ASYNC. What belongs to the object (and not to a descriptor): dup and
 * fork share it. Context: threads.
 */
#pragma once

#include <object/object.h>

/* Linux's numbers: F_OWNER_…. */
enum io_owner_kind { IO_OWNER_THREAD, IO_OWNER_PROCESS, IO_OWNER_GROUP };

struct io_owner {
	enum io_owner_kind kind;
	uint32_t number; /* 0: nobody */
};

/* -ESRCH: there is no such owner; -ENOMEM. From then on signals are sent as by the current process. */
MUST_USE int io_signal_set_owner(struct object *object, struct io_owner owner);
/* An owner that is gone is nobody. */
struct io_owner io_signal_owner(const struct object *object);
/* The current process is told of this descriptor, unless somebody else is. 0 or -ENOMEM. */
MUST_USE int io_signal_be_told(struct object *object, int fd);
/* 0: SIGIO, which tells nothing else. */
MUST_USE int io_signal_set_number(struct object *object, int signal);
int io_signal_number(const struct object *object);
/* O_ASYNC, for objects whose ops->tells_by_signal; fd: what the signal names it by. 0 or -ENOMEM. */
MUST_USE int io_signal_switch(struct object *object, bool on, int fd);
