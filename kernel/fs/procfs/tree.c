/* Trees of text: directories from tables, and of processes, threads, descriptors and the like, which are looked up each time. */
#include "procfs_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <credentials/credentials.h>
#include <lib/string.h>
#include <mm/slab.h>

#define NAME_MAX_SHOWN 32     /* of a number, with its prefix */
#define NUMBERS_POS    0x1000 /* where the numbered entries begin: this, and the number */

#define DT_OF(mode) (((mode)&S_IFMT) >> 12)

static const struct inode_ops directory_inode_ops, link_inode_ops, file_inode_ops;

int proc_subject_of(const struct proc_node *node, struct proc_subject *subject)
{
	*subject = (struct proc_subject){.tid = node->tid, .index = node->index};
	if (!node->pid)
		return 0;
	subject->process = process_find(node->pid);
	if (subject->process && subject->process->start_ns != node->start_ns) {
		process_put(subject->process);
		subject->process = NULL;
	}
	return subject->process ? 0 : -ESRCH;
}

void proc_subject_end(struct proc_subject *subject)
{
	if (subject->process)
		process_put(subject->process);
}

/* Files of a process are its owner's. */
static void set_owner(struct inode *inode, struct process *process)
{
	spin_lock(&process_tree_lock);
	if (!list_is_empty(&process->tasks)) {
		const struct task *task = list_first(&process->tasks, struct task, link);
		rcu_read_lock();
		const struct credentials *creds = rcu_dereference(task->credentials);
		inode->uid = creds->euid;
		inode->gid = creds->egid;
		rcu_read_unlock();
	}
	spin_unlock(&process_tree_lock);
}

/* Numbers that stay the same while the thing exists: what it is about, and its place in the table. A later process with the number of an earlier one is told
 * from it by when it began. */
static uint64_t number_of(const struct proc_node *node)
{
	uint64_t place = (uintptr_t)node->entry >> 4 & 0xffff;
	uint64_t since = node->start_ns >> 10 & 0xfff;
	uint64_t who = node->tid ? node->tid : node->pid;
	/* Low, so that also programs that keep 32 bits see what is likely to differ. */
	return (uint64_t)(uint32_t)(node->index + 1) << 43 | who << 28 | since << 16 | place;
}

static const struct proc_tree *tree_of(const struct super *super)
{
	return super->data;
}

static struct inode *make_inode(struct super *super, const struct proc_node *from)
{
	struct inode *inode = inode_create(super, from->entry->mode);
	struct proc_node *node = kmalloc(sizeof(*node));
	if (!inode || !node) {
		kfree(node);
		if (inode) {
			inode->ops = &file_inode_ops;
			inode_put(inode);
		}
		return NULL;
	}
	*node = *from;
	inode->data = node;
	inode->ino = number_of(node);
	bool is_directory = S_IS(inode->mode, S_IFDIR);
	inode->nlink = is_directory ? 2 : 1;
	inode->is_volatile = is_directory && !tree_of(super)->is_constant;
	inode->ops = is_directory                 ? &directory_inode_ops
		     : S_IS(inode->mode, S_IFLNK) ? &link_inode_ops
						  : &file_inode_ops;
	inode->file_ops = is_directory ? &directory_ops : &proc_file_ops;
	return inode;
}

static void evict(struct inode *inode)
{
	kfree(inode->data);
}

/* One of the table's, in the directory `node`. */
static bool find_entry(
    const struct proc_node *node, const struct name *name, struct proc_node *found)
{
	const struct proc_entry *dir = node->entry;
	for (size_t i = 0; i < dir->child_count; i++) {
		const struct proc_entry *child = &dir->children[i];
		if (strlen(child->name) != name->len ||
		    memcmp(child->name, name->text, name->len) != 0)
			continue;
		*found = *node;
		found->entry = child;
		return true;
	}
	return false;
}

static bool find_fd(const struct proc_subject *subject, int fd)
{
	int found = fd;
	return process_next_descriptor(subject->process, LOOK_FOR_KERNEL, &found) && found == fd;
}

static bool find_number(const struct proc_node *node, const struct proc_subject *subject,
    uint32_t number, struct proc_node *found)
{
	struct task_look look;
	*found = *node;
	switch (node->entry->kind) {
	case DIR_ROOT: {
		struct process *process = process_find(number);
		if (!process)
			return false;
		found->entry = &proc_process;
		found->pid = number;
		found->start_ns = process->start_ns;
		process_put(process);
		return true;
	}
	case DIR_TASKS:
		found->entry = &proc_task;
		found->tid = number;
		return number && proc_look_at_task(subject->process, number, &look);
	case DIR_FDS:
	case DIR_FDINFO:
		found->entry = node->entry->kind == DIR_FDS ? &proc_fd : &proc_fdinfo;
		found->index = (int)number;
		return find_fd(subject, (int)number);
	case DIR_NUMBERED:
		found->entry = node->entry->each;
		found->index = (int)number;
		return number < node->entry->count();
	case DIR_TABLE: break;
	}
	return false;
}

/* The number that a name is, behind the prefix that it must have here. */
static bool number_in(const struct proc_node *dir, const struct name *name, uint32_t *number)
{
	const char *prefix = dir->entry->prefix;
	size_t len = prefix ? strlen(prefix) : 0;
	if (!len)
		return name_number(name, number);
	if (name->len <= len || memcmp(name->text, prefix, len) != 0)
		return false;
	const struct name rest = name_of(name->text + len, name->len - len);
	return name_number(&rest, number);
}

static int lookup(struct inode *dir, const struct name *name, struct inode **inode)
{
	const struct proc_node *node = dir->data;
	struct proc_node found;
	struct proc_subject subject;
	uint32_t number;
	if (proc_subject_of(node, &subject))
		return -ESRCH;
	bool exists =
	    find_entry(node, name, &found) ||
	    (number_in(node, name, &number) && find_number(node, &subject, number, &found));
	int err = exists ? 0 : -ENOENT;
	if (exists && !(*inode = make_inode(dir->super, &found)))
		err = -ENOMEM;
	struct proc_subject owner;
	if (!err && !proc_subject_of(&found, &owner)) {
		if (owner.process)
			set_owner(*inode, owner.process);
		proc_subject_end(&owner);
	}
	proc_subject_end(&subject);
	return err;
}

/* The first process behind it. */
static bool next_process(uint32_t after, struct proc_node *next)
{
	struct process *process = NULL;
	for (next->pid = after; !process;) {
		next->pid = process_next_pid(next->pid);
		if (!next->pid)
			return false;
		process = process_find(next->pid);
	}
	next->start_ns = process->start_ns;
	process_put(process);
	return true;
}

/* The first number behind `after` in this directory, and what it is; false: none. */
static bool next_number(const struct proc_node *node, const struct proc_subject *subject,
    int64_t after, struct proc_node *next)
{
	*next = *node;
	switch (node->entry->kind) {
	case DIR_ROOT:
		next->entry = &proc_process;
		return next_process((uint32_t)max(after, (int64_t)0), next);
	case DIR_TASKS:
		next->entry = &proc_task;
		next->tid = proc_next_tid(subject->process, (uint32_t)max(after, (int64_t)0));
		return next->tid;
	case DIR_FDS:
	case DIR_FDINFO:
		next->entry = node->entry->kind == DIR_FDS ? &proc_fd : &proc_fdinfo;
		next->index = (int)(after + 1);
		return process_next_descriptor(subject->process, LOOK_FOR_KERNEL, &next->index);
	case DIR_NUMBERED:
		next->entry = node->entry->each;
		next->index = (int)(after + 1);
		return (unsigned)next->index < node->entry->count();
	case DIR_TABLE: break;
	}
	return false;
}

static void list_numbers(const struct proc_node *node, const struct proc_subject *subject,
    uint64_t *pos, list_emit_t emit, void *ctx)
{
	struct proc_node next;
	char text[NAME_MAX_SHOWN];
	const char *prefix = node->entry->prefix ? node->entry->prefix : "";
	/* The position is one more than the number that was told last. */
	int64_t last = (int64_t)(*pos - NUMBERS_POS) - 1;
	while (next_number(node, subject, last, &next)) {
		last = next.index >= 0 ? (int64_t)next.index : next.tid ? next.tid : next.pid;
		int len = snprintf(text, sizeof(text), "%s%lld", prefix, (long long)last);
		uint64_t behind = NUMBERS_POS + (uint64_t)last + 1;
		if (!emit(
			ctx, text, (size_t)len, number_of(&next), DT_OF(next.entry->mode), behind))
			return;
		*pos = behind;
	}
}

static int list(struct inode *dir, uint64_t *pos, list_emit_t emit, void *ctx)
{
	const struct proc_node *node = dir->data;
	struct proc_subject subject;
	if (proc_subject_of(node, &subject))
		return -ENOENT;
	int result = 0;
	for (; *pos < LIST_FIRST + node->entry->child_count; ++*pos) {
		struct proc_node child = *node;
		child.entry = &node->entry->children[*pos - LIST_FIRST];
		if (!emit(ctx, child.entry->name, strlen(child.entry->name), number_of(&child),
			DT_OF(child.entry->mode), *pos + 1))
			goto out_end;
	}
	*pos = max(*pos, (uint64_t)NUMBERS_POS);
	list_numbers(node, &subject, pos, emit, ctx);
out_end:
	proc_subject_end(&subject);
	return result;
}

static int read_link(struct inode *inode, char *buf, struct path *jump)
{
	const struct proc_node *node = inode->data;
	struct proc_subject subject;
	if (proc_subject_of(node, &subject))
		return -ENOENT;
	int result = node->entry->link(&subject, buf, jump);
	proc_subject_end(&subject);
	return result;
}

/* The modes say what there is to be done: they cannot be changed; nor the owner. Cutting a file before writing to it is fine. */
static int set_attributes(struct inode *inode, const struct kstat *to, unsigned which)
{
	(void)inode, (void)to;
	return which & (SET_MODE | SET_UID | SET_GID) ? -EPERM : 0;
}

static int stat(struct inode *inode, struct kstat *stat)
{
	stat->size = S_IS(inode->mode, S_IFREG) ? tree_of(inode->super)->file_size : 0;
	stat->block_size = 1024;
	return 0;
}

/* Of a file or a directory. What is only shown to some is hidden again, by whoever shows it, from those who have become others since. */
static int open(struct inode *inode, struct file *file)
{
	const struct proc_node *node = inode->data;
	struct proc_subject subject;
	(void)file;
	if (!node->entry->is_guarded)
		return 0;
	int err = proc_subject_of(node, &subject);
	if (err)
		return err;
	if (!process_may_look(subject.process, LOOK_BY_FS_IDS))
		err = proc_may_not_look(subject.process);
	proc_subject_end(&subject);
	return err;
}

static const struct inode_ops directory_inode_ops = {.lookup = lookup,
    .list = list,
    .set_attributes = set_attributes,
    .stat = stat,
    .open = open,
    .evict = evict};
static const struct inode_ops link_inode_ops = {
    .read_link = read_link, .set_attributes = set_attributes, .stat = stat, .evict = evict};
static const struct inode_ops file_inode_ops = {
    .set_attributes = set_attributes, .stat = stat, .open = open, .evict = evict};

int procfs_process(struct object *object, struct process **process)
{
	if (object->ops != &directory_ops || file_of(object)->inode->ops != &directory_inode_ops)
		return -EBADF;
	const struct proc_node *node = file_of(object)->inode->data;
	struct proc_subject subject;
	if (node->entry != &proc_process)
		return -EBADF;
	int err = proc_subject_of(node, &subject);
	*process = subject.process;
	return err;
}

int proc_tree_mount(const struct file_system *type, uint32_t flags, const struct proc_tree *tree,
    struct super **result)
{
	struct super *super = super_create(type, flags);
	if (!super)
		return -ENOMEM;
	super->magic = tree->magic;
	super->data = (void *)(uintptr_t)tree;
	super->root = make_inode(super, &(struct proc_node){.entry = tree->root, .index = -1});
	if (!super->root) {
		super_destroy(super);
		return -ENOMEM;
	}
	super->root->ino = 1;
	*result = super;
	return 0;
}
