/* The meeting point of vfork: <process_impl.h>. */
#include "process_impl.h"

#include <mm/slab.h>

struct vfork_wait *vfork_wait_create(void)
{
	struct vfork_wait *vfork = kmalloc(sizeof(*vfork));
	if (!vfork)
		return NULL;
	vfork->refs = 1;
	completion_init(&vfork->done);
	return vfork;
}

struct vfork_wait *vfork_wait_get(struct vfork_wait *vfork)
{
	atomic_fetch_add(&vfork->refs, 1);
	return vfork;
}

void vfork_wait_put(struct vfork_wait *vfork)
{
	if (atomic_fetch_sub(&vfork->refs, 1) == 1)
		kfree(vfork);
}

void task_release_vfork(struct task *task)
{
	struct vfork_wait *vfork = task->vfork;
	if (!vfork)
		return;
	task->vfork = NULL;
	completion_signal(&vfork->done);
	vfork_wait_put(vfork);
}
