/*
 * Red-black trees. The rules: the root is black; a red node has black children; every way from a
 * node down to a missing child passes the same number of black nodes. Colour lives in bit 0 of the
 * parent pointer: a red node's word is the pointer itself.
 *
 * Left and right are handled by one piece of code, with `side` saying which child is meant.
 */
#include <lib/rbtree.h>

#define BLACK ((uintptr_t)1)

enum side { LEFT, RIGHT };

static bool is_black(const struct rb_node *node)
{
	return node->parent_color & BLACK;
}

/* A missing child counts as black. */
static bool is_red(const struct rb_node *node)
{
	return node && !is_black(node);
}

static struct rb_node *parent_of(const struct rb_node *node)
{
	return (struct rb_node *)(node->parent_color & ~BLACK);
}

static void set_parent(struct rb_node *node, struct rb_node *parent)
{
	node->parent_color = (uintptr_t)parent | (node->parent_color & BLACK);
}

static void set_black(struct rb_node *node)
{
	node->parent_color |= BLACK;
}

static void set_red(struct rb_node *node)
{
	node->parent_color &= ~BLACK;
}

static enum side side_of(const struct rb_node *node, const struct rb_node *parent)
{
	return parent->child[RIGHT] == node ? RIGHT : LEFT;
}

/* What pointed to `old`, a child of `parent` or the root, points to `node`. */
static void replace_child(
    struct rb_tree *tree, struct rb_node *parent, const struct rb_node *old, struct rb_node *node)
{
	if (!parent)
		tree->root = node;
	else
		parent->child[side_of(old, parent)] = node;
}

/* Moves `node` down to `side`; its other child takes its place. Colours stay with the nodes. */
static void rotate(struct rb_tree *tree, struct rb_node *node, enum side side)
{
	struct rb_node *up = node->child[!side], *inner = up->child[side];
	struct rb_node *parent = parent_of(node);
	node->child[!side] = inner;
	if (inner)
		set_parent(inner, node);
	up->child[side] = node;
	set_parent(up, parent);
	replace_child(tree, parent, node, up);
	set_parent(node, up);
}

/* `node` and `parent` are both red. */
void rb_insert_fixup(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent)
{
	while (is_red(parent)) {
		struct rb_node *grand = parent_of(parent); /* exists: the root is black */
		enum side side = side_of(parent, grand);
		struct rb_node *uncle = grand->child[!side];
		if (is_red(uncle)) {
			set_black(parent);
			set_black(uncle);
			set_red(grand);
			node = grand;
			parent = parent_of(node);
			continue;
		}
		if (parent->child[!side] == node) {
			rotate(tree, parent, side);
			parent = node;
		}
		set_black(parent);
		set_red(grand);
		rotate(tree, grand, !side);
		return;
	}
	set_black(tree->root);
}

void rb_insert(struct rb_tree *tree, struct rb_node *node, rb_less_t less)
{
	struct rb_node *parent = NULL, **link = &tree->root;
	bool is_leftmost = true;
	while (*link) {
		parent = *link;
		if (less(node, parent)) {
			link = &parent->left;
		} else {
			link = &parent->right;
			is_leftmost = false;
		}
	}
	rb_insert_at(tree, node, parent, link, is_leftmost);
}

/* The ways through parent->child[side] have one black node too few. */
static void remove_fixup(struct rb_tree *tree, struct rb_node *parent, enum side side)
{
	for (;;) {
		struct rb_node *sibling =
		    parent->child[!side]; /* exists: its ways have more black nodes */
		if (!is_black(sibling)) {
			rotate(tree, parent, side);
			set_black(sibling);
			set_red(parent);
			sibling = parent->child[!side];
		}
		if (!is_red(sibling->left) && !is_red(sibling->right)) {
			set_red(sibling);
			if (is_red(parent) || !parent_of(parent)) {
				set_black(parent);
				return;
			}
			struct rb_node *grand = parent_of(parent);
			side = side_of(parent, grand);
			parent = grand;
			continue;
		}
		if (!is_red(sibling->child[!side])) {
			struct rb_node *near = sibling->child[side];
			rotate(tree, sibling, !side);
			set_black(near);
			set_red(sibling);
			sibling = near;
		}
		sibling->parent_color |= parent->parent_color & BLACK;
		if (!is_black(parent))
			set_red(sibling);
		set_black(parent);
		set_black(sibling->child[!side]);
		rotate(tree, parent, side);
		return;
	}
}

/* Takes out a node with at most one child; that child, if any, is a red leaf. */
static void remove_at_bottom(struct rb_tree *tree, struct rb_node *node)
{
	struct rb_node *parent = parent_of(node), *child = node->left ? node->left : node->right;
	enum side side = parent ? side_of(node, parent) : LEFT;
	if (!parent)
		tree->root = child;
	else
		parent->child[side] = child;
	if (child)
		child->parent_color = (uintptr_t)parent | BLACK;
	else if (is_black(node) && parent)
		remove_fixup(tree, parent, side);
}

/* The cases that rb_remove does not do itself. */
void rb_remove_fixup(struct rb_tree *tree, struct rb_node *node)
{
	if (tree->leftmost == node) /* a leaf, then */
		tree->leftmost = parent_of(node);

	if (!node->left || !node->right) {
		remove_at_bottom(tree, node);
		return;
	}

	/*
	 * The next node in order is taken out at the bottom, and then put into this one's place;
	 * which by then may be another, as rotations move nodes.
	 */
	struct rb_node *next = node->right;
	while (next->left)
		next = next->left;
	remove_at_bottom(tree, next);
	*next = *node;
	replace_child(tree, parent_of(node), node, next);
	if (next->left)
		set_parent(next->left, next);
	if (next->right)
		set_parent(next->right, next);
}

static struct rb_node *outermost(struct rb_node *node, enum side side)
{
	while (node && node->child[side])
		node = node->child[side];
	return node;
}

/* The neighbour in order on that side. */
static struct rb_node *step(const struct rb_node *node, enum side side)
{
	if (node->child[side])
		return outermost(node->child[side], !side);
	struct rb_node *parent = parent_of(node);
	while (parent && parent->child[side] == node) {
		node = parent;
		parent = parent_of(node);
	}
	return parent;
}

struct rb_node *rb_last(const struct rb_tree *tree)
{
	return outermost(tree->root, RIGHT);
}

struct rb_node *rb_next(const struct rb_node *node)
{
	return step(node, RIGHT);
}

struct rb_node *rb_prev(const struct rb_node *node)
{
	return step(node, LEFT);
}
