/*
 * A radix tree from a 64-bit index to a pointer, six bits a level, growing in height with the largest index. Readers may walk it
 * under RCU while one writer (under the owner's lock) changes it: nodes are published complete and freed by the callback.
 */
#pragma once

#include <lib/types.h>

#define RADIX_BITS  6
#define RADIX_SLOTS (1u << RADIX_BITS)

struct radix_node;

struct radix_tree {
	struct radix_node *root;
	unsigned height; /* levels */
	/* How nodes are had and given back (after readers are gone). */
	void *(*alloc)(size_t size);
	void (*free)(void *node);
};

static inline void radix_init(struct radix_tree *tree, void *(*alloc)(size_t), void (*free)(void *))
{
	*tree = (struct radix_tree){.alloc = alloc, .free = free};
}
void *radix_find(const struct radix_tree *tree, uint64_t index);
/* 0, -EEXIST, -ENOMEM. */
MUST_USE int radix_insert(struct radix_tree *tree, uint64_t index, void *value);
/* What was there, or NULL. */
void *radix_remove(struct radix_tree *tree, uint64_t index);
/* The first entry at or after *index; sets *index. NULL: none. */
void *radix_next(const struct radix_tree *tree, uint64_t *index);
bool radix_is_empty(const struct radix_tree *tree);
