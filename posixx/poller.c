/* Waiting for one of many objects: "poller.h". */
#include "poller.h"

#include <lib/list.h>
#include <mm/slab.h>
#include <wait/interruptible.h>

#define FEW_ENTRIES  8
#define MORE_ENTRIES 60

/* One queue that we are told by. The object is kept, and so is its queue. */
struct poll_entry {
	struct wait_entry entry;
	struct poller *poller;
	struct object *object;
	struct wait_queue *queue;
};

struct entry_block {
	struct entry_block *next;
	struct poll_entry entries[MORE_ENTRIES];
};

struct poller {
	struct poll_table table;
	struct thread *thread;
	bool is_woken; /* a */
	bool is_out_of_memory;
	size_t count;
	struct entry_block *blocks; /* the newest first */
	struct poll_entry few[FEW_ENTRIES];
};

/* Under the queue's lock. The flag first: the thread looks at it after it has said that it is about to block. */
static bool wake_poller(struct wait_entry *entry)
{
	struct poller *poller = container_of(entry, struct poll_entry, entry)->poller;
	atomic_store(&poller->is_woken, true);
	thread_wake(poller->thread);
	return true;
}

static struct poll_entry *new_entry(struct poller *poller)
{
	if (poller->count < FEW_ENTRIES)
		return &poller->few[poller->count++];
	size_t index = (poller->count - FEW_ENTRIES) % MORE_ENTRIES;
	if (!index) {
		struct entry_block *block = kmalloc(sizeof(*block));
		if (!block)
			return NULL;
		block->next = poller->blocks;
		poller->blocks = block;
	}
	poller->count++;
	return &poller->blocks->entries[index];
}

static void add_entry(
    struct poll_table *table, struct object *object, struct wait_queue *queue, unsigned events)
{
	(void)events;
	struct poller *poller = container_of(table, struct poller, table);
	struct poll_entry *entry = new_entry(poller);
	if (!entry) {
		poller->is_out_of_memory = true;
		return;
	}
	wait_entry_init(&entry->entry);
	entry->entry.wake = wake_poller;
	entry->poller = poller;
	entry->object = object_get(object);
	entry->queue = queue;
	wait_add(queue, &entry->entry);
}

static void remove_entry(struct poll_entry *entry)
{
	wait_remove(entry->queue, &entry->entry);
	object_put(entry->object);
}

static void remove_entries(struct poller *poller)
{
	size_t left = poller->count;
	for (; left > FEW_ENTRIES; left--) {
		size_t index = (left - 1 - FEW_ENTRIES) % MORE_ENTRIES;
		remove_entry(&poller->blocks->entries[index]);
		if (!index) {
			struct entry_block *block = poller->blocks;
			poller->blocks = block->next;
			kfree(block);
		}
	}
	while (left)
		remove_entry(&poller->few[--left]);
}

/* True when the deadline has passed. */
static bool sleep_until_woken(struct poller *poller, nsec_t deadline)
{
	thread_prepare_to_block();
	if (atomic_load(&poller->is_woken) || signal_is_pending()) {
		thread_cancel_block();
		return false;
	}
	return thread_block(deadline) != 0;
}

int64_t poll_wait_until(poll_scan_t scan, void *ctx, nsec_t deadline)
{
	struct poller poller;
	poller.table.add = add_entry;
	poller.thread = current_thread();
	poller.is_woken = poller.is_out_of_memory = false;
	poller.count = 0;
	poller.blocks = NULL;
	int64_t ready = scan(ctx, &poller.table);
	if (!ready && poller.is_out_of_memory)
		ready = -ENOMEM;
	bool is_late = false;
	while (!ready && !is_late) {
		if (signal_is_pending()) {
			ready = -EINTR;
			break;
		}
		is_late = sleep_until_woken(&poller, deadline);
		/* Cleared before asking: what changes from now on is noticed. */
		atomic_store(&poller.is_woken, false);
		atomic_fence();
		ready = scan(ctx, NULL);
	}
	remove_entries(&poller);
	return ready;
}
