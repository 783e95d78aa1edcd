/*
 * A red-black tree whose nodes live inside the objects, with the leftmost node cached: ordered sets
 * of timers, runnable threads, memory areas. The caller walks down to the place of insertion (so
 * the comparison is inlined) and calls rb_insert_at; rb_insert does the walk with a comparison
 * function.
 */
#pragma once

#include <lib/types.h>

struct rb_node {
	uintptr_t parent_color; /* parent pointer | colour in bit 0 */
	union {
		struct {
			struct rb_node *left, *right;
		};
		struct rb_node *child[2]; /* the same two, by side */
	};
};

struct rb_tree {
	struct rb_node *root;
	struct rb_node *leftmost;
};

#define RB_TREE_INIT                                                                               \
	{                                                                                          \
		NULL, NULL                                                                         \
	}
#define rb_entry(node, type, member) container_of(node, type, member)

typedef bool (*rb_less_t)(const struct rb_node *a, const struct rb_node *b);

/* Equal nodes keep their order of insertion. */
void rb_insert(struct rb_tree *tree, struct rb_node *node, rb_less_t less);
void rb_insert_fixup(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent);

/*
 * `link` is the NULL child pointer of `parent` (or &tree->root) where the node goes; is_leftmost:
 * it is the new minimum. Only a red parent makes work; the root and the children of black nodes are
 * done here.
 */
static inline void rb_insert_at(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent,
    struct rb_node **link, bool is_leftmost)
{
	node->parent_color = parent ? (uintptr_t)parent : 1;
	node->left = node->right = NULL;
	*link = node;
	if (is_leftmost)
		tree->leftmost = node;
	if (parent && !(parent->parent_color & 1))
		rb_insert_fixup(tree, node, parent);
}

void rb_remove_fixup(struct rb_tree *tree, struct rb_node *node);

/*
 * Nothing needs rebalancing when the node has no child and is red or alone, or has just a right
 * one, which then is a red leaf: all there is to do while a queue is short, and half the time when
 * it is long.
 */
static inline void rb_remove(struct rb_tree *tree, struct rb_node *node)
{
	struct rb_node *child = node->right;
	struct rb_node *parent = (struct rb_node *)(node->parent_color & ~(uintptr_t)1);
	if (node->left || (!child && parent && node->parent_color & 1)) {
		rb_remove_fixup(tree, node);
		return;
	}
	/* The leftmost node has no left child, so the next one is its right child or its parent. */
	if (tree->leftmost == node)
		tree->leftmost = child ? child : parent;
	if (child)
		child->parent_color = (uintptr_t)parent | 1;
	if (parent)
		parent->child[parent->right == node] = child;
	else
		tree->root = child;
}

static inline bool rb_is_empty(const struct rb_tree *tree)
{
	return !tree->root;
}

static inline struct rb_node *rb_first(const struct rb_tree *tree)
{
	return tree->leftmost;
}

/* For a tree that goes as a whole: takes out a node that has none below it, and leaves the rest out of balance. NULL: empty. */
static inline struct rb_node *rb_take_leaf(struct rb_tree *tree)
{
	struct rb_node *leaf = tree->leftmost ? tree->leftmost : tree->root;
	if (!leaf)
		return NULL;
	while (leaf->left || leaf->right)
		leaf = leaf->left ? leaf->left : leaf->right;
	struct rb_node *parent = (struct rb_node *)(leaf->parent_color & ~(uintptr_t)1);
	if (!parent)
		tree->root = NULL;
	else
		parent->child[parent->right == leaf] = NULL;
	tree->leftmost = parent; /* where to go on */
	return leaf;
}

struct rb_node *rb_last(const struct rb_tree *tree);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

#define rb_for_each(node, tree) for (node = rb_first(tree); node; node = rb_next(node))
