/*
 * POSIX message queues. A queue is a file of a file system of its own ("mqueue"), which mq_open(3) reaches without a path, and which may be
 * mounted to look at. Messages wait by priority, those of the same in the order in which they came.
 *
 * Life cycle: a queue lives while it has a name or is open. Locking: its mutex guards all that it holds; user memory is not touched under it.
 */
#pragma once

#include <vfs/vfs.h>

#define MQUEUE_PRIORITIES       32768u
#define MQUEUE_MESSAGES_DEFAULT 10u
#define MQUEUE_MESSAGES_MAX     10u /* for who is not privileged */
#define MQUEUE_BYTES_DEFAULT    8192u
#define MQUEUE_BYTES_MAX        8192u

struct mqueue_limits {
	uint64_t messages, bytes; /* how many, and of one the most */
	uint64_t waiting;         /* messages now */
};

struct mqueue_open {
	unsigned flags; /* O_… */
	uint32_t mode;
	const struct mqueue_limits
	    *limits; /* of a new one, checked by mqueue_limits_ok; NULL: the defaults */
};

void mqueue_init(void); /* boot */
/* 0, -EINVAL, -EOVERFLOW. */
MUST_USE int mqueue_limits_ok(const struct mqueue_limits *limits);
/* name: without a slash. An object with one reference. */
MUST_USE int mqueue_open(const char *name, const struct mqueue_open *open, struct object **object);
MUST_USE int mqueue_unlink(const char *name);
bool object_is_mqueue(const struct object *object);
struct mqueue_limits mqueue_look(struct object *object);

struct mqueue_message {
	struct list link;
	uint32_t priority;
	size_t len;
	uint8_t text[];
};
/* Takes the message over when it answers 0. deadline: uptime. -EAGAIN, -ETIMEDOUT, -EMSGSIZE, -ERESTARTSYS. */
MUST_USE int mqueue_send(struct object *object, struct mqueue_message *message, nsec_t deadline);
/* *message is the caller's, to be freed with kfree. size: what it may have at least. */
MUST_USE int mqueue_receive(
    struct object *object, size_t size, nsec_t deadline, struct mqueue_message **message);

/* What mq_notify(3) asks for: signal 0: that others cannot. */
struct mqueue_notice {
	int signal;
	uint64_t value;
};
/* To the current process, once, when a message comes into the empty queue. NULL: no more. -EBUSY. */
MUST_USE int mqueue_notify(struct object *object, const struct mqueue_notice *notice);
