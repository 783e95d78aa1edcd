/* Core dumps, from core.c: where they are written (core_name.c), and what they say besides the memory (core_notes.c). */
#pragma once

#include "process_impl.h"

/* A file that core_pattern names, empty and ours alone; NULL: there is none. */
struct object *core_open_file(int signal);

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

struct thread_notes {
	struct note status_head;
	struct status_note status;
} PACKED;

struct process_notes {
	struct note process_head;
	struct process_note process;
	struct note signal_head;
	uint64_t signal[16];
} PACKED;

/* Of the current thread. info: the signal that it took, or NULL. */
void core_fill_thread_notes(
    struct thread_notes *notes, const struct registers *regs, const struct signal_info *info);
/* Of the current process, which this signal ends; NULL: out of memory. The caller frees them. */
struct process_notes *core_make_process_notes(const struct signal_info *info);
