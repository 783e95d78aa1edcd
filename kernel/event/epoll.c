/* Sets of objects to wait for: <event/epoll.h>. Here: the sets themselves, and asking those of their items that have changed. */
#include "epoll_impl.h"

#include <abi/linux/fcntl.h>
#include <arch/user_copy.h>
#include <mm/slab.h>
#include <wait/interruptible.h>

/* What an item that is told one at a time may ask for. */
#define EXCLUSIVE_BITS                                                                             \
	(POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLET | EPOLLWAKEUP | EPOLLEXCLUSIVE)

struct mutex epoll_nesting;

void epoll_init(void)
{
	mutex_init(&epoll_nesting, "epoll nesting", RANK_EPOLL_NESTING);
	item_init();
}

static bool may_be_exclusive(const struct object *target, int operation, uint32_t events)
{
	return operation == EPOLL_CTL_ADD && !object_is_epoll(target) &&
	       !(events & ~EXCLUSIVE_BITS);
}

int epoll_control(struct object *object, int operation, int fd, struct object *target,
    const struct epoll_event *event)
{
	if (!object_can_wait(target))
		return -EPERM;
	if (object == target || operation < EPOLL_CTL_ADD || operation > EPOLL_CTL_MOD)
		return -EINVAL;
	if (operation != EPOLL_CTL_DEL && event->events & EPOLLEXCLUSIVE &&
	    !may_be_exclusive(target, operation, event->events))
		return -EINVAL;
	struct epoll *set = epoll_of(object);
	bool is_set = object_is_epoll(target);
	int err = 0;
	if (is_set)
		mutex_lock(&epoll_nesting);
	if (is_set && operation == EPOLL_CTL_ADD)
		err = epoll_check_nesting(set, epoll_of(target));
	if (!err) {
		mutex_lock(&set->lock);
		err = item_control(set, operation, fd, target, event);
		mutex_unlock(&set->lock);
	}
	if (is_set)
		mutex_unlock(&epoll_nesting);
	return err;
}

static NOINLINE void move_to_end(struct epoll *set, struct item *item)
{
	irq_flags_t flags = spin_lock_irqsave(&set->ready_lock);
	list_remove(&item->ready);
	list_push_back(&set->ready, &item->ready);
	spin_unlock_irqrestore(&set->ready_lock, flags);
}

/*
 * The next that may have changed and was not asked in this turn. It goes behind the others and stays on the list: if it has nothing to tell,
 * settle takes it off, unless it has changed meanwhile. The set's lock held: what is first on the list stays there, and others come to
 * its end only.
 */
static ALWAYS_INLINE struct item *next_to_ask(struct epoll *set, uint64_t turn)
{
	struct list *first = atomic_load(&set->ready.next);
	struct item *item = list_entry(first, struct item, ready);
	if (first == &set->ready || item->turn >= turn)
		return NULL;
	item->turn = turn;
	if (atomic_load(&set->ready.prev) != first)
		move_to_end(set, item);
	/* Before it is asked: what changes from now on is seen by settle. */
	atomic_store(&item->is_changed, false);
	atomic_fence();
	return item;
}

static NOINLINE void settle(struct epoll *set, struct item *item)
{
	irq_flags_t flags = spin_lock_irqsave(&set->ready_lock);
	if (!atomic_load(&item->is_changed)) {
		item->is_ready = false;
		list_remove(&item->ready);
	}
	spin_unlock_irqrestore(&set->ready_lock, flags);
}

/* What is told only once, or once for each change. */
static NOINLINE void tell_no_more(struct epoll *set, struct item *item)
{
	if (item->events & EPOLLONESHOT)
		atomic_store(&item->events, item->events & ~EVENT_BITS);
	settle(set, item);
}

/* As if it had not been asked in this turn: the next again. */
static NOINLINE void take_back(struct epoll *set, struct item *item, uint64_t turn)
{
	irq_flags_t flags = spin_lock_irqsave(&set->ready_lock);
	item->turn = turn - 1;
	list_remove(&item->ready);
	list_push_front(&set->ready, &item->ready);
	spin_unlock_irqrestore(&set->ready_lock, flags);
}

/* Where user_range_ok has been. False: not without waiting for a page. */
static ALWAYS_INLINE bool put_event(uaddr_t place, uint32_t events, uint64_t data)
{
	user_nofault_begin();
	user_store(place.va + offsetof(struct epoll_event, events), events, fault);
	user_store(place.va + offsetof(struct epoll_event, data), data, fault);
	user_nofault_end();
	return true;
fault:
	user_nofault_end();
	return false;
}

/* Where a program wants its events. */
struct report {
	uaddr_t place;   /* of the next */
	size_t left;     /* that there is room for */
	bool is_blocked; /* the next place cannot be written without waiting */
};

/* There is room for one at least. The set's lock held. */
static ALWAYS_INLINE void collect(struct epoll *set, uint64_t turn, struct report *report)
{
	struct item *item;
	report->is_blocked = false;
	while ((item = next_to_ask(set, turn))) {
		uint32_t events = item_events(item);
		if (unlikely(!events)) {
			settle(set, item);
			continue;
		}
		if (unlikely(!put_event(report->place, events, item->data))) {
			take_back(set, item, turn);
			report->is_blocked = true;
			return;
		}
		report->place.va += sizeof(struct epoll_event);
		if (item->events & (EPOLLONESHOT | EPOLLET))
			tell_no_more(set, item);
		if (!--report->left)
			return;
	}
}

/*
 * When there was no room for more than `done` events without waiting: the pages that are not there are brought in without the lock, and the
 * same turn goes on.
 */
static NOINLINE int64_t collect_rest(
    struct epoll *set, uint64_t turn, uaddr_t user, size_t count, size_t done)
{
	struct report report = {
	    .place = uaddr_add(user, done * sizeof(struct epoll_event)), .left = count - done};
	int err = 0;
	do {
		if (clear_user(report.place, sizeof(struct epoll_event)))
			err = -EFAULT;
		else if (signal_is_pending())
			err = -EINTR;
		if (err)
			break;
		mutex_lock(&set->lock);
		collect(set, turn, &report);
		mutex_unlock(&set->lock);
	} while (report.is_blocked);
	return report.left != count ? (int64_t)(count - report.left) : err;
}

static bool is_any_changed(const struct epoll *set)
{
	return atomic_load(&set->ready.next) != &set->ready;
}

static ALWAYS_INLINE int64_t tell(struct epoll *set, uaddr_t user, size_t count)
{
	struct report report = {.place = user, .left = count};
	mutex_lock(&set->lock);
	uint64_t turn = ++set->turn;
	collect(set, turn, &report);
	mutex_unlock(&set->lock);
	int64_t done = (int64_t)(count - report.left);
	if (unlikely(report.is_blocked))
		done = collect_rest(set, turn, user, count, (size_t)done);
	/* What is still ready, or was too much for us, is for another thread. */
	if (unlikely(!list_is_empty(&set->waiters.waiters)) && is_any_changed(set))
		wait_wake_one(&set->waiters);
	return done;
}

static NOINLINE int64_t wait_and_tell(
    struct epoll *set, uaddr_t user, size_t count, nsec_t deadline)
{
	bool is_late = false;
	for (;;) {
		/* Before giving up, too: whoever woke us has woken nobody else. */
		int64_t ready = is_any_changed(set) ? tell(set, user, count) : 0;
		if (ready || is_late)
			return ready;
		if (signal_is_pending())
			return -EINTR;
		is_late = wait_until(&set->waiters, is_any_changed(set) || signal_is_pending(),
			      deadline) != 0;
	}
}

int64_t epoll_wait(struct object *object, uaddr_t user, size_t count, nsec_t deadline)
{
	struct epoll *set = epoll_of(object);
	int64_t ready = is_any_changed(set) ? tell(set, user, count) : 0;
	return ready || !deadline ? ready : wait_and_tell(set, user, count, deadline);
}

/* From poll(2), or from another set, whose lock is held then. */
static unsigned poll_set(struct object *object, struct poll_table *table)
{
	struct epoll *set = epoll_of(object);
	poll_wait_for(table, object, &set->pollers, POLLIN | POLLRDNORM);
	if (!is_any_changed(set))
		return 0;
	bool is_ready = false;
	struct item *item;
	/* A set in a set always comes second. */
	mutex_lock_second(&set->lock);
	uint64_t turn = ++set->turn;
	while (!is_ready && (item = next_to_ask(set, turn))) {
		is_ready = item_events(item) != 0;
		if (!is_ready)
			settle(set, item);
	}
	mutex_unlock(&set->lock);
	return is_ready ? POLLIN | POLLRDNORM : 0;
}

void epoll_put(struct epoll *set, uint32_t count)
{
	if (atomic_fetch_sub(&set->users, count) == count)
		kfree(set);
}

static void release_set(struct object *object)
{
	struct epoll *set = epoll_of(object);
	bool has_inner = atomic_load(&set->has_inner);
	if (has_inner)
		mutex_lock(&epoll_nesting);
	item_remove_all(set);
	if (has_inner)
		mutex_unlock(&epoll_nesting);
}

static void free_set(struct object *object)
{
	epoll_put(epoll_of(object), 1);
}

/* An object stays while it is in a set whose lock is held. */
static void describe_set(struct object *object, fmt_sink_t sink, void *ctx)
{
	struct epoll *set = epoll_of(object);
	mutex_lock(&set->lock);
	for (struct rb_node *node = set->items.leftmost; node; node = rb_next(node)) {
		const struct item *item = rb_entry(node, struct item, in_set);
		struct object *target = item->object;
		struct kstat stat = {0};
		if (target->ops->stat && target->ops->stat(target, &stat))
			continue;
		fmt_format(sink, ctx,
		    "tfd: %8d events: %8x data: %16lx  pos:%ld ino:%lx sdev:%lx\n", item->fd,
		    atomic_load(&item->events), item->data,
		    target->ops->is_stream ? 0 : (int64_t)atomic_load(&target->pos), stat.ino,
		    stat.dev);
	}
	mutex_unlock(&set->lock);
}

static const struct object_ops epoll_ops = {
    .type = OBJECT_POLL_SET,
    .is_stream = true,
    .release = release_set,
    .free = free_set,
    .poll = poll_set,
    .stat = object_stat_nameless,
    .describe = describe_set,
};

/* Taken under the locks of other queues, and for sets in sets within one another: an order without circles, but not one of ranks. */
static void init_queue(struct wait_queue *queue, const char *name)
{
	spin_init(&queue->lock, name, RANK_NONE);
	list_init(&queue->waiters);
}

int epoll_create(struct object **object)
{
	struct epoll *set = kzalloc(sizeof(*set));
	if (!set)
		return -ENOMEM;
	object_init(&set->object, &epoll_ops, O_RDWR);
	set->users = 1;
	mutex_init(&set->lock, "epoll", RANK_EPOLL);
	spin_init(&set->ready_lock, "epoll ready", RANK_NONE);
	list_init(&set->ready);
	init_queue(&set->waiters, "epoll waiters");
	init_queue(&set->pollers, "epoll pollers");
	list_init(&set->inner);
	list_init(&set->outer);
	*object = &set->object;
	return 0;
}
