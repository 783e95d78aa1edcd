/* A queue: messages in, messages out, and who is told. */
#include "mqueue_impl.h"

#include <abi/linux/fcntl.h>
#include <abi/linux/process.h>
#include <abi/linux/signal.h>
#include <mm/slab.h>
#include <wait/interruptible.h>

#define MESSAGES_HARD_MAX 65536u
#define BYTES_HARD_MAX    (16u << 20)

static struct spinlock queues_lock = SPINLOCK_INIT("POSIX message queues", RANK_NONE);
static struct list queues = LIST_INIT(queues); /* queues_lock */

static uint64_t room_of(const struct mqueue *queue)
{
	return queue->messages_max * (queue->bytes_max + sizeof(struct mqueue_message));
}

struct mqueue *mqueue_create(void)
{
	struct mqueue *queue = kzalloc(sizeof(*queue));
	if (!queue)
		return NULL;
	mutex_init(&queue->lock, "POSIX message queue", RANK_MQUEUE);
	list_init(&queue->messages);
	wait_queue_init(&queue->changed);
	queue->uid = current_credentials()->uid;
	spin_lock(&queues_lock);
	list_push_back(&queues, &queue->link);
	spin_unlock(&queues_lock);
	return queue;
}

/* Nobody is told of messages any more. */
static void forget_owner_locked(struct mqueue *queue)
{
	if (queue->owner)
		process_put(queue->owner);
	queue->owner = NULL;
}

void mqueue_destroy(struct mqueue *queue)
{
	struct mqueue_message *message, *next;
	list_for_each_safe(message, next, &queue->messages, link)
		kfree(message);
	forget_owner_locked(queue);
	spin_lock(&queues_lock);
	list_remove(&queue->link);
	spin_unlock(&queues_lock);
	kfree(queue);
}

int mqueue_limits_ok(const struct mqueue_limits *limits)
{
	bool is_privileged = has_power(POWER_SYS_RESOURCE);
	if (!limits->messages || !limits->bytes)
		return -EINVAL;
	if (limits->messages > (is_privileged ? MESSAGES_HARD_MAX : MQUEUE_MESSAGES_MAX) ||
	    limits->bytes > (is_privileged ? BYTES_HARD_MAX : MQUEUE_BYTES_MAX))
		return -EINVAL;
	return 0;
}

int mqueue_set_limits(struct mqueue *queue, const struct mqueue_limits *limits)
{
	uint64_t limit = current_limit(RLIMIT_MSGQUEUE), used = 0;
	const struct mqueue *other;
	spin_lock(&queues_lock);
	queue->messages_max = limits->messages;
	queue->bytes_max = limits->bytes;
	list_for_each(other, &queues, link)
		if (other->uid == queue->uid)
			used += room_of(other);
	spin_unlock(&queues_lock);
	return used > limit ? -EMFILE : 0;
}

struct mqueue_limits mqueue_look(struct object *object)
{
	const struct mqueue *queue = mqueue_of(object);
	return (struct mqueue_limits){
	    queue->messages_max, queue->bytes_max, atomic_load(&queue->count)};
}

/* Once: whoever wants to know more asks again. */
static void tell_owner_locked(struct mqueue *queue)
{
	if (queue->notice.signal) {
		struct signal_info info = signal_info_user(queue->notice.signal, SI_MESGQ);
		info.value = queue->notice.value;
		int ignored = signal_send_process(queue->owner, &info);
		(void)ignored;
	}
	forget_owner_locked(queue);
}

/* Behind those of its priority and above. */
static void insert_locked(struct mqueue *queue, struct mqueue_message *message)
{
	struct list *before = queue->messages.prev;
	while (before != &queue->messages &&
	       container_of(before, struct mqueue_message, link)->priority < message->priority)
		before = before->prev;
	list_push_front(before, &message->link);
	queue->bytes += message->len;
	atomic_store(&queue->count, queue->count + 1);
}

/*
 * Until there are messages, or room for one. The lock is held, and let go meanwhile. 0: look again.
 */
static int wait_locked(struct mqueue *queue, bool for_room, bool nonblock, nsec_t deadline)
{
	uint64_t full = queue->messages_max;
	if (nonblock)
		return -EAGAIN;
	queue->receivers += !for_room;
	mutex_unlock(&queue->lock);
	int err = wait_until(&queue->changed,
	    (for_room ? atomic_load(&queue->count) < full : atomic_load(&queue->count) > 0) ||
		signal_is_pending(),
	    deadline);
	mutex_lock(&queue->lock);
	queue->receivers -= !for_room;
	bool is_good = for_room ? queue->count < full : queue->count;
	return is_good ? 0 : err ? -ETIMEDOUT : signal_is_pending() ? -ERESTARTSYS : 0;
}

int mqueue_send(struct object *object, struct mqueue_message *message, nsec_t deadline)
{
	struct mqueue *queue = mqueue_of(object);
	int err = 0;
	if (message->len > queue->bytes_max)
		return -EMSGSIZE;
	mutex_lock(&queue->lock);
	while (!err && queue->count >= queue->messages_max)
		err = wait_locked(queue, true, object->flags & O_NONBLOCK, deadline);
	if (!err) {
		bool is_first = !queue->count && !queue->receivers;
		insert_locked(queue, message);
		if (is_first && queue->owner)
			tell_owner_locked(queue);
	}
	mutex_unlock(&queue->lock);
	if (!err)
		wait_wake_all(&queue->changed);
	return err;
}

int mqueue_receive(
    struct object *object, size_t size, nsec_t deadline, struct mqueue_message **message)
{
	struct mqueue *queue = mqueue_of(object);
	int err = 0;
	if (size < queue->bytes_max)
		return -EMSGSIZE;
	mutex_lock(&queue->lock);
	while (!err && !queue->count)
		err = wait_locked(queue, false, object->flags & O_NONBLOCK, deadline);
	if (!err) {
		*message = list_first(&queue->messages, struct mqueue_message, link);
		list_remove(&(*message)->link);
		queue->bytes -= (*message)->len;
		atomic_store(&queue->count, queue->count - 1);
	}
	mutex_unlock(&queue->lock);
	if (!err)
		wait_wake_all(&queue->changed);
	return err;
}

int mqueue_notify(struct object *object, const struct mqueue_notice *notice)
{
	struct mqueue *queue = mqueue_of(object);
	int err = 0;
	mutex_lock(&queue->lock);
	if (!notice) {
		if (queue->owner == current_process())
			forget_owner_locked(queue);
	} else if (queue->owner) {
		err = -EBUSY;
	} else {
		queue->owner = current_process();
		process_get(queue->owner);
		queue->notice = *notice;
	}
	mutex_unlock(&queue->lock);
	return err;
}
