/* Private to kernel/event. */
#pragma once

#include <event/epoll.h>
#include <lib/rbtree.h>
#include <object/poll.h>
#include <wait/mutex.h>
#include <wait/wait_queue.h>

#define EPOLLEXCLUSIVE (1u << 28)
#define EPOLLWAKEUP    (1u << 29) /* nothing sleeps here */
#define EPOLLONESHOT   (1u << 30)
#define EPOLLET        (1u << 31)
#define EVENT_BITS     (EPOLLEXCLUSIVE - 1)

#define ITEM_QUEUES_MAX 4

struct item;

/* One of the queues that tell of an item. */
struct item_wait {
	struct wait_entry entry;
	struct wait_queue *queue;
	struct item *item;
	uint32_t events; /* what it tells of */
};

/*
 * Who removes an item: EPOLL_CTL_DEL, whose caller holds both the set and the object; the end of the set; the end of the object. The last two
 * may meet. An object that ends marks the item, which then stays until it comes back for it with the set's lock.
 *
 * Letters: I immutable, a atomic, s the set's lock, r its ready_lock, o the lock of all objects' items, n epoll_nesting
 */
struct item {
	struct epoll *set;              /* I: kept by it, but only its memory */
	struct object *object;          /* I: no reference; the item goes before it */
	int fd;                         /* I */
	uint32_t events;                /* a: changed under s */
	uint64_t data;                  /* s */
	struct rb_node in_set;          /* s */
	bool is_cut_off;                /* s: in no set and no queue any more */
	bool is_forgotten;              /* o: its object ends */
	struct list of_object;          /* o: in its bucket */
	bool is_ready;                  /* r: on the set's list */
	bool is_changed;                /* a: since it was last asked; set under r */
	uint64_t turn;                  /* s: when it was last asked */
	struct list ready;              /* r */
	struct list as_inner, as_outer; /* n: an item that is a set, in the lists of both sets */
	unsigned wait_count;            /* s */
	struct item_wait waits[ITEM_QUEUES_MAX];
};

struct epoll {
	struct object object;
	uint32_t users; /* a: who needs the memory: the object, and each item */
	struct mutex lock;
	struct rb_tree items;       /* s: by descriptor and object */
	uint64_t turn;              /* s: how often all have been asked */
	struct spinlock ready_lock; /* interrupts off */
	struct list ready; /* r: something may have changed there since it was last looked at */
	struct wait_queue waiters; /* threads, one of which takes an event */
	struct wait_queue pollers; /* poll(2), and other sets */
	struct list inner,
	    outer;       /* n: items for the sets in this one, and for this one in others */
	bool has_inner;  /* a: there was one, ever */
	uint64_t visit;  /* n: the last search that came by, */
	unsigned levels; /* n: and what it found */
};

/* Held by what puts a set into a set or takes it out; before the sets' locks. */
extern struct mutex epoll_nesting;

static inline struct epoll *epoll_of(struct object *object)
{
	return container_of(object, struct epoll, object);
}

/* `count` users need the set's memory no more. */
void epoll_put(struct epoll *set, uint32_t count);

/* What an item asks for and is there. One that has told its event with EPOLLONESHOT asks for nothing. */
static inline uint32_t item_events(const struct item *item)
{
	return object_poll(item->object, NULL) & atomic_load(&item->events) & EVENT_BITS;
}

void item_init(void); /* boot */
/* The set's lock held, and for a target that is a set epoll_nesting. */
MUST_USE int item_control(struct epoll *set, int operation, int fd, struct object *target,
    const struct epoll_event *event);
/* The set has ended: epoll_nesting held if there were sets in it. */
void item_remove_all(struct epoll *set);

/* Whether `inner` may go into `outer`: 0, or -ELOOP. epoll_nesting held. */
MUST_USE int epoll_check_nesting(struct epoll *outer, struct epoll *inner);
