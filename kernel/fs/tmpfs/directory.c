/*
 * Directories: names in a tree for finding, in a list for reading. Positions only grow, so that reading goes on where it stopped, whatever comes
 * and goes.
 */
#include "tmpfs_impl.h"

#include <lib/string.h>
#include <mm/slab.h>

#define ENTRY_STEP 32

struct tmpfs_dir *tmpfs_dir_create(void)
{
	struct tmpfs_dir *dir = kzalloc(sizeof(*dir));
	if (!dir)
		return NULL;
	list_init(&dir->entries);
	dir->next_pos = LIST_FIRST;
	return dir;
}

/* Something is left in it only when the whole file system goes. Then what lies below is gathered in this one list: it may be deeper
 * than a stack. */
void tmpfs_dir_destroy(struct tmpfs_dir *dir)
{
	struct list *link;
	while ((link = list_pop_front(&dir->entries))) {
		struct tmpfs_entry *entry = list_entry(link, struct tmpfs_entry, link);
		struct inode *inode = entry->inode;
		if (S_IS(inode->mode, S_IFDIR))
			list_splice(&dir->entries, &((struct tmpfs_dir *)inode->data)->entries);
		inode_put(inode);
		kfree(entry);
	}
	kfree(dir);
}

static inline int compare(const struct tmpfs_entry *entry, const struct name *name)
{
	if (entry->hash != name->hash)
		return entry->hash < name->hash ? -1 : 1;
	if (name->len <= NAME_HASHED_WHOLE)
		return 0;
	if (entry->len != name->len)
		return entry->len < name->len ? -1 : 1;
	return memcmp(entry->text, name->text, name->len);
}

struct tmpfs_entry *tmpfs_find(const struct tmpfs_dir *dir, const struct name *name)
{
	struct rb_node *node = dir->names.root;
	while (node) {
		struct tmpfs_entry *entry = rb_entry(node, struct tmpfs_entry, node);
		int order = compare(entry, name);
		if (!order)
			return entry;
		node = order < 0 ? node->right : node->left;
	}
	return NULL;
}

/* Room for a name like this one, and for all that are a little longer: renaming them needs no memory then. */
static inline struct tmpfs_entry *create(uint32_t len)
{
	size_t size = ALIGN_UP(sizeof(struct tmpfs_entry) + len, ENTRY_STEP);
	struct tmpfs_entry *entry = kmalloc(size);
	if (entry)
		entry->room = (uint16_t)(size - sizeof(*entry));
	return entry;
}

/* Under a name that is free. */
static ALWAYS_INLINE void insert_name(
    struct tmpfs_dir *dir, struct tmpfs_entry *entry, const struct name *name)
{
	entry->hash = name->hash;
	entry->len = (uint16_t)name->len;
	copy_short(entry->text, name->text, name->len);
	struct rb_node **link = &dir->names.root, *parent = NULL;
	bool is_leftmost = true;
	while (*link) {
		parent = *link;
		bool is_right = compare(rb_entry(parent, struct tmpfs_entry, node), name) < 0;
		is_leftmost = is_leftmost && !is_right;
		link = &parent->child[is_right];
	}
	rb_insert_at(&dir->names, &entry->node, parent, link, is_leftmost);
}

static void append(struct tmpfs_dir *dir, struct tmpfs_entry *entry)
{
	entry->pos = dir->next_pos++;
	list_push_back(&dir->entries, &entry->link);
	dir->count++;
}

/* Out of the list, but not of the tree. */
static void take_out(struct tmpfs_dir *dir, struct tmpfs_entry *entry)
{
	if (dir->hint == entry)
		dir->hint = entry->link.next != &dir->entries
				? list_entry(entry->link.next, struct tmpfs_entry, link)
				: NULL;
	list_remove(&entry->link);
	dir->count--;
}

int tmpfs_add(struct tmpfs_dir *dir, const struct name *name, struct inode *inode)
{
	struct tmpfs_entry *entry = create(name->len);
	if (!entry)
		return -ENOMEM;
	entry->inode = inode_get(inode);
	insert_name(dir, entry, name);
	append(dir, entry);
	return 0;
}

void tmpfs_remove(struct tmpfs_dir *dir, struct tmpfs_entry *entry)
{
	rb_remove(&dir->names, &entry->node);
	take_out(dir, entry);
	inode_put(entry->inode);
	kfree(entry);
}

/* An entry with more room, which takes over everything but the name. */
static NOINLINE struct tmpfs_entry *enlarge(
    struct tmpfs_dir *dir, struct tmpfs_entry *entry, uint32_t len)
{
	struct tmpfs_entry *larger = create(len);
	if (!larger)
		return NULL;
	larger->inode = entry->inode;
	larger->pos = entry->pos;
	list_insert_between(&larger->link, entry->link.prev, &entry->link);
	dir->count++;
	rb_remove(&dir->names, &entry->node);
	take_out(dir, entry);
	kfree(entry);
	return larger;
}

int tmpfs_move(struct tmpfs_dir *from, struct tmpfs_entry *entry, struct tmpfs_dir *to,
    const struct name *name)
{
	if (likely(name->len <= entry->room))
		rb_remove(&from->names, &entry->node);
	else if (!(entry = enlarge(from, entry, name->len)))
		return -ENOMEM;
	insert_name(to, entry, name);
	if (from != to) {
		take_out(from, entry);
		append(to, entry);
	}
	return 0;
}

/* The first entry at or behind a position, or NULL. */
static struct tmpfs_entry *find_position(struct tmpfs_dir *dir, uint64_t pos)
{
	struct tmpfs_entry *entry = atomic_load(&dir->hint);
	if (!entry || entry->pos > pos || pos == LIST_FIRST)
		entry = list_first(&dir->entries, struct tmpfs_entry, link);
	while (&entry->link != &dir->entries && entry->pos < pos)
		entry = list_first(&entry->link, struct tmpfs_entry, link);
	return &entry->link != &dir->entries ? entry : NULL;
}

int tmpfs_list(struct inode *inode, uint64_t *pos, list_emit_t emit, void *ctx)
{
	struct tmpfs_dir *dir = inode->data;
	struct tmpfs_entry *entry = find_position(dir, *pos);
	if (!entry)
		return 0;
	for (; &entry->link != &dir->entries;
	     entry = list_first(&entry->link, struct tmpfs_entry, link)) {
		if (!emit(ctx, entry->text, entry->len, entry->inode->ino,
			DT_OF_MODE(entry->inode->mode), entry->pos + 1)) {
			atomic_store(&dir->hint, entry);
			return 0;
		}
		*pos = entry->pos + 1;
	}
	return 0;
}
