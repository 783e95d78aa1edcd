/*
 * Core dumps: the memory of a process that a signal ends, and the registers of its threads, as an ELF file for debuggers. What was never touched is a
 * hole in the file. See core(5).
 *
 * The thread that took the signal writes the file. All others come on their way to user mode, say what their registers are, and sleep until the
 * process ends: they leave the memory as it was when it went wrong.
 */
#include "core_impl.h"

#include <abi/linux/process.h>
#include <abi/linux/signal.h>
#include <lib/rbtree.h>
#include <mm/slab.h>
#include <object/io.h>

#define ELF_CORE     4
#define ELF_X86_64   62
#define PT_LOAD      1
#define PT_NOTE      4
#define SEGMENTS_MAX 0xfffe

struct elf_header {
	uint8_t magic[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, program_headers, section_headers;
	uint32_t flags;
	uint16_t size, program_header_size, program_header_count, section[3];
};

struct program_header {
	uint32_t type, flags;
	uint64_t offset, va, pa, file_size, memory_size, align;
};

/* A thread that waits for the end: on its stack. */
struct parked {
	struct list link; /* the signal lock */
	struct thread_notes notes;
};

struct dump {
	struct object *file;
	struct thread_notes own, *others;
	size_t other_count;
	const struct process_notes *notes;
	uint64_t left; /* of RLIMIT_CORE */
	uint64_t pos;
	struct address_space *space;
	size_t count;
	struct program_header *segments; /* the notes, then areas */
};

static bool put(struct dump *dump, const void *bytes, size_t len)
{
	len = min(len, dump->left);
	struct io io = io_kernel((void *)(uintptr_t)bytes, len);
	if (!len || object_pwrite(dump->file, &io, dump->pos) != (int64_t)len)
		return false;
	dump->pos += len;
	dump->left -= len;
	return true;
}

static void skip(struct dump *dump, size_t len)
{
	len = min(len, dump->left);
	dump->pos += len;
	dump->left -= len;
}

/* Of core(5)'s kinds of memory. What may be written of a private file is no other than the program's own. */
static uint32_t kinds_of(const struct area *area)
{
	bool is_shared = area->flags & AREA_SHARED;
	if (!area->object || area->object->ops->stat != file_stat)
		return is_shared ? CORE_SHARED_MEMORY : CORE_PRIVATE_MEMORY;
	if (is_shared)
		return CORE_SHARED_FILES;
	return CORE_PRIVATE_FILES |
	       (area->max_prot & area->prot & VM_WRITE ? CORE_PRIVATE_MEMORY : 0u);
}

static bool is_dumped(const struct area *area)
{
	return !(area->flags & (AREA_NO_DUMP | AREA_FIXED_SIZE)) && area->prot & VM_READ &&
	       kinds_of(area) & atomic_load(&current_process()->core_filter);
}

static void describe(struct program_header *header, const struct area *area)
{
	*header = (struct program_header){.type = PT_LOAD,
	    .flags = (area->prot & VM_EXEC ? 1u : 0) | (area->prot & VM_WRITE ? 2u : 0) |
		     (area->prot & VM_READ ? 4u : 0),
	    .va = area->start,
	    .memory_size = area->end - area->start,
	    .file_size = is_dumped(area) ? area->end - area->start : 0,
	    .align = PAGE_SIZE};
}

static bool list_segments(struct dump *dump)
{
	struct address_space *space = dump->space;
	rwlock_read_lock(&space->lock);
	size_t areas = min(space->area_count, (uint64_t)SEGMENTS_MAX - 1);
	dump->segments = kmalloc_array(areas + 1, sizeof(struct program_header));
	if (dump->segments) {
		dump->count = 1;
		for (struct rb_node *node = rb_first(&space->areas); node && dump->count <= areas;
		     node = rb_next(node))
			describe(&dump->segments[dump->count++], rb_entry(node, struct area, node));
	}
	rwlock_read_unlock(&space->lock);
	if (!dump->segments)
		return false;
	uint64_t at = sizeof(struct elf_header) + dump->count * sizeof(struct program_header),
		 notes = sizeof(struct process_notes) +
			 (dump->other_count + 1) * sizeof(struct thread_notes);
	dump->segments[0] = (struct program_header){
	    .type = PT_NOTE, .flags = 4, .offset = at, .file_size = notes, .align = 4};
	at = ALIGN_UP(at + notes, PAGE_SIZE);
	for (size_t i = 1; i < dump->count; i++) {
		dump->segments[i].offset = at;
		at += dump->segments[i].file_size;
	}
	return true;
}

/* The thread that took the signal, the process, then the other threads: debuggers begin with the first. */
static bool put_notes(struct dump *dump)
{
	size_t len = dump->other_count * sizeof(*dump->others);
	return put(dump, &dump->own, sizeof(dump->own)) &&
	       put(dump, dump->notes, sizeof(*dump->notes)) &&
	       (!len || put(dump, dump->others, len));
}

static bool put_head(struct dump *dump)
{
	struct elf_header header = {.magic = {0x7f, 'E', 'L', 'F', 2, 1, 1},
	    .type = ELF_CORE,
	    .machine = ELF_X86_64,
	    .version = 1,
	    .program_headers = sizeof(header),
	    .size = sizeof(header),
	    .program_header_size = sizeof(struct program_header),
	    .program_header_count = (uint16_t)dump->count};
	return put(dump, &header, sizeof(header)) &&
	       put(dump, dump->segments, dump->count * sizeof(*dump->segments)) && put_notes(dump);
}

/* What is not there is nothing but zeroes, unless it is in a file still. */
static bool put_page(struct dump *dump, uintptr_t va, uint8_t *page)
{
	if (vm_access(dump->space, va, page, PAGE_SIZE, false) == PAGE_SIZE)
		return put(dump, page, PAGE_SIZE);
	skip(dump, PAGE_SIZE);
	return dump->left;
}

static void put_memory(struct dump *dump)
{
	uint8_t *page = kmalloc(PAGE_SIZE);
	for (size_t i = 1; page && i < dump->count; i++) {
		const struct program_header *segment = &dump->segments[i];
		if (!segment->file_size)
			continue;
		skip(dump, segment->offset - dump->pos);
		for (uint64_t at = 0; at < segment->file_size; at += PAGE_SIZE)
			if (!put_page(dump, segment->va + at, page) || signal_is_fatal_pending())
				goto out;
	}
	/* Holes at the end count. */
	if (page) {
		int ignored = dump->file->ops->truncate(dump->file, dump->pos);
		(void)ignored;
	}
out:
	kfree(page);
}

/* Untouched pages of files: of those there is no other copy that a debugger could find by itself. */
static void bring_in_files(struct address_space *space)
{
	uintptr_t at = 0;
	for (;;) {
		rwlock_read_lock(&space->lock);
		const struct area *found = NULL;
		for (struct rb_node *node = rb_first(&space->areas); node && !found;
		     node = rb_next(node)) {
			const struct area *area = rb_entry(node, struct area, node);
			if (area->start >= at && area->object && is_dumped(area))
				found = area;
		}
		uintptr_t start = found ? found->start : 0, end = found ? found->end : 0;
		rwlock_read_unlock(&space->lock);
		if (!found)
			return;
		vm_populate(space, start, end - start);
		at = end;
	}
}

bool core_is_wanted(const struct process *process, int signal)
{
	return signal_bit(signal) & SIGNALS_CORE && process->dumpable == 1 &&
	       process_limit(process, RLIMIT_CORE) >= PAGE_SIZE;
}

void core_park(const struct registers *regs)
{
	struct process *process = current_process();
	struct parked parked;
	core_fill_thread_notes(&parked.notes, regs, NULL);
	spin_lock_irq(&process->signals.lock);
	list_push_back(&process->parked, &parked.link);
	atomic_store(&process->parked_count, process->parked_count + 1);
	spin_unlock_irq(&process->signals.lock);
	wait_wake_all(&process->task_exit);
	int ignored =
	    wait_until(&process->task_exit, atomic_load(&process->signals.group_exit), NSEC_MAX);
	(void)ignored;
	spin_lock_irq(&process->signals.lock);
	list_remove(&parked.link);
	atomic_store(&process->parked_count, process->parked_count - 1);
	spin_unlock_irq(&process->signals.lock);
}

/* The current thread becomes the one that dumps. False: another is, which wants our registers too, or the process ends in another way. */
static bool begin_dump(struct process *process, const struct registers *regs)
{
	struct task *task, *self = current_task();
	spin_lock(&process_tree_lock);
	bool is_ours = !process->signals.group_exit && !process->exec_task;
	bool is_another_on_it = !is_ours && process->is_dumping;
	if (is_ours) {
		process->exec_task = self;
		atomic_store(&process->is_dumping, true);
		atomic_store(&process->signals.is_executing, true);
		list_for_each(task, &process->tasks, link)
			if (task != self)
				signal_notify_task(task);
	}
	spin_unlock(&process_tree_lock);
	if (is_another_on_it)
		core_park(regs);
	return is_ours;
}

/* Waits until all others are parked, and copies what they said: they may be killed, and be gone, while we write. */
static bool gather_threads(struct dump *dump, struct process *process)
{
	int ignored = wait_until(&process->task_exit,
	    atomic_load(&process->parked_count) + 1 == atomic_load(&process->task_count) ||
		atomic_load(&process->signals.group_exit),
	    NSEC_MAX);
	(void)ignored;
	size_t count = atomic_load(&process->parked_count), copied = 0;
	dump->others = kmalloc_array(max(count, 1ul), sizeof(*dump->others));
	if (!dump->others)
		return false;
	const struct parked *parked;
	spin_lock_irq(&process->signals.lock);
	list_for_each(parked, &process->parked, link)
		if (copied < count)
			dump->others[copied++] = parked->notes;
	spin_unlock_irq(&process->signals.lock);
	dump->other_count = copied;
	return !atomic_load(&process->signals.group_exit);
}

static bool write_file(struct dump *dump, int signal)
{
	bring_in_files(dump->space);
	if (!list_segments(dump) || !(dump->file = core_open_file(signal)))
		return false;
	if (put_head(dump))
		put_memory(dump);
	object_put(dump->file);
	return true;
}

bool core_dump(const struct registers *regs, const struct signal_info *info)
{
	struct process *process = current_process();
	if (!begin_dump(process, regs))
		return false;
	struct dump dump = {.left = process_limit(process, RLIMIT_CORE), .space = process->space};
	struct process_notes *notes = core_make_process_notes(info);
	core_fill_thread_notes(&dump.own, regs, info);
	dump.notes = notes;
	bool is_dumped_now =
	    notes && gather_threads(&dump, process) && write_file(&dump, info->signal);
	kfree(dump.segments);
	kfree(dump.others);
	kfree(notes);
	return is_dumped_now;
}
