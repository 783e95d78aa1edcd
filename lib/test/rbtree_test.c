/* The red-black tree against a sorted array, with every rule checked after every step. */
#include <lib/random.h>
#include <lib/rbtree.h>
#include <stdlib.h>
#include <string.h>
#include <test/test.h>

struct item {
	struct rb_node node;
	uint32_t key;
	uint32_t serial; /* order of insertion among equal keys */
	bool in_tree;
};

static bool item_less(const struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct item, node)->key < rb_entry(b, struct item, node)->key;
}

static bool is_black(const struct rb_node *node)
{
	return !node || node->parent_color & 1;
}

/* The count of black nodes on the way down; fails when two ways differ. */
static int check_subtree(const struct rb_node *node, const struct rb_node *parent, size_t *count)
{
	if (!node)
		return 0;
	++*count;
	CHECK((node->parent_color & ~(uintptr_t)1) == (uintptr_t)parent);
	CHECK(is_black(node) || (is_black(node->left) && is_black(node->right)));
	int left = check_subtree(node->left, node, count);
	int right = check_subtree(node->right, node, count);
	CHECK_EQ(left, right);
	return left + !!is_black(node);
}

static void check_tree(const struct rb_tree *tree, size_t expected)
{
	size_t count = 0;
	CHECK(is_black(tree->root));
	check_subtree(tree->root, NULL, &count);
	CHECK_EQ(count, expected);

	size_t walked = 0;
	const struct rb_node *node, *previous = NULL;
	rb_for_each(node, tree) {
		CHECK(rb_prev(node) == previous);
		if (previous) {
			const struct item *a = rb_entry(previous, struct item, node);
			const struct item *b = rb_entry(node, struct item, node);
			CHECK(a->key < b->key || (a->key == b->key && a->serial < b->serial));
		}
		previous = node;
		walked++;
	}
	CHECK_EQ(walked, expected);
	CHECK(rb_last(tree) == previous);
	CHECK(rb_is_empty(tree) == (expected == 0));
}

/* Random traffic among `n` items with keys below `keys`; checks everything each `stride` steps. */
static void run_traffic(size_t n, uint32_t keys, size_t steps, size_t stride, uint64_t seed)
{
	struct item *items = calloc(n, sizeof *items);
	struct rb_tree tree = RB_TREE_INIT;
	size_t inside = 0;
	uint32_t serial = 0;
	for (size_t i = 0; i < steps; i++) {
		struct item *item = &items[random_next(&seed) % n];
		if (item->in_tree) {
			rb_remove(&tree, &item->node);
			inside--;
		} else {
			item->key = (uint32_t)(random_next(&seed) % keys);
			item->serial = serial++;
			rb_insert(&tree, &item->node, item_less);
			inside++;
		}
		item->in_tree = !item->in_tree;
		if (i % stride == 0)
			check_tree(&tree, inside);
	}
	for (size_t i = 0; i < n; i++) {
		if (items[i].in_tree)
			rb_remove(&tree, &items[i].node);
	}
	check_tree(&tree, 0);
	free(items);
}

TEST(rbtree_small_random_traffic)
{
	for (uint64_t seed = 1; seed <= 40; seed++)
		run_traffic(1 + seed % 12, 8, 1500, 1, seed);
}

TEST(rbtree_large_random_traffic)
{
	run_traffic(3000, UINT32_MAX, 60000, 400, 42);
	run_traffic(3000, 50, 60000, 400, 43);
}

TEST(rbtree_pops_in_order_as_a_queue_does)
{
	struct item items[500];
	struct rb_tree tree = RB_TREE_INIT;
	uint64_t seed = 7;
	for (uint32_t i = 0; i < ARRAY_LEN(items); i++) {
		items[i].key = (uint32_t)(random_next(&seed) % 100);
		items[i].serial = i;
		rb_insert(&tree, &items[i].node, item_less);
	}
	for (size_t left = ARRAY_LEN(items); left; left--) {
		check_tree(&tree, left);
		rb_remove(&tree, rb_first(&tree));
	}
	CHECK(rb_is_empty(&tree));
	CHECK(!rb_first(&tree));
	CHECK(!rb_last(&tree));
}

TEST(rbtree_is_taken_apart_leaf_by_leaf)
{
	struct item items[300];
	uint64_t seed = 11;
	for (size_t count = 0; count <= ARRAY_LEN(items); count += 1 + count / 5) {
		struct rb_tree tree = RB_TREE_INIT;
		for (uint32_t i = 0; i < count; i++) {
			items[i].key = (uint32_t)(random_next(&seed) % 1000);
			items[i].serial = i;
			rb_insert(&tree, &items[i].node, item_less);
		}
		size_t taken = 0;
		for (struct rb_node *node; (node = rb_take_leaf(&tree)); taken++) {
			CHECK(!node->left && !node->right);
			/* Nobody looks at it again: it is anything from now on. */
			memset(rb_entry(node, struct item, node), 0xa5, sizeof(struct item));
		}
		CHECK_EQ(taken, count);
		CHECK(rb_is_empty(&tree));
	}
}

TEST(rbtree_every_order_of_small_sets)
{
	/* All permutations of inserting six keys, each followed by removals in another order. */
	for (unsigned code = 0; code < 720; code++) {
		struct item items[6] = {0};
		unsigned order[6], rest = code;
		for (unsigned i = 0; i < 6; i++) {
			unsigned at = rest % (i + 1);
			rest /= i + 1;
			for (unsigned j = i; j > at; j--)
				order[j] = order[j - 1];
			order[at] = i;
		}
		struct rb_tree tree = RB_TREE_INIT;
		for (unsigned i = 0; i < 6; i++) {
			items[order[i]].key = order[i];
			rb_insert(&tree, &items[order[i]].node, item_less);
			check_tree(&tree, i + 1);
		}
		for (unsigned i = 0; i < 6; i++) {
			rb_remove(&tree, &items[order[(i + code) % 6]].node);
			check_tree(&tree, 5 - i);
		}
	}
}
