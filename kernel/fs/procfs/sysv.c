/* /proc/sysvipc: what ipcs(1) shows. */
#include "procfs_impl.h"

#include <sysv/sysv.h>

static void show_queue(void *ctx, struct sysv_object *object)
{
	struct sysv_queue_info info;
	sysv_queue_look(object, &info);
	const struct sysv_permissions *p = &info.permissions;
	proc_print(ctx,
	    "%10d %10d  %4o  %10llu %10llu %5u %5u %5u %5u %5u %5u %10lld %10lld %10lld\n", p->key,
	    object->id, p->mode, (unsigned long long)info.bytes, (unsigned long long)info.messages,
	    info.last_sender, info.last_receiver, p->uid, p->gid, p->cuid, p->cgid,
	    (long long)info.send_time, (long long)info.receive_time, (long long)info.change_time);
}

int show_sysv_queues(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	proc_print(text,
	    "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  "
	    "cuid  cgid      stime      rtime      ctime\n");
	sysv_for_each(&sysv_messages, show_queue, text);
	return 0;
}

static void show_set(void *ctx, struct sysv_object *object)
{
	struct sysv_set_info info;
	sysv_set_look(object, &info);
	const struct sysv_permissions *p = &info.permissions;
	proc_print(ctx, "%10d %10d  %4o %10llu %5u %5u %5u %5u %10lld %10lld\n", p->key, object->id,
	    p->mode, (unsigned long long)info.count, p->uid, p->gid, p->cuid, p->cgid,
	    (long long)info.operation_time, (long long)info.change_time);
}

int show_sysv_sets(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	proc_print(text,
	    "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      "
	    "ctime\n");
	sysv_for_each(&sysv_semaphores, show_set, text);
	return 0;
}

static void show_segment(void *ctx, struct sysv_object *object)
{
	struct sysv_segment_info info;
	sysv_segment_look(object, &info);
	const struct sysv_permissions *p = &info.permissions;
	proc_print(ctx,
	    "%10d %10d  %4o %21llu %5u %5u  %5llu %5u %5u %5u %5u %10lld %10lld %10lld %21llu %21u\n",
	    p->key, object->id, p->mode, (unsigned long long)info.size, info.creator,
	    info.last_user, (unsigned long long)info.attached, p->uid, p->gid, p->cuid, p->cgid,
	    (long long)info.attach_time, (long long)info.detach_time, (long long)info.change_time,
	    (unsigned long long)info.resident_pages * PAGE_SIZE, 0);
}

int show_sysv_segments(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	proc_print(text,
	    "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  "
	    "cuid  cgid      atime      dtime      ctime                   rss                  "
	    "swap\n");
	sysv_for_each(&sysv_segments, show_segment, text);
	return 0;
}
