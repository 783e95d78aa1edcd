/* What is in a set: adding, changing, removing, and being told of changes. "epoll_impl.h" says who removes what. */
#include "epoll_impl.h"

#include <mm/slab.h>

#define ALWAYS  (POLLERR | POLLHUP)
#define BUCKETS 64

/* The items of all objects whose addresses hash alike. */
static struct bucket {
	struct spinlock lock;
	struct list items;
} buckets[BUCKETS];

void item_init(void)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		spin_init(&buckets[i].lock, "epoll items", RANK_NONE);
		list_init(&buckets[i].items);
	}
}

static struct bucket *bucket_of(const struct object *object)
{
	return &buckets[((uintptr_t)object * 0x9e3779b97f4a7c15ull) >> 58];
}

/* Under the lock of a queue that the item waits on, or the set's: the item stays. Whether somebody was woken. */
static bool mark_changed(struct item *item)
{
	struct epoll *set = item->set;
	irq_flags_t flags = spin_lock_irqsave(&set->ready_lock);
	atomic_store(&item->is_changed, true);
	if (!item->is_ready) {
		item->is_ready = true;
		list_push_back(&set->ready, &item->ready);
	}
	spin_unlock_irqrestore(&set->ready_lock, flags);
	bool is_woken = wait_wake_one(&set->waiters);
	return wait_wake_all(&set->pollers) || is_woken;
}

static bool wake_item(struct wait_entry *entry)
{
	struct item_wait *wait = container_of(entry, struct item_wait, entry);
	if (!(atomic_load(&wait->item->events) & wait->events & EVENT_BITS))
		return false;
	bool is_woken = mark_changed(wait->item);
	/* Where nobody waits, the next of those that are told one at a time is told as well. */
	return is_woken || !entry->is_exclusive;
}

/* A new item learns which queues tell of its object. */
struct item_table {
	struct poll_table table;
	struct item *item;
	bool is_full;
};

static void add_queue(
    struct poll_table *table, struct object *object, struct wait_queue *queue, unsigned events)
{
	(void)object;
	struct item_table *own = container_of(table, struct item_table, table);
	struct item *item = own->item;
	if (item->wait_count == ITEM_QUEUES_MAX) {
		own->is_full = true;
		return;
	}
	struct item_wait *wait = &item->waits[item->wait_count++];
	wait_entry_init(&wait->entry);
	wait->entry.wake = wake_item;
	wait->entry.is_exclusive = item->events & EPOLLEXCLUSIVE;
	wait->item = item;
	wait->queue = queue;
	wait->events = events;
	wait_add(queue, &wait->entry);
}

/* As objects with the same descriptor are rare, the address only has to tell them apart. */
static int compare(const struct item *item, int fd, const struct object *object)
{
	if (item->fd != fd)
		return fd < item->fd ? -1 : 1;
	return object < item->object ? -1 : object > item->object;
}

/* Where it is, or (NULL there) where it would be inserted. */
static struct rb_node **find(struct epoll *set, int fd, const struct object *object,
    struct rb_node **parent, bool *is_leftmost)
{
	struct rb_node **link = &set->items.root;
	*parent = NULL;
	*is_leftmost = true;
	while (*link) {
		int order = compare(rb_entry(*link, struct item, in_set), fd, object);
		if (!order)
			break;
		*parent = *link;
		*is_leftmost &= order < 0;
		link = &(*link)->child[order > 0];
	}
	return link;
}

/* Off everything but its object. The set's lock held. */
static void cut_off(struct item *item)
{
	struct epoll *set = item->set;
	/* The queue may be about to end: wait_queue_abandon. */
	rcu_read_lock();
	for (unsigned i = 0; i < item->wait_count; i++)
		wait_remove(item->waits[i].queue, &item->waits[i].entry);
	rcu_read_unlock();
	irq_flags_t flags = spin_lock_irqsave(&set->ready_lock);
	if (item->is_ready)
		list_remove(&item->ready);
	spin_unlock_irqrestore(&set->ready_lock, flags);
	rb_remove(&set->items, &item->in_set);
	if (object_is_epoll(item->object)) {
		list_remove(&item->as_inner);
		list_remove(&item->as_outer);
	}
	item->is_cut_off = true;
}

/* The set's lock held; the set has a user besides the item. */
static void remove_item(struct item *item)
{
	struct epoll *set = item->set;
	cut_off(item);
	/* Only now: as long as the item is in its object's bucket, the object waits for it before it is gone. */
	struct bucket *bucket = bucket_of(item->object);
	spin_lock(&bucket->lock);
	bool is_ours = !item->is_forgotten;
	if (is_ours)
		list_remove(&item->of_object);
	spin_unlock(&bucket->lock);
	if (!is_ours)
		return;
	kfree(item);
	epoll_put(set, 1);
}

void item_remove_all(struct epoll *set)
{
	mutex_lock(&set->lock);
	while (set->items.leftmost)
		remove_item(rb_entry(set->items.leftmost, struct item, in_set));
	mutex_unlock(&set->lock);
}

static void link_item(struct item *item)
{
	struct epoll *set = item->set;
	struct bucket *bucket = bucket_of(item->object);
	spin_lock(&bucket->lock);
	list_push_back(&bucket->items, &item->of_object);
	spin_unlock(&bucket->lock);
	atomic_store(&item->object->is_watched, true);
	atomic_fetch_add(&set->users, 1);
	if (object_is_epoll(item->object)) {
		list_push_back(&set->inner, &item->as_inner);
		list_push_back(&epoll_of(item->object)->outer, &item->as_outer);
		atomic_store(&set->has_inner, true);
	}
}

static int add_item(
    struct epoll *set, int fd, struct object *target, const struct epoll_event *event)
{
	bool is_leftmost;
	struct rb_node *parent, **link = find(set, fd, target, &parent, &is_leftmost);
	if (*link)
		return -EEXIST;
	struct item *item = kzalloc(sizeof(*item));
	if (!item)
		return -ENOMEM;
	item->set = set;
	item->object = target;
	item->fd = fd;
	item->events = event->events | ALWAYS;
	item->data = event->data;
	rb_insert_at(&set->items, &item->in_set, parent, link, is_leftmost);
	link_item(item);
	struct item_table table = {.table.add = add_queue, .item = item};
	uint32_t events = object_poll(target, &table.table);
	if (table.is_full) {
		remove_item(item);
		return -ENOMEM;
	}
	if (events & item->events)
		mark_changed(item);
	return 0;
}

static int change_item(struct item *item, const struct epoll_event *event)
{
	if (item->events & EPOLLEXCLUSIVE)
		return -EINVAL;
	atomic_store(&item->events, event->events | ALWAYS);
	item->data = event->data;
	/* Whoever makes something ready either sees what is asked for now, or is seen. */
	atomic_fence();
	if (item_events(item))
		mark_changed(item);
	return 0;
}

int item_control(struct epoll *set, int operation, int fd, struct object *target,
    const struct epoll_event *event)
{
	if (operation == EPOLL_CTL_ADD)
		return add_item(set, fd, target, event);
	bool is_leftmost;
	struct rb_node *parent, **link = find(set, fd, target, &parent, &is_leftmost);
	if (!*link)
		return -ENOENT;
	struct item *item = rb_entry(*link, struct item, in_set);
	if (operation == EPOLL_CTL_MOD)
		return change_item(item, event);
	remove_item(item);
	return 0;
}

/* Marked, so that it stays until the set's lock is held. */
static struct item *forget_next(struct bucket *bucket, const struct object *object)
{
	struct item *item, *found = NULL;
	spin_lock(&bucket->lock);
	list_for_each(item, &bucket->items, of_object)
		if (item->object == object) {
			item->is_forgotten = true;
			found = item;
			break;
		}
	spin_unlock(&bucket->lock);
	return found;
}

/* The last reference is gone: <object/object.h>. */
void object_forget(struct object *object)
{
	struct bucket *bucket = bucket_of(object);
	struct item *item;
	bool is_set = object_is_epoll(object);
	if (is_set)
		mutex_lock(&epoll_nesting);
	while ((item = forget_next(bucket, object))) {
		struct epoll *set = item->set;
		mutex_lock(&set->lock);
		if (!item->is_cut_off)
			cut_off(item);
		mutex_unlock(&set->lock);
		spin_lock(&bucket->lock);
		list_remove(&item->of_object);
		spin_unlock(&bucket->lock);
		kfree(item);
		epoll_put(set, 1);
	}
	if (is_set)
		mutex_unlock(&epoll_nesting);
}
