/*
 * Core dumps: the memory of a process that a signal ends, and the registers of the thread that took it, as an ELF file for debuggers. By then it is the
 * only thread: the others have been ended. What was never touched is a hole in the file. See core(5).
 */
#include "process_impl.h"

#include <abi/linux/fcntl.h>
#include <abi/linux/process.h>
#include <abi/linux/signal.h>
#include <lib/fmt.h>
#include <lib/rbtree.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <object/io.h>
#include <time/clock.h>

#define ELF_CORE     4
#define ELF_X86_64   62
#define PT_LOAD      1
#define PT_NOTE      4
#define NT_PRSTATUS  1
#define NT_PRPSINFO  3
#define NT_SIGINFO   0x53494749
#define SEGMENTS_MAX 0xfffe
#define NAME_MAX     256

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

struct note {
	uint32_t name_size, size, type;
	char name[8];
};

/* Linux's elf_prstatus. */
struct status_note {
	int32_t signal, code, error;
	int16_t current, padding;
	uint64_t pending, blocked;
	uint32_t pid, parent, group, session;
	int64_t times[8]; /* own and children's, of user and system: seconds, microseconds */
	uint64_t registers[USER_DUMP_REGISTERS];
	int32_t has_vectors, padding2;
};
static_assert(sizeof(struct status_note) == 336, "Linux's ABI");

/* Linux's elf_prpsinfo. */
struct process_note {
	char state, state_name, is_zombie, nice;
	uint64_t flags;
	uint32_t uid, gid, pid, parent, group, session;
	char name[16], arguments[80];
};
static_assert(sizeof(struct process_note) == 136, "Linux's ABI");

struct notes {
	struct note status_head;
	struct status_note status;
	struct note process_head;
	struct process_note process;
	struct note signal_head;
	uint64_t signal[16];
} PACKED;

struct dump {
	struct object *file;
	uint64_t left; /* of RLIMIT_CORE */
	uint64_t pos;
	struct address_space *space;
	size_t count;
	struct program_header *segments; /* the notes, then areas */
};

static struct spinlock pattern_lock = SPINLOCK_INIT("core pattern", RANK_NONE);
static char pattern[CORE_PATTERN_MAX] = "core"; /* pattern_lock */

void core_pattern_get(char *buf)
{
	spin_lock(&pattern_lock);
	memcpy(buf, pattern, CORE_PATTERN_MAX);
	spin_unlock(&pattern_lock);
}

int core_pattern_set(const char *text)
{
	size_t len = strlen(text);
	if (*text == '|' || len >= CORE_PATTERN_MAX) /* no programs are run on dumps */
		return -EINVAL;
	spin_lock(&pattern_lock);
	memcpy(pattern, text, len + 1);
	spin_unlock(&pattern_lock);
	return 0;
}

/* What %letter stands for. */
static int expand(char letter, int signal, char *buf, size_t size)
{
	const struct process *process = current_process();
	const struct credentials *creds = current_credentials();
	char name[65];
	switch (letter) {
	case 'p':
	case 'P': return snprintf(buf, size, "%u", process->pid->number);
	case 'i':
	case 'I': return snprintf(buf, size, "%u", current_task()->pid->number);
	case 'u': return snprintf(buf, size, "%u", creds->uid);
	case 'g': return snprintf(buf, size, "%u", creds->gid);
	case 's': return snprintf(buf, size, "%d", signal);
	case 't': return snprintf(buf, size, "%ld", (long)unix_timestamp());
	case 'c': return snprintf(buf, size, "%lu", process_limit(process, RLIMIT_CORE));
	case 'e': return snprintf(buf, size, "%s", current_thread()->name);
	case 'h': process_host_name(name, sizeof(name)); return snprintf(buf, size, "%s", name);
	case '%': return snprintf(buf, size, "%%");
	default: return 0;
	}
}

static NOINLINE bool make_name(char *name, int signal)
{
	char form[CORE_PATTERN_MAX];
	size_t len = 0;
	core_pattern_get(form);
	for (const char *at = form; *at && len < NAME_MAX - 1; at++) {
		if (*at != '%') {
			name[len++] = *at;
		} else {
			if (!*++at)
				break;
			int n = expand(*at, signal, name + len, NAME_MAX - len);
			len += min((size_t)n, NAME_MAX - 1 - len);
		}
	}
	name[min(len, (size_t)NAME_MAX - 1)] = '\0';
	return len;
}

/* Nothing that somebody else has prepared: a plain file of our own, with no other name. */
static bool is_good(struct object *object)
{
	struct kstat stat;
	return object->ops->stat && !object->ops->stat(object, &stat) &&
	       (stat.mode & S_IFMT) == S_IFREG && stat.nlink == 1 &&
	       stat.uid == current_credentials()->fsuid && object->ops->truncate &&
	       !object->ops->truncate(object, 0);
}

static NOINLINE struct object *open_file(int signal)
{
	char name[NAME_MAX];
	struct object *object;
	const struct open_request request = {
	    .flags = O_CREAT | O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_LARGEFILE, .mode = 0600};
	if (!make_name(name, signal) || vfs_open(AT_FDCWD, name, &request, &object))
		return NULL;
	if (is_good(object))
		return object;
	object_put(object);
	return NULL;
}

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

/* Private memory, but for what is in files unchanged. */
static bool is_dumped(const struct area *area)
{
	if (area->flags & AREA_NO_DUMP || !(area->prot & VM_READ))
		return false;
	bool is_file = area->object && area->object->ops->stat == file_stat;
	return is_file ? !(area->flags & AREA_SHARED) && area->max_prot & VM_WRITE &&
			     area->prot & VM_WRITE
		       : !(area->flags & AREA_FIXED_SIZE);
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
	uint64_t at = sizeof(struct elf_header) + dump->count * sizeof(struct program_header);
	dump->segments[0] = (struct program_header){.type = PT_NOTE,
	    .flags = 4,
	    .offset = at,
	    .file_size = sizeof(struct notes),
	    .align = 4};
	at = ALIGN_UP(at + sizeof(struct notes), PAGE_SIZE);
	for (size_t i = 1; i < dump->count; i++) {
		dump->segments[i].offset = at;
		at += dump->segments[i].file_size;
	}
	return true;
}

static struct note note_head(const char *name, uint32_t type, size_t size)
{
	struct note note = {
	    .name_size = (uint32_t)strlen(name) + 1, .size = (uint32_t)size, .type = type};
	memcpy(note.name, name, strlen(name));
	return note;
}

static void fill_notes(
    struct notes *notes, const struct registers *regs, const struct signal_info *info)
{
	uint64_t registers[USER_DUMP_REGISTERS];
	const struct task *task = current_task();
	struct process *process = task->process;
	const struct credentials *creds = current_credentials();
	rcu_read_lock();
	const struct process *parent = rcu_dereference(process->parent);
	uint32_t parent_pid = parent ? parent->pid->number : 0;
	rcu_read_unlock();
	*notes = (struct notes){0};
	notes->status_head = note_head("CORE", NT_PRSTATUS, sizeof(notes->status));
	notes->status = (struct status_note){.signal = info->signal,
	    .code = info->code,
	    .error = info->error,
	    .current = (int16_t)info->signal,
	    .pending = task->pending.pending,
	    .blocked = task->blocked,
	    .pid = task->pid->number,
	    .parent = parent_pid,
	    .group = process_group_number(process)};
	user_registers_dump(regs, registers);
	memcpy(notes->status.registers, registers, sizeof(registers));
	notes->process_head = note_head("CORE", NT_PRPSINFO, sizeof(notes->process));
	notes->process = (struct process_note){.state_name = 'R',
	    .nice = process->nice,
	    .uid = creds->uid,
	    .gid = creds->gid,
	    .pid = process->pid->number,
	    .parent = parent_pid,
	    .group = process_group_number(process)};
	(void)str_copy(notes->process.name, sizeof(notes->process.name), current_thread()->name);
	notes->signal_head = note_head("CORE", NT_SIGINFO, sizeof(notes->signal));
	memcpy(notes->signal, info, sizeof(*info));
}

static bool put_head(
    struct dump *dump, const struct registers *regs, const struct signal_info *info)
{
	struct elf_header header = {.magic = {0x7f, 'E', 'L', 'F', 2, 1, 1},
	    .type = ELF_CORE,
	    .machine = ELF_X86_64,
	    .version = 1,
	    .program_headers = sizeof(header),
	    .size = sizeof(header),
	    .program_header_size = sizeof(struct program_header),
	    .program_header_count = (uint16_t)dump->count};
	struct notes *notes = kmalloc(sizeof(*notes));
	if (!notes)
		return false;
	fill_notes(notes, regs, info);
	bool is_done = put(dump, &header, sizeof(header)) &&
		       put(dump, dump->segments, dump->count * sizeof(*dump->segments)) &&
		       put(dump, notes, sizeof(*notes));
	kfree(notes);
	return is_done;
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

bool core_dump(const struct registers *regs, const struct signal_info *info)
{
	struct process *process = current_process();
	if (process_kill_other_threads())
		return false;
	struct dump dump = {.left = process_limit(process, RLIMIT_CORE), .space = process->space};
	bool is_dumped_now = false;
	bring_in_files(dump.space);
	if (list_segments(&dump) && (dump.file = open_file(info->signal))) {
		is_dumped_now = true;
		if (put_head(&dump, regs, info))
			put_memory(&dump);
		object_put(dump.file);
	}
	kfree(dump.segments);
	return is_dumped_now;
}
