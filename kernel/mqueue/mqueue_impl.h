/* Private to kernel/mqueue. */
#pragma once

#include <abi/errno.h>
#include <mqueue/mqueue.h>
#include <process/process.h>

struct mqueue {
	struct mutex lock;
	struct list messages;             /* lock: the next to be received first */
	uint64_t count;                   /* a; lock to change */
	uint64_t bytes;                   /* lock: of all messages */
	uint64_t messages_max, bytes_max; /* lock: I after it was opened first */
	unsigned receivers;               /* lock: those who wait for a message */
	struct wait_queue changed;
	struct process
	    *owner; /* lock: who is told of the next message, with a reference; NULL: nobody */
	struct mqueue_notice notice; /* lock */
	uint32_t uid;                /* I: whose RLIMIT_MSGQUEUE it counts for */
	struct list link;            /* queues_lock: all */
};

struct mqueue *mqueue_create(void);
void mqueue_destroy(struct mqueue *queue);
/* RLIMIT_MSGQUEUE: 0 or -EMFILE. */
MUST_USE int mqueue_set_limits(struct mqueue *queue, const struct mqueue_limits *limits);

static inline struct mqueue *mqueue_of(struct object *object)
{
	return file_of(object)->inode->data;
}
