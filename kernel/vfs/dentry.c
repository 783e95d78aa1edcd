/*
 * The cache of names. A hash table from (directory, name) to dentry that is read without a lock: chains end in NULL, removed entries
 * keep their way out, memory is freed after a grace period. A reader that a rename leads into another chain finds
 * nothing there, and sees by namespace_seq that it must look again.
 *
 * References: a dentry holds its parent and its inode. One without references stays until dentry_cache_forget takes it;
 * one that is unhashed goes at once. DENTRY_DEAD in refs settles races between who takes and who frees; DENTRY_UNHASHED lies there too, so
 * that who lets go learns in the same step whether there is more to do.
 */
#include "vfs_impl.h"

#include <lib/string.h>
#include <log/assert.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <wait/mutex.h>

#define FORGET_BATCH     32
#define LOOKS_PER_VICTIM 16
#define PAGES_PER_BUCKET 16
#define PAGES_PER_DENTRY 8
#define BUCKETS_MIN      1024
#define BUCKETS_MAX      (1u << 20)

struct spinlock dentry_lock = SPINLOCK_INIT("dentries", RANK_DENTRIES);
struct seqcount namespace_seq;

static struct slab_cache *dentries;
struct dentry **dentry_buckets;
unsigned dentry_bucket_shift;
/*
 * What was killed is buried without dentry_lock, and holds its file until then. Whoever ends a file system must not be done before: one forgets at a
 * time.
 */
static struct mutex forgetting;
/* dentry_lock: */
static struct list all = LIST_INIT(all);
static size_t all_count, all_limit;

void dentry_init(void)
{
	struct page_stats pages;
	mutex_init(&forgetting, "forgotten names", RANK_FORGETTING);
	page_stats_total(&pages);
	size_t count = BUCKETS_MIN;
	while (count < pages.total / PAGES_PER_BUCKET && count < BUCKETS_MAX)
		count *= 2;
	dentry_bucket_shift = 64 - log2_floor(count);
	dentry_buckets = kzalloc(count * sizeof(dentry_buckets[0]));
	dentries = slab_cache_create("dentry", sizeof(struct dentry) + DENTRY_INLINE_NAME, 0);
	if (!dentry_buckets || !dentries)
		panic("no memory for names");
	all_limit = max(pages.total / PAGES_PER_DENTRY, (uint64_t)BUCKETS_MIN);
}

bool dentry_try_get(struct dentry *dentry)
{
	uint32_t refs = atomic_load(&dentry->refs);
	while (likely(!(refs & DENTRY_DEAD)))
		if (likely(atomic_cas(&dentry->refs, &refs, refs + 1)))
			return true;
	return false;
}

struct dentry *dentry_find_get(struct dentry *parent, const struct name *name)
{
	for (;;) {
		rcu_read_lock();
		uint32_t seq = seq_read_begin(&namespace_seq);
		struct dentry *dentry = dentry_find(parent, name);
		bool is_taken = dentry && dentry_try_get(dentry);
		if (is_taken)
			dentry_mark_used(dentry);
		bool is_stale = seq_read_retry(&namespace_seq, seq);
		rcu_read_unlock();
		if (!is_stale)
			return is_taken ? dentry : NULL;
		if (is_taken)
			dentry_put(dentry);
	}
}

static void free_dentry(struct rcu_head *head)
{
	struct dentry *dentry = container_of(head, struct dentry, rcu);
	if (dentry->name != &dentry->own_name)
		kfree((void *)(uintptr_t)dentry->name);
	slab_free(dentries, dentry);
}

static void hash_locked(struct dentry *dentry)
{
	struct dentry **bucket = dentry_bucket(dentry->parent, dentry->hash);
	dentry->hash_next = *bucket;
	dentry->hash_prev = bucket;
	if (*bucket)
		(*bucket)->hash_prev = &dentry->hash_next;
	rcu_assign(*bucket, dentry);
}

/* hash_next stays: readers may stand here. */
static void unhash_locked(struct dentry *dentry)
{
	if (!dentry->hash_prev)
		return;
	rcu_assign(*dentry->hash_prev, dentry->hash_next);
	if (dentry->hash_next)
		dentry->hash_next->hash_prev = dentry->hash_prev;
	dentry->hash_prev = NULL;
}

/* Takes a dentry that nobody uses out of everything but RCU. */
static bool kill_locked(struct dentry *dentry)
{
	uint32_t unused = atomic_load(&dentry->refs) & DENTRY_UNHASHED;
	if (!atomic_cas(&dentry->refs, &unused, DENTRY_DEAD))
		return false;
	unhash_locked(dentry);
	list_remove(&dentry->sibling);
	list_remove(&dentry->cache_link);
	all_count--;
	return true;
}

/* Lets go of what a killed dentry holds, but for its parent, which is returned. May sleep: the file may go too. */
static struct dentry *bury(struct dentry *dentry)
{
	struct dentry *parent = dentry->parent;
	if (dentry->inode)
		inode_put(dentry->inode);
	rcu_call(&dentry->rcu, free_dentry);
	return parent != dentry ? parent : NULL;
}

/* RCU: without our reference it may be freed at any time. True: that is ours to do. is_unwanted: in the cache it shall not stay either. */
static bool put_and_kill(struct dentry *dentry, bool is_unwanted)
{
	bool is_ours = false;
	rcu_read_lock();
	uint32_t refs = atomic_fetch_sub(&dentry->refs, 1);
	if (refs == (DENTRY_UNHASHED | 1) || (is_unwanted && refs == 1)) {
		spin_lock(&dentry_lock);
		is_ours = kill_locked(dentry);
		spin_unlock(&dentry_lock);
	}
	rcu_read_unlock();
	return is_ours;
}

void dentry_put_unhashed(struct dentry *dentry)
{
	while (put_and_kill(dentry, false)) {
		dentry = bury(dentry);
		if (!dentry || dentry_try_put_cached(dentry))
			return;
	}
}

struct dentry_name *dentry_name_create(const struct name *name)
{
	struct dentry_name *copy = kmalloc(sizeof(*copy) + name->len + 1);
	if (!copy)
		return NULL;
	copy->len = name->len;
	copy_short(copy->text, name->text, name->len);
	copy->text[name->len] = '\0';
	return copy;
}

/* Takes no references: the caller has them for it. */
static struct dentry *create(
    struct dentry *parent, const struct name *name, struct inode *inode, struct super *super)
{
	struct dentry *dentry = slab_alloc(dentries, 0);
	if (!dentry)
		return NULL;
	if (likely(name->len < DENTRY_INLINE_NAME)) {
		dentry->own_name.len = name->len;
		copy_short(dentry->own_name.text, name->text, name->len);
		dentry->own_name.text[name->len] = '\0';
		dentry->name = &dentry->own_name;
	} else if (!(dentry->name = dentry_name_create(name))) {
		slab_free(dentries, dentry);
		return NULL;
	}
	dentry->hash_next = NULL;
	dentry->hash_prev = NULL;
	dentry->parent = parent ? parent : dentry;
	dentry->inode = inode;
	dentry->hash = name->hash;
	dentry->flags = DENTRY_USED;
	dentry->refs = 1;
	dentry->super = super;
	dentry->mounted = NULL;
	list_init(&dentry->children);
	list_init(&dentry->sibling);
	return dentry;
}

static void enlist_locked(struct dentry *dentry)
{
	if (dentry->parent != dentry)
		list_push_back(&dentry->parent->children, &dentry->sibling);
	list_push_back(&all, &dentry->cache_link);
	all_count++;
}

struct dentry *dentry_create_root(struct super *super, struct inode *inode)
{
	struct name name = name_of("/", 1);
	struct dentry *dentry = create(NULL, &name, inode, super);
	if (!dentry)
		return NULL;
	spin_lock(&dentry_lock);
	enlist_locked(dentry);
	spin_unlock(&dentry_lock);
	return dentry;
}

void dentry_put_root(struct dentry *dentry)
{
	atomic_fetch_or(&dentry->refs, DENTRY_UNHASHED);
	dentry_put_unhashed(dentry);
}

static struct dentry *find_locked(struct dentry *parent, const struct name *name)
{
	struct dentry *dentry = dentry_find(parent, name);
	return dentry && dentry_try_get(dentry) ? dentry : NULL;
}

struct dentry *dentry_add(struct dentry *parent, const struct name *name, struct inode *inode)
{
	struct dentry *dentry = create(parent, name, inode, parent->super);
	if (!dentry) {
		if (inode)
			inode_put(inode);
		return NULL;
	}
	spin_lock(&dentry_lock);
	struct dentry *existing = find_locked(parent, name);
	bool is_full = all_count >= all_limit;
	if (likely(!existing)) {
		dentry_get(parent);
		hash_locked(dentry);
		enlist_locked(dentry);
	}
	spin_unlock(&dentry_lock);
	if (unlikely(existing)) {
		free_dentry(&dentry->rcu);
		if (inode)
			inode_put(inode);
		return existing;
	}
	if (unlikely(is_full))
		dentry_cache_forget(FORGET_BATCH, NULL);
	return dentry;
}

struct dentry *dentry_create_private(
    struct dentry *parent, const struct name *name, struct inode *inode)
{
	struct dentry *dentry = create(parent, name, inode, parent->super);
	if (!dentry) {
		if (inode)
			inode_put(inode);
		return NULL;
	}
	dentry->refs |= DENTRY_UNHASHED;
	spin_lock(&dentry_lock);
	dentry_get(parent);
	enlist_locked(dentry);
	spin_unlock(&dentry_lock);
	return dentry;
}

void dentry_instantiate(struct dentry *dentry, struct inode *inode)
{
	rcu_assign(dentry->inode, inode);
}

void dentry_delete(struct dentry *dentry)
{
	spin_lock(&dentry_lock);
	unhash_locked(dentry);
	atomic_fetch_or(&dentry->flags, DENTRY_DELETED);
	atomic_fetch_or(&dentry->refs, DENTRY_UNHASHED);
	spin_unlock(&dentry_lock);
}

static void free_name(struct rcu_head *head)
{
	kfree(container_of(head, struct dentry_name, rcu));
}

/* Inside namespace_seq. */
static void replace_name(struct dentry *dentry, struct dentry_name *fresh, uint64_t hash)
{
	const struct dentry_name *old = dentry->name;
	rcu_assign(dentry->name, fresh);
	atomic_store(&dentry->hash, hash);
	if (old != &dentry->own_name)
		rcu_call(&((struct dentry_name *)(uintptr_t)old)->rcu, free_name);
}

static void set_parent(struct dentry *dentry, struct dentry *parent)
{
	list_remove(&dentry->sibling);
	list_push_back(&parent->children, &dentry->sibling);
	rcu_assign(dentry->parent, parent);
}

void dentry_move(
    struct dentry *dentry, struct dentry *new_parent, struct dentry_name *fresh, uint64_t hash)
{
	spin_lock(&dentry_lock);
	struct dentry *old_parent = dentry->parent;
	seq_write_begin(&namespace_seq);
	unhash_locked(dentry);
	replace_name(dentry, fresh, hash);
	if (new_parent != old_parent)
		set_parent(dentry, dentry_get(new_parent));
	hash_locked(dentry);
	seq_write_end(&namespace_seq);
	spin_unlock(&dentry_lock);
	if (new_parent != old_parent)
		dentry_put(old_parent);
}

void dentry_exchange(
    struct dentry *a, struct dentry_name *fresh_a, struct dentry *b, struct dentry_name *fresh_b)
{
	spin_lock(&dentry_lock);
	struct dentry *parent_a = a->parent, *parent_b = b->parent;
	uint64_t hash_a = a->hash, hash_b = b->hash;
	seq_write_begin(&namespace_seq);
	unhash_locked(a);
	unhash_locked(b);
	replace_name(a, fresh_a, hash_b);
	replace_name(b, fresh_b, hash_a);
	/* Each had a reference to its parent: they change hands. */
	set_parent(a, parent_b);
	set_parent(b, parent_a);
	hash_locked(a);
	hash_locked(b);
	seq_write_end(&namespace_seq);
	spin_unlock(&dentry_lock);
}

/* Those that were killed and linked into `victims`; with_parents: and the directories that nobody uses without them. */
static size_t bury_all(struct list *victims, bool with_parents)
{
	size_t count = 0;
	struct list *link;
	while ((link = list_pop_front(victims))) {
		struct dentry *parent = list_entry(link, struct dentry, cache_link);
		do {
			parent = bury(parent);
			count++;
		} while (parent && put_and_kill(parent, with_parents));
	}
	return count;
}

void dentry_forget_children(struct dentry *dentry)
{
	struct list victims = LIST_INIT(victims);
	struct dentry *child, *next;
	spin_lock(&dentry_lock);
	list_for_each_safe(child, next, &dentry->children, sibling)
		if (kill_locked(child))
			list_push_back(&victims, &child->cache_link);
	spin_unlock(&dentry_lock);
	bury_all(&victims, false);
}

/* One round through the cache, oldest first. What was used since the last round gets another, unless all of a file system must go. Where
 * nearly all names are in use, a round that is not urgent gives up: the next goes on behind it. */
static size_t forget_round(size_t count, const struct super *super, bool is_urgent)
{
	struct list victims = LIST_INIT(victims);
	size_t taken = 0;
	spin_lock(&dentry_lock);
	size_t left = is_urgent ? all_count : min(all_count, count * LOOKS_PER_VICTIM);
	while (left-- && taken < count) {
		struct dentry *dentry = list_first(&all, struct dentry, cache_link);
		bool was_used = atomic_load(&dentry->flags) & DENTRY_USED;
		if (was_used)
			atomic_fetch_and(&dentry->flags, ~(uint32_t)DENTRY_USED);
		if ((super && dentry->super != super) || (was_used && !is_urgent) ||
		    !kill_locked(dentry)) {
			list_remove(&dentry->cache_link);
			list_push_back(&all, &dentry->cache_link);
			continue;
		}
		list_push_back(&victims, &dentry->cache_link);
		taken++;
	}
	spin_unlock(&dentry_lock);
	return bury_all(&victims, super);
}

/* Directories become free when their last child goes: rounds until nothing does. */
static size_t forget_rounds(size_t count, const struct super *super, bool is_urgent)
{
	size_t total = 0;
	for (;;) {
		size_t taken = forget_round(count - total, super, is_urgent);
		total += taken;
		if (!taken || total >= count)
			return total;
	}
}

size_t dentry_cache_forget(size_t count, const struct super *super)
{
	bool is_urgent = super || count > FORGET_BATCH;
	if (is_urgent)
		mutex_lock(&forgetting);
	else if (!mutex_try_lock(&forgetting))
		return 0; /* somebody is at it */
	size_t total = forget_rounds(count, super, is_urgent);
	mutex_unlock(&forgetting);
	return total;
}

size_t dentry_cache_trim(size_t count)
{
	return dentry_cache_forget(count, NULL);
}
