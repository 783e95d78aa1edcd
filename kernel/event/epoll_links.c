/* Sets in sets: no circles, and no long chains. What is there already has neither, which bounds the recursion here. */
#include "epoll_impl.h"

static uint64_t last_visit; /* epoll_nesting */

struct search {
	uint64_t visit;
	const struct epoll *target;
	bool is_found;
};

/* Sets in the longest chain from this one downwards. Each set is looked at once. */
static unsigned levels_below(struct epoll *set, struct search *search)
{
	if (set == search->target)
		search->is_found = true;
	if (set->visit == search->visit)
		return set->levels;
	unsigned most = 0;
	struct item *item;
	list_for_each(item, &set->inner, as_inner)
		most = max(most, levels_below(epoll_of(item->object), search));
	set->visit = search->visit;
	set->levels = most + 1;
	return most + 1;
}

/* And upwards, through the sets that it is in. */
static unsigned levels_above(struct epoll *set, uint64_t visit)
{
	if (set->visit == visit)
		return set->levels;
	unsigned most = 0;
	struct item *item;
	list_for_each(item, &set->outer, as_outer)
		most = max(most, levels_above(item->set, visit));
	set->visit = visit;
	set->levels = most + 1;
	return most + 1;
}

int epoll_check_nesting(struct epoll *outer, struct epoll *inner)
{
	struct search search = {.visit = ++last_visit, .target = outer};
	unsigned below = levels_below(inner, &search);
	if (search.is_found)
		return -ELOOP;
	return levels_above(outer, ++last_visit) + below > EPOLL_DEPTH_MAX ? -ELOOP : 0;
}
