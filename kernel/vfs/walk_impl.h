/*
 * What the parts of a walk share.
 *
 *   walk.c         where it starts and ends, and the straight way: names that are cached, under RCU
 *   walk_step.c    one name of any kind, under RCU or with references
 *   walk_link.c    symbolic links
 */
#pragma once

#include "vfs_impl.h"

#define WALK_NEST_MAX 8                                 /* links inside links, under RCU */
#define WALK_SCOPED   (LOOKUP_BENEATH | LOOKUP_IN_ROOT) /* the starting point is the root */

/* What a part answers besides 0 and -errno. */
#define WALK_RETRY (WALK_NEEDS_REFERENCES + 1) /* something was moved meanwhile */
#define WALK_STOPPED                                                                               \
	(WALK_NEEDS_REFERENCES + 2) /* in front of a name that takes a step of its own */

struct walk {
	struct walk_end end; /* the place so far: with references when is_counted */
	struct path root;
	const char *rest; /* what is to be walked */
	unsigned flags;
	bool wants_directory; /* a link had a slash behind it */
	uint8_t links, depth;
	const char *stack[WALK_NEST_MAX]; /* under RCU: what follows the links that we are in */
	char *composed; /* with references: the link's target and what follows it */
	uint32_t seq;   /* with references: of namespace_seq when the walk began */
};

static inline const char *skip_slashes(const char *rest)
{
	while (*rest == '/')
		rest++;
	return rest;
}

/* The place becomes `to`, which comes with references if the walk has any; the old ones go. */
void walk_move(struct walk *walk, struct path to);
MUST_USE int walk_to_root(struct walk *walk);
/* One name. `rest` is behind the slashes that follow it. */
MUST_USE int walk_step(
    struct walk *walk, const struct name *name, const char *rest, bool has_slash);
/* Into a link: its target, then `rest`, which is behind the slashes that follow it. */
MUST_USE int walk_follow(struct walk *walk, struct dentry *link, const char *rest);
