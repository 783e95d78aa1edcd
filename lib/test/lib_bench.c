/* The library functions that hot paths lean on, in instructions. */
#include <lib/crc32.h>
#include <lib/fmt.h>
#include <lib/rbtree.h>
#include <lib/string.h>
#include <test/selftest.h>

/* Keeps the compiler from knowing the length, or dropping the call. */
static ALWAYS_INLINE size_t opaque(size_t value)
{
	__asm__ volatile("" : "+r"(value));
	return value;
}

static uint8_t from[4096], to[4096];

BENCH(memcpy_16, 0, "memcpy of 16 bytes")
{
	while (rounds--)
		memcpy(to, from, opaque(16));
}

BENCH(memcpy_64, 0, "memcpy of 64 bytes")
{
	while (rounds--)
		memcpy(to, from, opaque(64));
}

BENCH(memcpy_4096, 0, "memcpy of 4096 bytes (512 words)")
{
	while (rounds--)
		memcpy(to, from, opaque(4096));
}

BENCH(memset_4096, 0, "memset of 4096 bytes (512 words)")
{
	while (rounds--)
		memset(to, 0, opaque(4096));
}

BENCH(strlen_24, 0, "strlen of 24 characters")
{
	static const char text[] = "/usr/share/doc/index.txt";
	while (rounds--)
		opaque(strlen((const char *)opaque((uintptr_t)text)));
}

BENCH(crc32_4096, 0, "crc32 of 4096 bytes")
{
	while (rounds--)
		opaque(crc32(0, from, opaque(4096)));
}

BENCH(snprintf_mixed, 0, "snprintf of \"%s: %u of %#lx\"")
{
	char buf[64];
	while (rounds--)
		snprintf(buf, sizeof buf, "%s: %u of %#lx", "thread", (unsigned)opaque(42),
		    opaque(0x1000));
}

struct item {
	struct rb_node node;
	uint64_t key;
};

static void insert(struct rb_tree *tree, struct item *item)
{
	struct rb_node *parent = NULL, **link = &tree->root;
	bool is_leftmost = true;
	while (*link) {
		parent = *link;
		if (item->key < rb_entry(parent, struct item, node)->key) {
			link = &parent->left;
		} else {
			link = &parent->right;
			is_leftmost = false;
		}
	}
	rb_insert_at(tree, &item->node, parent, link, is_leftmost);
}

BENCH(rbtree_alone, 0, "rbtree insert + remove, empty tree")
{
	struct rb_tree tree = RB_TREE_INIT;
	struct item item = {.key = 1};
	while (rounds--) {
		insert(&tree, &item);
		rb_remove(&tree, &item.node);
	}
}

struct queue {
	struct rb_tree tree;
	uint64_t next_key;
	bool is_filled;
	struct item items[1024];
};

/*
 * As timers and runnable threads do: the first goes, and comes back at the end. Filled by the first
 * call, which is not the fastest.
 */
static void rotate_queue(struct queue *queue, size_t count, uint64_t rounds)
{
	for (size_t i = 0; !queue->is_filled && i < count; i++) {
		queue->items[i].key = queue->next_key++;
		insert(&queue->tree, &queue->items[i]);
	}
	queue->is_filled = true;
	while (rounds--) {
		struct item *item = rb_entry(rb_first(&queue->tree), struct item, node);
		rb_remove(&queue->tree, &item->node);
		item->key = queue->next_key++;
		insert(&queue->tree, item);
	}
}

BENCH(rbtree_queue_2, 0, "rbtree: first of 2 to the end")
{
	static struct queue queue;
	rotate_queue(&queue, 2, rounds);
}

BENCH(rbtree_queue_1024, 0, "rbtree: first of 1024 to the end")
{
	static struct queue queue;
	rotate_queue(&queue, 1024, rounds);
}
