/*
 * From a path to a place. A walk first runs under RCU: no lock, no reference, nothing written. If on the way something is not cached,
 * must sleep, or changed under it, it runs again from the start with references, and asks file systems for what is missing.
 *
 * At the end the caller's visitor sees the place: under RCU it may read (stat) or try to take references (open); if that is not
 * enough it says WALK_NEEDS_REFERENCES.
 */
#include "walk_impl.h"

#include <mm/slab.h>
#include <object/capability.h>

#define RCU_TRIES 3

/* What is mounted there, if anything is; and the reclaimer learns that the name is used. */
static struct path look_closer(struct path place)
{
	dentry_mark_used(place.dentry);
	cross_mounts(&place);
	return place;
}

/* A cached name, under RCU. dentry NULL: there is none, or it takes a step of its own. */
static ALWAYS_INLINE struct path plain_child(
    const struct walk *walk, const struct path *at, const struct name *name)
{
	struct path child = {at->mount, dentry_find(at->dentry, name)};
	if (unlikely(!child.dentry))
		return child;
	uint32_t flags = atomic_load(&child.dentry->flags);
	if (unlikely((flags & (DENTRY_USED | DENTRY_MOUNT_POINT)) != DENTRY_USED)) {
		if (unlikely(walk->flags & LOOKUP_NO_MOUNTS))
			return (struct path){0};
		child = look_closer(child);
	}
	return child;
}

/* From *at along *rest, both left in front of the first name that takes a step of its own (WALK_STOPPED), or at the end. */
static ALWAYS_INLINE int plain_names(
    struct walk *walk, struct path *at, const char **rest, const bool wants_parent)
{
	const struct inode *inode = rcu_dereference(at->dentry->inode);
	uint32_t mode = atomic_load(&inode->mode);
	for (;;) {
		uint64_t word = name_load_some(*rest), ends = name_ends(word);
		if (unlikely(name_is_empty(ends))) {
			if (!**rest)
				return 0;
			++*rest;
			continue;
		}
		/* Where everybody may search, there is no need to ask who we are. */
		int err;
		if (unlikely((mode & (S_IFMT | 0111)) != (S_IFDIR | 0111)) &&
		    (err = may_search(inode)))
			return err;
		struct name name;
		const char *end = name_cut_word(*rest, word, ends, &name);
		if (unlikely(name.text[0] == '.') && (name_is_dot(&name) || name_is_dot_dot(&name)))
			return WALK_STOPPED;
		if (wants_parent && !*skip_slashes(end)) {
			/* Otherwise the end of a link's text. */
			if (unlikely(walk->depth))
				return WALK_STOPPED;
			walk->end.last = name;
			walk->end.has_trailing_slash = *end;
			return 0;
		}
		struct path child = plain_child(walk, at, &name);
		if (unlikely(!child.dentry))
			return WALK_STOPPED;
		inode = rcu_dereference(child.dentry->inode);
		if (unlikely(!inode))
			return -ENOENT;
		mode = atomic_load(&inode->mode);
		if (*end ? unlikely(!S_IS(mode, S_IFDIR)) : unlikely(S_IS(mode, S_IFLNK)))
			return WALK_STOPPED;
		*at = child;
		*rest = end;
		if (!*end)
			return 0;
		++*rest;
	}
}

/*
 * Under RCU, as far as there are only directories and files that are cached: nearly all of nearly all walks. 0: it has arrived; or
 * -errno, or WALK_STOPPED.
 */
static ALWAYS_INLINE int walk_plain_names(struct walk *walk, const bool wants_parent)
{
	struct path at = walk->end.at;
	const char *rest = walk->rest;
	int err = plain_names(walk, &at, &rest, wants_parent);
	walk->end.at = at;
	walk->rest = rest;
	return err;
}

/* The next name, of any kind. 0: there is more; WALK_STOPPED: there was none left. */
static int walk_any_name(struct walk *walk)
{
	walk->rest = skip_slashes(walk->rest);
	if (!*walk->rest) {
		if (!walk->depth)
			return WALK_STOPPED;
		walk->rest = walk->stack[--walk->depth];
		return 0;
	}
	int err = may_search(walk->end.at.dentry->inode);
	if (err)
		return err;
	struct name name;
	const char *end = name_cut(walk->rest, &name), *rest = skip_slashes(end);
	if (walk->flags & LOOKUP_PARENT && !*rest && !walk->depth) {
		walk->end.last = name;
		walk->end.has_trailing_slash = *end;
		return WALK_STOPPED;
	}
	return walk_step(walk, &name, rest, rest != end);
}

/* All that is left, whatever it is. */
static NOINLINE int walk_names(struct walk *walk)
{
	for (;;) {
		int err = walk_any_name(walk);
		if (err)
			return err == WALK_STOPPED ? 0 : err;
		if (walk->end.is_counted)
			continue;
		err = walk_plain_names(walk, walk->flags & LOOKUP_PARENT);
		if (err != WALK_STOPPED && (err || !walk->depth))
			return err;
	}
}

/* What a walk to the end must have found. */
static inline int check_end(const struct walk *walk)
{
	if (likely(!walk->wants_directory && !(walk->flags & LOOKUP_DIRECTORY)))
		return 0;
	if (walk->flags & LOOKUP_PARENT)
		return 0;
	return S_IS(walk->end.at.dentry->inode->mode, S_IFDIR) ? 0 : -ENOTDIR;
}

struct start {
	struct file_context *context;
	struct path path; /* borrowed; dentry NULL: the context's root or current directory */
	struct cap_ref ref;
};

static ALWAYS_INLINE void begin(
    struct walk *walk, const struct walk_request *request, const struct start *start)
{
	const struct file_context *context = start->context;
	bool is_scoped = request->flags & WALK_SCOPED;
	const bool is_absolute = *request->path == '/';
	const struct path *from = is_absolute && !is_scoped ? &context->root : &context->cwd;
	uint32_t seq;
	do {
		seq = seq_read_begin(&context->seq);
		walk->root = path_peek(&context->root);
		walk->end.at = path_peek(from);
	} while (unlikely(seq_read_retry(&context->seq, seq)));
	if (unlikely(start->path.dentry))
		walk->end.at = start->path;
	if (unlikely(is_scoped))
		walk->root = walk->end.at;
	walk->end.last.text = NULL;
	walk->end.has_trailing_slash = false;
	walk->rest = request->path + is_absolute;
	walk->flags = request->flags;
	walk->wants_directory = false;
	walk->links = walk->depth = 0;
}

static ALWAYS_INLINE int run_under_rcu(
    const struct walk_request *request, const struct start *start, walk_visit_t visit, void *ctx)
{
	struct walk walk;
	rcu_read_lock();
	uint32_t seq = seq_read_begin(&namespace_seq);
	begin(&walk, request, start);
	walk.end.is_counted = false;
	int err = request->flags & LOOKUP_PARENT ? walk_plain_names(&walk, true)
						 : walk_plain_names(&walk, false);
	if (unlikely(err == WALK_STOPPED))
		err = walk_names(&walk);
	if (likely(!err))
		err = check_end(&walk);
	/* Whatever was seen, an error too, counts only if nothing was moved meanwhile. */
	if (unlikely(seq_read_retry(&namespace_seq, seq)))
		err = WALK_RETRY;
	if (likely(!err))
		err = visit(&walk.end, ctx);
	rcu_read_unlock();
	return err;
}

/* The root and the starting point with references; they cannot go away for good while the context has them, but may change. */
static void begin_counted(
    struct walk *walk, const struct walk_request *request, const struct start *start)
{
	bool is_good = false;
	walk->end.is_counted = true;
	walk->end.composed = &walk->composed;
	walk->composed = NULL;
	walk->seq = seq_read_begin(&namespace_seq);
	while (!is_good) {
		rcu_read_lock();
		begin(walk, request, start);
		bool has_root = path_try_get(&walk->root);
		is_good = has_root && path_try_get(&walk->end.at);
		rcu_read_unlock();
		if (has_root && !is_good)
			path_put(&walk->root);
	}
}

static NOINLINE int run_counted(
    const struct walk_request *request, const struct start *start, walk_visit_t visit, void *ctx)
{
	struct walk walk;
	begin_counted(&walk, request, start);
	int err = walk_names(&walk);
	if (!err)
		err = check_end(&walk);
	if (!err)
		err = visit(&walk.end, ctx);
	path_put(&walk.end.at);
	path_put(&walk.root);
	kfree(walk.composed);
	mounts_end_left();
	return err;
}

/* Nearly all: a path from the root or the current directory. */
static inline bool is_from_context(const struct walk_request *request)
{
	return !request->base && (request->dir_fd == AT_FDCWD || *request->path == '/') &&
	       !(request->flags & WALK_SCOPED);
}

/* Where any other path starts. */
static NOINLINE int find_start(const struct walk_request *request, struct start *start)
{
	bool is_absolute = *request->path == '/';
	if (is_absolute && request->flags & LOOKUP_BENEATH)
		return -EXDEV;
	if (is_absolute && !(request->flags & WALK_SCOPED))
		return 0;
	if (request->base) {
		start->path = *request->base;
		return 0;
	}
	if (request->dir_fd == AT_FDCWD)
		return 0;
	struct cap_ref ref = cap_lookup(request->dir_fd, *request->path ? RIGHT_LOOKUP : 0);
	if (!ref.object) {
		ref = cap_lookup(request->dir_fd, 0);
		if (!ref.object)
			return ref.err;
		cap_release(ref);
		return -ENOTDIR;
	}
	if (ref.object->ops->stat != file_stat) {
		cap_release(ref);
		return *request->path ? -ENOTDIR : -EINVAL;
	}
	start->ref = ref;
	start->path = file_of(ref.object)->path;
	return 0;
}

int walk(const struct walk_request *request, walk_visit_t visit, void *ctx)
{
	if (unlikely(!*request->path) && !(request->flags & LOOKUP_EMPTY))
		return -ENOENT;
	struct start start = {.context = context_of_current()};
	int err = is_from_context(request) ? 0 : find_start(request, &start);
	if (unlikely(err))
		return err;
	unsigned tries = 0;
	do {
		err = run_under_rcu(request, &start, visit, ctx);
	} while (unlikely(err == WALK_RETRY) && ++tries < RCU_TRIES);
	if (unlikely(err >= WALK_NEEDS_REFERENCES))
		err = run_counted(request, &start, visit, ctx);
	cap_release(start.ref);
	return err;
}
