/* Who is told of an object's changes, and how: io_tell.c. Whether there is something to tell, and when, is io_signal.c's. */
#pragma once

#include <process/io_signal.h>

struct pid;

struct io_told {
	struct pid *owner; /* with a reference; NULL: nobody */
	enum io_owner_kind kind;
	int signal, fd;
	uint32_t uid, euid; /* of who named the owner */
};

/* Linux's si_code: POLL_IN, POLL_OUT, POLL_MSG. */
enum io_change { IO_CHANGE_INPUT = 1, IO_CHANGE_OUTPUT, IO_CHANGE_MESSAGE };

/* There is an owner, to which the caller has a reference. */
void io_tell(const struct io_told *told, enum io_change change);
