/*
 * The tree of <lib/radix.h>. A node is an array of 64 slots and a count; the height says how many levels lie between the root and the values. Growing
 * puts a new root above the old one; readers that started at the old root still find what they look for.
 */
#include <abi/errno.h>
#include <lib/atomic.h>
#include <lib/radix.h>
#include <lib/string.h>

#define LEVELS_MAX 11 /* 11 * 6 bits hold 64 */

struct radix_node {
	unsigned count;  /* slots in use */
	unsigned height; /* 1: slots are values */
	void *slots[RADIX_SLOTS];
};

static unsigned slot_of(uint64_t index, unsigned height)
{
	return index >> (RADIX_BITS * (height - 1)) & (RADIX_SLOTS - 1);
}

/* Whether a tree of this height can hold the index. */
static bool covers(unsigned height, uint64_t index)
{
	return height >= LEVELS_MAX || !(index >> (RADIX_BITS * height));
}

/* The height is read from the node, so that root and height are always of the same moment. */
void *radix_find(const struct radix_tree *tree, uint64_t index)
{
	const struct radix_node *node = atomic_load_acquire(&tree->root);
	if (!node || !covers(node->height, index))
		return NULL;
	for (unsigned height = node->height; height > 1; height--) {
		node = atomic_load_acquire(&node->slots[slot_of(index, height)]);
		if (!node)
			return NULL;
	}
	return atomic_load_acquire(&node->slots[slot_of(index, 1)]);
}

static struct radix_node *node_create(struct radix_tree *tree, unsigned height)
{
	struct radix_node *node = tree->alloc(sizeof(*node));
	if (!node)
		return NULL;
	memset(node, 0, sizeof(*node));
	node->height = height;
	return node;
}

/* A first root of the height that is needed: no node is ever without something below it. */
static int plant(struct radix_tree *tree, uint64_t index)
{
	unsigned height = 1;
	while (!covers(height, index))
		height++;
	struct radix_node *root = node_create(tree, height);
	if (!root)
		return -ENOMEM;
	atomic_store_release(&tree->root, root);
	tree->height = height;
	return 0;
}

static int grow(struct radix_tree *tree, uint64_t index)
{
	if (!tree->root)
		return plant(tree, index);
	while (!covers(tree->height, index)) {
		struct radix_node *node = node_create(tree, tree->height + 1);
		if (!node)
			return -ENOMEM;
		node->slots[0] = tree->root;
		node->count = 1;
		atomic_store_release(&tree->root, node);
		tree->height++;
	}
	return 0;
}

/* Nodes on the way to `index` that hold nothing go; then roots with nothing but their first slot. */
static void shrink(struct radix_tree *tree, uint64_t index)
{
	struct radix_node *path[LEVELS_MAX], *node = tree->root;
	unsigned depth = 0;
	for (unsigned height = tree->height; node && height > 1; height--) {
		path[depth++] = node;
		node = node->slots[slot_of(index, height)];
	}
	if (!node && depth)
		node = path[--depth]; /* an insertion stopped half way down */
	while (node && !node->count) {
		struct radix_node *parent = depth ? path[--depth] : NULL;
		if (parent) {
			atomic_store_release(&parent->slots[slot_of(index, parent->height)], NULL);
			parent->count--;
		} else {
			atomic_store_release(&tree->root, NULL);
			tree->height = 0;
		}
		tree->free(node);
		node = parent;
	}
	if (!tree->root)
		return;
	while (tree->height > 1 && tree->root->count == 1 && tree->root->slots[0]) {
		struct radix_node *old = tree->root;
		atomic_store_release(&tree->root, old->slots[0]);
		tree->height--;
		tree->free(old);
	}
}

int radix_insert(struct radix_tree *tree, uint64_t index, void *value)
{
	int err = grow(tree, index);
	if (err) {
		if (tree->root)
			shrink(tree, 0);
		return err;
	}
	struct radix_node *node = tree->root;
	for (unsigned height = tree->height; height > 1; height--) {
		void **slot = &node->slots[slot_of(index, height)];
		if (!*slot) {
			struct radix_node *child = node_create(tree, height - 1);
			if (!child) {
				shrink(tree, index);
				return -ENOMEM;
			}
			atomic_store_release(slot, child);
			node->count++;
		}
		node = *slot;
	}
	void **slot = &node->slots[slot_of(index, 1)];
	if (*slot)
		return -EEXIST;
	atomic_store_release(slot, value);
	node->count++;
	return 0;
}

void *radix_remove(struct radix_tree *tree, uint64_t index)
{
	struct radix_node *node = tree->root;
	if (!node || !covers(tree->height, index))
		return NULL;
	for (unsigned height = tree->height; height > 1; height--) {
		node = node->slots[slot_of(index, height)];
		if (!node)
			return NULL;
	}
	void **slot = &node->slots[slot_of(index, 1)], *value = *slot;
	if (!value)
		return NULL;
	atomic_store_release(slot, NULL);
	node->count--;
	shrink(tree, index);
	return value;
}

/* First value at or after *index below `node`; on a miss *index is past the node. */
static void *next_in(const struct radix_node *node, uint64_t *index)
{
	unsigned shift = RADIX_BITS * (node->height - 1);
	for (unsigned slot = slot_of(*index, node->height); slot < RADIX_SLOTS; slot++) {
		void *below = atomic_load_acquire(&node->slots[slot]);
		if (below) {
			void *value = node->height == 1 ? below : next_in(below, index);
			if (value)
				return value;
		}
		uint64_t next = ((*index >> shift) + (node->height == 1 || !below ? 1 : 0))
				<< shift;
		if (below && node->height > 1)
			continue; /* next_in has moved the index already */
		if (next <= *index)
			return NULL; /* wrapped: the largest index there is */
		*index = next;
	}
	return NULL;
}

void *radix_next(const struct radix_tree *tree, uint64_t *index)
{
	const struct radix_node *root = atomic_load_acquire(&tree->root);
	if (!root || !covers(root->height, *index))
		return NULL;
	return next_in(root, index);
}

bool radix_is_empty(const struct radix_tree *tree)
{
	return !tree->root;
}
