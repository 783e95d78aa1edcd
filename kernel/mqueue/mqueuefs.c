/* The file system of message queues: a directory of tmpfs whose files are queues. There is one, however often it is mounted. */
#include "mqueue_impl.h"

#include <abi/linux/fcntl.h>
#include <lib/fmt.h>
#include <lib/string.h>
#include <log/assert.h>
#include <mm/slab.h>
#include <object/poll.h>
#include <wait/interruptible.h>

#define MQUEUE_MAGIC 0x19800202
#define TEXT_BYTES   80 /* what a queue's file shows */

static struct super *the_super;
static struct path root;                   /* I after boot */
static struct inode_ops directory_ops_own; /* tmpfs's, but for what is made in it */
static const struct inode_ops *base_directory_ops, *base_file_ops; /* tmpfs's */
static struct mutex open_lock; /* a queue has its limits before anybody else can open it */

static void evict(struct inode *inode)
{
	if (inode->data)
		mqueue_destroy(inode->data);
	base_file_ops->evict(inode);
}

static const struct inode_ops queue_inode_ops = {.evict = evict};

static int64_t read_queue(struct object *object, struct io *io, uint64_t *pos)
{
	struct mqueue *queue = mqueue_of(object);
	char text[TEXT_BYTES + 1];
	mutex_lock(&queue->lock);
	int len = snprintf(text, sizeof(text),
	    "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6u\n", queue->bytes,
	    queue->owner ? queue->notice.signal == 0 : 0, queue->owner ? queue->notice.signal : 0,
	    queue->owner ? queue->owner->pid->number : 0);
	mutex_unlock(&queue->lock);
	if (*pos >= (uint64_t)len)
		return 0;
	size_t n = io_write(io, text + *pos, (size_t)len - *pos);
	*pos += n;
	return io_result(io, n);
}

static unsigned poll_queue(struct object *object, struct poll_table *table)
{
	struct mqueue *queue = mqueue_of(object);
	poll_wait(table, object, &queue->changed);
	uint64_t count = atomic_load(&queue->count);
	return (count ? POLLIN | POLLRDNORM : 0) |
	       (count < queue->messages_max ? POLLOUT | POLLWRNORM : 0);
}

/* Whoever closes it is not told of messages any more. */
static int close_queue(struct object *object, const struct cap_table *from)
{
	(void)from;
	return mqueue_notify(object, NULL);
}

static const struct object_ops queue_ops = {
    .type = OBJECT_FILE,
    .release = file_release,
    .free = file_free,
    .close = close_queue,
    .read = read_queue,
    .poll = poll_queue,
    .stat = file_stat,
};

bool object_is_mqueue(const struct object *object)
{
	return object->ops == &queue_ops;
}

static int create(
    struct inode *dir, const struct name *name, uint32_t mode, uint64_t rdev, struct inode **result)
{
	static const struct mqueue_limits usual = {
	    .messages = MQUEUE_MESSAGES_DEFAULT, .bytes = MQUEUE_BYTES_DEFAULT};
	if (!S_IS(mode, S_IFREG) || !name->len)
		return -EPERM;
	struct mqueue *queue = mqueue_create();
	if (!queue)
		return -ENOMEM;
	int err = mqueue_set_limits(queue, &usual);
	if (!err)
		err = base_directory_ops->create(dir, name, mode, rdev, result);
	if (err) {
		mqueue_destroy(queue);
		return err;
	}
	struct inode *inode = *result;
	base_file_ops = inode->ops;
	inode->ops = &queue_inode_ops;
	inode->file_ops = &queue_ops;
	inode->data = queue;
	inode->size = TEXT_BYTES;
	return 0;
}

static int mount(const struct file_system *type, const char *source, uint32_t flags,
    const char *options, struct super **super)
{
	(void)options;
	*super = the_super;
	if (the_super)
		return 0;
	const struct file_system *tmpfs = file_system_find("tmpfs");
	int err = tmpfs->mount(tmpfs, source, flags, "mode=1777", super);
	if (err)
		return err;
	the_super = *super;
	the_super->type = type;
	the_super->magic = MQUEUE_MAGIC;
	base_directory_ops = the_super->root->ops;
	directory_ops_own = *base_directory_ops;
	directory_ops_own.create = create;
	directory_ops_own.link = NULL;
	directory_ops_own.symlink = NULL;
	directory_ops_own.rename = NULL;
	the_super->root->ops = &directory_ops_own;
	return 0;
}

static const struct file_system type = {.name = "mqueue", .mount = mount};

void mqueue_init(void)
{
	mutex_init(&open_lock, "opening of message queues", RANK_MUTEX_FIRST);
	file_system_register(&type);
	if (vfs_mount_private("mqueue", &root))
		panic("no memory for message queues");
}

static int check_name(const char *name)
{
	if (!*name)
		return -ENOENT;
	return strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? -EACCES : 0;
}

/* A new one has the limits that were asked for, or is none. */
static int begin_queue(const char *name, const struct mqueue_open *open, struct object *object)
{
	int err = open->limits ? mqueue_set_limits(mqueue_of(object), open->limits) : 0;
	if (err) {
		int ignored = mqueue_unlink(name);
		(void)ignored;
	}
	return err;
}

int mqueue_open(const char *name, const struct mqueue_open *open, struct object **object)
{
	struct open_request request = {.flags = open->flags, .mode = open->mode};
	int err = check_name(name);
	if (err)
		return err;
	/* Held while the folder is waited for. */
	if (mutex_lock_killable(&open_lock))
		return -EINTR;
	err = vfs_open_in(&root, name, &request, object);
	if (!err && file_of(*object)->is_created && (err = begin_queue(name, open, *object)))
		object_put(*object);
	mutex_unlock(&open_lock);
	return err;
}

int mqueue_unlink(const char *name)
{
	int err = check_name(name);
	return err ? err : vfs_unlink_in(&root, name);
}
