/* Private to kernel/tty. */
#pragma once

#include "line.h"

#include <process/process.h>
#include <tty/tty.h>
#include <wait/mutex.h>
#include <wait/wait_queue.h>

/* Letters: I immutable, a atomic, l lock, t process_tree_lock */
struct tty {
	const char *name;                /* I */
	uint64_t number;                 /* I */
	const struct tty_device *device; /* I */
	void *data;                      /* I: the device's own */
	struct mutex lock;
	struct line line; /* l: its counts are read without it by those who wait */
	struct winsize size;
	struct termios
	    locked; /* l: of the settings, what only an administrator changes: flags, and characters that are not 0 here */
	uint32_t session;    /* t: the number of the session that it controls; 0: none */
	uint32_t foreground; /* t: the group that may read; 0: none */
	uint32_t hangups;    /* a: a file that was opened before the last one is dead */
	bool is_started;     /* l */
	struct wait_queue read_wait, write_wait, room_wait;
};

/* A look at the list is enough where the lock was given back since the change, which is a barrier. */
static inline void tty_wake(struct wait_queue *queue)
{
	if (atomic_load(&queue->waiters.next) != &queue->waiters)
		wait_wake_all(queue);
}

/* job.c */
/* Whether the current process may do this to its terminal now: 0, or -EIO, or -ERESTARTSYS after `signal` (SIGTTIN, SIGTTOU) was sent. */
MUST_USE int job_check(struct tty *tty, int signal);
void job_signal_foreground(struct tty *tty, int signal);
MUST_USE int job_set_controlling(struct tty *tty, bool steal);
MUST_USE int job_give_up(struct tty *tty);
MUST_USE int64_t job_foreground(struct tty *tty);
MUST_USE int job_set_foreground(struct tty *tty, uint32_t group);
MUST_USE int64_t job_session(struct tty *tty);

/* tty_ioctl.c */
int64_t tty_ioctl(struct object *object, uint64_t request, uaddr_t arg);

struct tty *tty_of(struct object *object);
/* As after its creation: for a device that begins anew, without files that are not hung up. */
void tty_reset(struct tty *tty);
/* Characters typed, as many as there is room for. */
MUST_USE size_t tty_feed(struct tty *tty, const char *text, size_t len);
bool tty_has_room(struct tty *tty);
