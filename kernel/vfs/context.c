/* Where a process's paths start. */
#include "vfs_impl.h"

#include <log/assert.h>
#include <mm/slab.h>
#include <sched/thread.h>

#define UMASK_FIRST 022

/* Of kernel threads, which belong to no process. */
static struct file_context kernel_context = {
    .refs = 1,
    .lock = SPINLOCK_INIT("file context", RANK_FILE_CONTEXT),
};

void file_context_init(struct mount *root)
{
	struct path path = {root, root->root};
	kernel_context.cwd = kernel_context.root = path;
	path_get(&path);
	path_get(&path);
}

struct file_context *context_of_current(void)
{
	return likely(current_thread()->task) ? current_file_context() : &kernel_context;
}

struct path file_context_path(struct file_context *context, const struct path *which)
{
	spin_lock(&context->lock);
	struct path path = *which;
	path_get(&path);
	spin_unlock(&context->lock);
	return path;
}

void file_context_set(struct file_context *context, struct path *which, const struct path *to)
{
	path_get(to);
	spin_lock(&context->lock);
	struct path old = *which;
	seq_write_begin(&context->seq);
	atomic_store(&which->mount, to->mount);
	atomic_store(&which->dentry, to->dentry);
	seq_write_end(&context->seq);
	spin_unlock(&context->lock);
	path_put(&old);
}

struct file_context *file_context_clone(struct file_context *from)
{
	struct file_context *context = kmalloc(sizeof(*context));
	if (!context)
		return NULL;
	context->refs = 1;
	context->seq = (struct seqcount){0};
	spin_init(&context->lock, "file context", RANK_FILE_CONTEXT);
	spin_lock(&from->lock);
	context->cwd = from->cwd;
	context->root = from->root;
	context->umask = atomic_load(&from->umask);
	path_get(&context->cwd);
	path_get(&context->root);
	spin_unlock(&from->lock);
	return context;
}

struct file_context *file_context_create(void)
{
	struct file_context *context = file_context_clone(&kernel_context);
	if (context)
		context->umask = UMASK_FIRST;
	return context;
}

struct file_context *file_context_get(struct file_context *context)
{
	atomic_fetch_add(&context->refs, 1);
	return context;
}

void file_context_put(struct file_context *context)
{
	if (atomic_fetch_sub(&context->refs, 1) != 1)
		return;
	path_put(&context->cwd);
	path_put(&context->root);
	kfree(context);
}
