/* Message queues: msgget(2), msgsnd, msgrcv. */
#include "sysv_impl.h"

#include <abi/errno.h>
#include <credentials/credentials.h>
#include <lib/list.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <process/process.h>
#include <time/clock.h>

#define MSG_NOERROR 010000u
#define MSG_EXCEPT  020000u
#define MSG_COPY    040000u

struct sysv_message {
	struct list link;
	int64_t type;
	size_t len;
	uint8_t text[];
};

struct queue {
	struct sysv_object object;
	struct list messages;
	uint64_t count, bytes, bytes_max;
	int64_t send_time, receive_time;
	uint32_t last_sender, last_receiver;
};

static struct queue *queue_of(struct sysv_object *object)
{
	return container_of(object, struct queue, object);
}

static void free_queue(struct sysv_object *object)
{
	struct queue *queue = queue_of(object);
	struct sysv_message *message, *next;
	list_for_each_safe(message, next, &queue->messages, link)
		kfree(message);
	kfree(queue);
}

static int create_queue(size_t size, struct sysv_object **made)
{
	(void)size;
	struct queue *queue = kzalloc(sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	list_init(&queue->messages);
	queue->bytes_max = SYSV_QUEUE_BYTES;
	queue->object.free = free_queue;
	*made = &queue->object;
	return 0;
}

static int any_queue_will_do(struct sysv_object *object, size_t size)
{
	(void)object, (void)size;
	return 0;
}

int sysv_queue_get(int key, unsigned flags)
{
	return sysv_get(&sysv_messages, key, flags, create_queue, any_queue_will_do, 0);
}

/* With a reference and permission, or NULL and *err. */
static struct queue *open_queue(int id, unsigned access, int *err)
{
	struct sysv_object *object = sysv_find(&sysv_messages, id);
	*err = !object ? -EINVAL : sysv_allows(object, access) ? 0 : -EACCES;
	if (*err)
		return NULL;
	sysv_take(object);
	struct queue *queue = queue_of(object);
	ASSUME(queue);
	return queue;
}

static int wait_for_room(struct queue *queue, size_t len, unsigned flags)
{
	for (;;) {
		bool fits =
		    queue->bytes + len <= queue->bytes_max && queue->count + 1 <= queue->bytes_max;
		if (fits)
			return 0;
		if (flags & IPC_NOWAIT)
			return -EAGAIN;
		int err = sysv_wait(&sysv_messages, &queue->object, NSEC_MAX);
		if (err)
			return err;
		if (!sysv_allows(&queue->object, 2))
			return -EACCES;
	}
}

int sysv_send(int id, int64_t type, const void *text, size_t len, unsigned flags)
{
	struct sysv_message *message = kmalloc(sizeof(*message) + len);
	if (!message)
		return -ENOMEM;
	message->type = type;
	message->len = len;
	memcpy(message->text, text, len);
	int err;
	mutex_lock(&sysv_messages.lock);
	struct queue *queue = open_queue(id, 2, &err);
	if (queue)
		err = wait_for_room(queue, len, flags);
	if (!err) {
		list_push_back(&queue->messages, &message->link);
		queue->count++;
		queue->bytes += len;
		queue->send_time = unix_timestamp();
		queue->last_sender = current_process()->pid->number;
		sysv_wake(&queue->object);
	}
	mutex_unlock(&sysv_messages.lock);
	if (queue)
		sysv_put(&queue->object);
	if (err)
		kfree(message);
	return err;
}

/* The first of that type; 0: the first; negative: the first of the lowest type up to its amount. With MSG_COPY, by position. */
static struct sysv_message *choose(struct queue *queue, int64_t type, unsigned flags)
{
	struct sysv_message *message, *lowest = NULL;
	int64_t position = 0;
	list_for_each(message, &queue->messages, link) {
		if (flags & MSG_COPY) {
			if (position++ == type)
				return message;
		} else if (type >= 0) {
			bool is_equal = message->type == type;
			if (!type || (flags & MSG_EXCEPT ? !is_equal : is_equal))
				return message;
		} else if (message->type <= (type == INT64_MIN ? INT64_MAX : -type) &&
			   (!lowest || message->type < lowest->type)) {
			lowest = message;
		}
	}
	return lowest;
}

static struct sysv_message *copy_of(const struct sysv_message *message)
{
	struct sysv_message *copy = kmalloc(sizeof(*copy) + message->len);
	if (copy)
		memcpy(copy, message, sizeof(*copy) + message->len);
	return copy;
}

/* Off the queue, or a copy of it. */
static int take_message(
    struct queue *queue, size_t size, int64_t type, unsigned flags, struct sysv_message **taken)
{
	struct sysv_message *message = choose(queue, type, flags);
	if (!message)
		return -ENOMSG;
	if (message->len > size && !(flags & MSG_NOERROR))
		return -E2BIG;
	if (flags & MSG_COPY) {
		*taken = copy_of(message);
		return *taken ? 0 : -ENOMEM;
	}
	list_remove(&message->link);
	queue->count--;
	queue->bytes -= message->len;
	queue->receive_time = unix_timestamp();
	queue->last_receiver = current_process()->pid->number;
	sysv_wake(&queue->object);
	*taken = message;
	return 0;
}

int64_t sysv_receive(
    int id, size_t size, int64_t type, unsigned flags, struct sysv_message **message)
{
	if ((int64_t)size < 0 || id < 0)
		return -EINVAL;
	if (flags & MSG_COPY && (flags & MSG_EXCEPT || !(flags & IPC_NOWAIT)))
		return -EINVAL;
	int err;
	mutex_lock(&sysv_messages.lock);
	struct queue *queue = open_queue(id, 4, &err);
	while (queue) {
		err = take_message(queue, size, type, flags, message);
		if (err != -ENOMSG || flags & IPC_NOWAIT)
			break;
		err = sysv_wait(&sysv_messages, &queue->object, NSEC_MAX);
		if (!err && !sysv_allows(&queue->object, 4))
			err = -EACCES;
		if (err)
			break;
	}
	mutex_unlock(&sysv_messages.lock);
	if (queue)
		sysv_put(&queue->object);
	return err ? err : (int64_t)min((*message)->len, size);
}

int64_t sysv_message_type(const struct sysv_message *message)
{
	return message->type;
}

const void *sysv_message_text(const struct sysv_message *message)
{
	return message->text;
}

void sysv_message_free(struct sysv_message *message)
{
	kfree(message);
}

void sysv_queue_look(struct sysv_object *object, struct sysv_queue_info *info)
{
	const struct queue *queue = queue_of(object);
	*info = (struct sysv_queue_info){.send_time = queue->send_time,
	    .receive_time = queue->receive_time,
	    .change_time = object->change_time,
	    .bytes = queue->bytes,
	    .messages = queue->count,
	    .bytes_max = queue->bytes_max,
	    .last_sender = queue->last_sender,
	    .last_receiver = queue->last_receiver};
	sysv_look(object, &info->permissions);
}

int sysv_queue_stat(int id, bool by_index, bool any_reader, struct sysv_queue_info *info)
{
	mutex_lock(&sysv_messages.lock);
	int result;
	struct sysv_object *object =
	    sysv_find_to_stat(&sysv_messages, id, by_index, any_reader, &result);
	if (object)
		sysv_queue_look(object, info);
	mutex_unlock(&sysv_messages.lock);
	return result;
}

int sysv_queue_set(int id, const struct sysv_queue_info *info)
{
	mutex_lock(&sysv_messages.lock);
	struct sysv_object *object = sysv_find(&sysv_messages, id);
	int err = !object ? -EINVAL : 0;
	if (!err && sysv_is_owner(object) && info->bytes_max > SYSV_QUEUE_BYTES &&
	    !has_power(POWER_SYS_RESOURCE))
		err = -EPERM;
	if (!err)
		err = sysv_change(object, &info->permissions);
	if (!err) {
		queue_of(object)->bytes_max = info->bytes_max;
		sysv_wake(object);
	}
	mutex_unlock(&sysv_messages.lock);
	return err;
}

static void add_up(void *ctx, struct sysv_object *object)
{
	struct sysv_totals *totals = ctx;
	totals->objects++;
	totals->parts += queue_of(object)->count;
	totals->bytes += queue_of(object)->bytes;
}

int sysv_queue_totals(struct sysv_totals *totals)
{
	*totals = (struct sysv_totals){0};
	sysv_for_each(&sysv_messages, add_up, totals);
	return sysv_highest(&sysv_messages);
}
