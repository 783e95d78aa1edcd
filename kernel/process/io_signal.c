/*
 * Objects that tell of changes by signals. They wait on the object's own queues, as what is in a set of epoll does. Queues are woken where no
 * signal can be sent: a thread of the kernel's, started with the first such object, sends it a moment later. Changes that come meanwhile are told
 * once.
 *
 * Life cycle: made with the first owner, signal or O_ASYNC, until the object is forgotten; counted, because the thread may have it in hand then.
 */
#include "io_tell.h"
#include "process_impl.h"

#include <abi/linux/fcntl.h>
#include <mm/slab.h>
#include <object/poll.h>

#define QUEUES_MAX 4

/* Letters: l io_lock, m switch_mutex, I immutable, a atomic */
struct io_wait {
	struct wait_entry entry;
	struct wait_queue *queue;    /* m */
	struct io_signal *io_signal; /* m */
	bool is_output;              /* m */
};

struct io_signal {
	uint32_t refs;       /* a */
	struct io_told told; /* l */
	bool input, output;  /* l: changed, and not told yet */
	bool is_pending;     /* l */
	struct list pending; /* l */
	bool is_on;          /* m */
	unsigned wait_count; /* m */
	struct io_wait waits[QUEUES_MAX];
};

static struct spinlock io_lock = SPINLOCK_INIT("io signals", RANK_NONE); /* in interrupts, too */
static struct list pending = LIST_INIT(pending);                         /* l */
static struct mutex switch_mutex;
static struct thread *teller; /* m; I once there */

void io_signal_init(void)
{
	mutex_init(&switch_mutex, "io signals' switches", RANK_IO_SIGNALS);
}

static void put(struct io_signal *io_signal)
{
	if (atomic_fetch_sub(&io_signal->refs, 1) != 1)
		return;
	if (io_signal->told.owner)
		pid_put(io_signal->told.owner);
	kfree(io_signal);
}

/* The object's, made if it has none; NULL: out of memory. */
static struct io_signal *get(struct object *object)
{
	struct io_signal *io_signal = atomic_load_acquire(&object->io_signal), *other = NULL;
	if (io_signal)
		return io_signal;
	io_signal = kzalloc(sizeof(*io_signal));
	if (!io_signal)
		return NULL;
	io_signal->refs = 1;
	if (!atomic_cas(&object->io_signal, &other, io_signal)) {
		kfree(io_signal);
		return other;
	}
	atomic_store(&object->is_watched, true);
	return io_signal;
}

/* With a reference to the owner. io_lock held. */
static struct io_told copy_told_locked(const struct io_signal *io_signal)
{
	if (io_signal->told.owner)
		pid_get(io_signal->told.owner);
	return io_signal->told;
}

/* What has changed of an object, and who is to know. */
struct change {
	struct io_signal *io_signal; /* the reference that the list had */
	struct io_told told;
	bool input, output;
};

/* Takes the first; false: there is none. */
static bool take(struct change *change)
{
	irq_flags_t flags = spin_lock_irqsave(&io_lock);
	bool is_any = !list_is_empty(&pending);
	if (is_any) {
		struct io_signal *io_signal = list_first(&pending, struct io_signal, pending);
		list_remove(&io_signal->pending);
		*change = (struct change){.io_signal = io_signal,
		    .told = copy_told_locked(io_signal),
		    .input = io_signal->input,
		    .output = io_signal->output};
		io_signal->is_pending = io_signal->input = io_signal->output = false;
	}
	spin_unlock_irqrestore(&io_lock, flags);
	return is_any;
}

static void tell_for_ever(void *arg)
{
	(void)arg;
	struct change change;
	for (;;) {
		thread_prepare_to_block();
		if (!take(&change)) {
			int ignored = thread_block(NSEC_MAX);
			(void)ignored;
			continue;
		}
		thread_cancel_block();
		if (change.told.owner && change.input)
			io_tell(&change.told, IO_CHANGE_INPUT);
		if (change.told.owner && change.output)
			io_tell(&change.told, IO_CHANGE_OUTPUT);
		if (change.told.owner)
			pid_put(change.told.owner);
		put(change.io_signal);
	}
}

/* Under the lock of the queue: the object is still there. */
static bool note_change(struct wait_entry *entry)
{
	struct io_wait *wait = container_of(entry, struct io_wait, entry);
	struct io_signal *io_signal = wait->io_signal;
	irq_flags_t flags = spin_lock_irqsave(&io_lock);
	if (wait->is_output)
		io_signal->output = true;
	else
		io_signal->input = true;
	if (!io_signal->is_pending) {
		io_signal->is_pending = true;
		atomic_fetch_add(&io_signal->refs, 1);
		list_push_back(&pending, &io_signal->pending);
	}
	spin_unlock_irqrestore(&io_lock, flags);
	thread_wake(teller);
	return false;
}

struct io_table {
	struct poll_table table;
	struct io_signal *io_signal;
};

static void add_queue(
    struct poll_table *table, struct object *object, struct wait_queue *queue, unsigned events)
{
	struct io_signal *io_signal = container_of(table, struct io_table, table)->io_signal;
	if (io_signal->wait_count == QUEUES_MAX)
		return;
	struct io_wait *wait = &io_signal->waits[io_signal->wait_count++];
	wait_entry_init(&wait->entry);
	wait->entry.wake = note_change;
	wait->queue = queue;
	wait->io_signal = io_signal;
	wait->is_output = !(events & POLLIN) || (object->flags & O_ACCMODE) == O_WRONLY;
	wait_add(queue, &wait->entry);
}

static void leave_queues(struct io_signal *io_signal)
{
	rcu_read_lock(); /* a queue may be about to end: wait_queue_abandon */
	for (unsigned i = 0; i < io_signal->wait_count; i++)
		wait_remove(io_signal->waits[i].queue, &io_signal->waits[i].entry);
	rcu_read_unlock();
	io_signal->wait_count = 0;
}

static int start_teller(void)
{
	if (teller)
		return 0;
	teller = thread_create("io signals", tell_for_ever, NULL);
	if (!teller)
		return -ENOMEM;
	thread_start(teller);
	return 0;
}

int io_signal_switch(struct object *object, bool on, int fd)
{
	struct io_signal *io_signal = get(object);
	if (!io_signal)
		return -ENOMEM;
	struct io_table table = {.table.add = add_queue, .io_signal = io_signal};
	mutex_lock(&switch_mutex);
	int err = start_teller();
	if (!err && on && !io_signal->is_on) {
		io_signal->told.fd = fd;
		object_poll(object, &table.table);
		atomic_fetch_or(&object->flags, O_ASYNC);
	} else if (!err && !on && io_signal->is_on) {
		leave_queues(io_signal);
		atomic_fetch_and(&object->flags, ~(unsigned)O_ASYNC);
	}
	if (!err)
		io_signal->is_on = on;
	mutex_unlock(&switch_mutex);
	return err;
}

void object_forget_signals(struct object *object)
{
	if (!object->io_signal)
		return;
	leave_queues(object->io_signal);
	put(object->io_signal);
}

/* Whether there is anybody. Tree lock held. */
static bool is_there_locked(const struct pid *pid, enum io_owner_kind kind)
{
	return kind == IO_OWNER_THREAD    ? rcu_dereference(pid->task) != NULL
	       : kind == IO_OWNER_PROCESS ? rcu_dereference(pid->process) != NULL
					  : !list_is_empty(&pid->group);
}

/* With a reference; NULL: there is nobody. */
static struct pid *find_owner(struct io_owner owner)
{
	spin_lock(&process_tree_lock);
	rcu_read_lock();
	struct pid *pid = pid_find(owner.number);
	if (pid && is_there_locked(pid, owner.kind))
		pid_get(pid);
	else
		pid = NULL;
	rcu_read_unlock();
	spin_unlock(&process_tree_lock);
	return pid;
}

int io_signal_set_owner(struct object *object, struct io_owner owner)
{
	struct pid *pid = owner.number ? find_owner(owner) : NULL;
	if (owner.number && !pid)
		return -ESRCH;
	struct io_signal *io_signal = get(object);
	if (!io_signal) {
		if (pid)
			pid_put(pid);
		return -ENOMEM;
	}
	const struct credentials *creds = current_credentials();
	irq_flags_t flags = spin_lock_irqsave(&io_lock);
	struct pid *old = io_signal->told.owner;
	io_signal->told.owner = pid;
	io_signal->told.kind = owner.kind;
	io_signal->told.uid = creds->uid;
	io_signal->told.euid = creds->euid;
	spin_unlock_irqrestore(&io_lock, flags);
	if (old)
		pid_put(old);
	return 0;
}

struct io_owner io_signal_owner(const struct object *object)
{
	struct io_owner owner = {IO_OWNER_THREAD, 0};
	struct io_signal *io_signal = atomic_load_acquire(&object->io_signal);
	if (!io_signal)
		return owner;
	spin_lock(&process_tree_lock);
	rcu_read_lock();
	irq_flags_t flags = spin_lock_irqsave(&io_lock);
	owner.kind = io_signal->told.kind;
	if (io_signal->told.owner && is_there_locked(io_signal->told.owner, owner.kind))
		owner.number = io_signal->told.owner->number;
	spin_unlock_irqrestore(&io_lock, flags);
	rcu_read_unlock();
	spin_unlock(&process_tree_lock);
	return owner;
}

void object_tell_owner(struct object *object)
{
	const struct io_signal *io_signal = atomic_load_acquire(&object->io_signal);
	if (!io_signal)
		return;
	irq_flags_t flags = spin_lock_irqsave(&io_lock);
	struct io_told told = copy_told_locked(io_signal);
	spin_unlock_irqrestore(&io_lock, flags);
	if (!told.owner)
		return;
	io_tell(&told, IO_CHANGE_MESSAGE);
	pid_put(told.owner);
}

int io_signal_be_told(struct object *object, int fd)
{
	struct io_signal *io_signal = get(object);
	if (!io_signal)
		return -ENOMEM;
	atomic_store(&io_signal->told.fd, fd);
	if (io_signal->told.owner)
		return 0;
	struct io_owner owner = {IO_OWNER_PROCESS, current_process()->pid->number};
	return io_signal_set_owner(object, owner);
}

int io_signal_set_number(struct object *object, int signal)
{
	struct io_signal *io_signal = get(object);
	if (!io_signal)
		return -ENOMEM;
	atomic_store(&io_signal->told.signal, signal);
	return 0;
}

int io_signal_number(const struct object *object)
{
	const struct io_signal *io_signal = atomic_load_acquire(&object->io_signal);
	return io_signal ? atomic_load(&io_signal->told.signal) : 0;
}
