/* /proc/PID/maps, and with what is there of each area, smaps. */
#include "procfs_impl.h"

#include <abi/errno.h>
#include <mm/slab.h>

#define NAME_COLUMN 73
#define PART_SIZE   (32 * KiB) /* and at most one area more: a program may have tens of thousands */

static void show_area(struct proc_text *text, const struct area *area, char *buf)
{
	const struct file *file =
	    area->object && area->object->ops->stat == file_stat ? file_of(area->object) : NULL;
	uint64_t dev = file ? file->inode->super->dev : 0;
	size_t start = text->len;
	proc_print(text, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", area->start, area->end,
	    area->prot & VM_READ ? 'r' : '-', area->prot & VM_WRITE ? 'w' : '-',
	    area->prot & VM_EXEC ? 'x' : '-', area->flags & AREA_SHARED ? 's' : 'p',
	    area->object ? area->offset : 0ul, DEVICE_MAJOR(dev), DEVICE_MINOR(dev),
	    file ? file->inode->ino : 0ul);
	const char *name = area->name;
	int err;
	if (file)
		name = vfs_path_name(&file->path, buf, PATH_MAX_LEN, &err);
	if (name) {
		proc_pad(text, start, NAME_COLUMN);
		proc_print(text, "%s", name);
	}
	proc_print(text, "\n");
}

static void show_sizes(struct proc_text *text, const struct area_usage *usage)
{
	const struct {
		const char *name;
		uint64_t bytes;
	} lines[] = {
	    {"Rss:", usage->resident},
	    {"Pss:", usage->proportional},
	    {"Shared_Clean:", usage->shared_clean},
	    {"Shared_Dirty:", usage->shared_dirty},
	    {"Private_Clean:", usage->private_clean},
	    {"Private_Dirty:", usage->private_dirty},
	    {"Referenced:", usage->resident},
	    {"Anonymous:", usage->anonymous},
	    {"AnonHugePages:", usage->huge},
	    {"Swap:", 0},
	    {"SwapPss:", 0},
	    {"Locked:", usage->locked},
	};
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		proc_print(text, "%-15s%9llu kB\n", lines[i].name,
		    (unsigned long long)lines[i].bytes / 1024);
}

static void show_flags(struct proc_text *text, const struct area *area)
{
	proc_print(text, "VmFlags:%s%s%s%s%s%s%s%s%s%s\n", area->prot & VM_READ ? " rd" : "",
	    area->prot & VM_WRITE ? " wr" : "", area->prot & VM_EXEC ? " ex" : "",
	    area->flags & AREA_SHARED ? " sh" : "", area->max_prot & VM_READ ? " mr" : "",
	    area->max_prot & VM_WRITE ? " mw" : "", area->max_prot & VM_EXEC ? " me" : "",
	    area->flags & AREA_GROWS_DOWN ? " gd" : "", area->flags & AREA_LOCKED ? " lo" : "",
	    area->flags & AREA_NO_DUMP ? " dd" : "");
}

static void show_area_and_usage(struct proc_text *text, const struct area *area, char *buf)
{
	struct area_usage usage;
	vm_area_usage(area->space, area, &usage);
	show_area(text, area, buf);
	proc_print(text, "Size:          %9llu kB\nKernelPageSize:        4 kB\n",
	    (unsigned long long)usage.size / 1024);
	proc_print(text, "MMUPageSize:           4 kB\n");
	show_sizes(text, &usage);
	show_flags(text, area);
}

/* The areas from text->next on, as many as make a part. */
static void show_part(struct proc_text *text, struct address_space *space, char *buf,
    void (*show)(struct proc_text *text, const struct area *area, char *buf))
{
	rwlock_read_lock(&space->lock);
	const struct area *area = area_at_or_after(space, text->next);
	for (; area && text->len < PART_SIZE; area = area_next(area)) {
		show(text, area, buf);
		text->next = area->end;
	}
	text->has_more = area;
	rwlock_read_unlock(&space->lock);
}

static int show_areas(struct proc_text *text, const struct proc_subject *subject,
    void (*show)(struct proc_text *text, const struct area *area, char *buf))
{
	struct address_space *space = process_space(subject->process, LOOK_BY_FS_IDS);
	if (!space)
		return proc_may_not_look(subject->process);
	char *buf = kmalloc(PATH_MAX_LEN);
	if (buf)
		show_part(text, space, buf, show);
	kfree(buf);
	address_space_put(space);
	return buf ? 0 : -ENOMEM;
}

int show_maps(struct proc_text *text, const struct proc_subject *subject)
{
	return show_areas(text, subject, show_area);
}

int show_smaps(struct proc_text *text, const struct proc_subject *subject)
{
	return show_areas(text, subject, show_area_and_usage);
}
