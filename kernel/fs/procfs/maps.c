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

struct size_line {
	const char *name;
	uint64_t bytes;
};

static void show_lines(struct proc_text *text, const struct size_line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++)
		proc_print(text, "%-16s%8lu kB\n", lines[i].name, lines[i].bytes / 1024);
}

/* The parts that only the sum of all areas has; NULL otherwise. */
struct rollup {
	uint64_t files, shared; /* proportional */
};

/* There are no pages like those of the lines that are 0. */
static void show_sizes(
    struct proc_text *text, const struct area_usage *usage, const struct rollup *rollup)
{
	const struct size_line first[] = {
	    {"Rss:", usage->resident},
	    {"Pss:", usage->proportional},
	    {"Pss_Dirty:", usage->proportional_dirty},
	};
	show_lines(text, first, ARRAY_LEN(first));
	if (rollup) {
		const struct size_line parts[] = {
		    {"Pss_Anon:", usage->proportional_anonymous},
		    {"Pss_File:", rollup->files},
		    {"Pss_Shmem:", rollup->shared},
		};
		show_lines(text, parts, ARRAY_LEN(parts));
	}
	const struct size_line others[] = {
	    {"Shared_Clean:", usage->shared_clean},
	    {"Shared_Dirty:", usage->shared_dirty},
	    {"Private_Clean:", usage->private_clean},
	    {"Private_Dirty:", usage->private_dirty},
	    {"Referenced:", usage->resident},
	    {"Anonymous:", usage->anonymous},
	    {"KSM:", 0},
	    {"LazyFree:", 0},
	    {"AnonHugePages:", usage->huge},
	    {"ShmemPmdMapped:", 0},
	    {"FilePmdMapped:", 0},
	    {"Shared_Hugetlb:", 0},
	    {"Private_Hugetlb:", 0},
	    {"Swap:", 0},
	    {"SwapPss:", 0},
	    {"Locked:", usage->locked},
	};
	show_lines(text, others, ARRAY_LEN(others));
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

/* Whether a huge page fits into it, and may come. */
static bool is_huge_welcome(const struct area *area)
{
	const uintptr_t huge = 2 * MiB;
	return !area->object &&
	       !(area->flags & (AREA_NO_HUGE | AREA_GROWS_DOWN | AREA_STACK | AREA_VDSO)) &&
	       ALIGN_UP(area->start, huge) + huge <= area->end;
}

static void show_area_and_usage(struct proc_text *text, const struct area *area, char *buf)
{
	struct area_usage usage;
	vm_area_usage(area->space, area, &usage);
	show_area(text, area, buf);
	const struct size_line lines[] = {
	    {"Size:", usage.size},
	    {"KernelPageSize:", PAGE_SIZE},
	    {"MMUPageSize:", PAGE_SIZE},
	};
	show_lines(text, lines, ARRAY_LEN(lines));
	show_sizes(text, &usage, NULL);
	proc_print(text, "THPeligible:    %8d\n", is_huge_welcome(area));
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

static void add_usage(struct area_usage *sum, const struct area_usage *usage)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)usage;
	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

int show_smaps_rollup(struct proc_text *text, const struct proc_subject *subject)
{
	struct address_space *space = process_space(subject->process, LOOK_BY_FS_IDS);
	int err = space ? 0 : proc_may_not_look(subject->process);
	if (!space)
		return err ? err : -ESRCH;
	struct area_usage sum = {0}, usage;
	struct rollup rollup = {0};
	rwlock_read_lock(&space->lock);
	const struct area *area = area_at_or_after(space, 0);
	uintptr_t start = area ? area->start : 0, end = 0;
	for (; area; area = area_next(area)) {
		vm_area_usage(space, area, &usage);
		add_usage(&sum, &usage);
		*(area->flags & AREA_SHARED ? &rollup.shared : &rollup.files) +=
		    usage.proportional - usage.proportional_anonymous;
		end = area->end;
	}
	rwlock_read_unlock(&space->lock);
	address_space_put(space);
	size_t line = text->len;
	proc_print(text, "%08lx-%08lx ---p 00000000 00:00 0 ", start, end);
	proc_pad(text, line, NAME_COLUMN);
	proc_print(text, "[rollup]\n");
	show_sizes(text, &sum, &rollup);
	return 0;
}
