/* The notes of a core dump: registers of threads, what the process was, and the signal. As Linux lays them out. */
#include "core_impl.h"

#include <lib/string.h>
#include <mm/slab.h>

#define NT_PRSTATUS 1
#define NT_PRPSINFO 3
#define NT_SIGINFO  0x53494749

static struct note note_head(const char *name, uint32_t type, size_t size)
{
	struct note note = {
	    .name_size = (uint32_t)strlen(name) + 1, .size = (uint32_t)size, .type = type};
	memcpy(note.name, name, strlen(name));
	return note;
}

static uint32_t parent_number(const struct process *process)
{
	rcu_read_lock();
	const struct process *parent = rcu_dereference(process->parent);
	uint32_t number = parent ? parent->pid->number : 0;
	rcu_read_unlock();
	return number;
}

void core_fill_thread_notes(
    struct thread_notes *notes, const struct registers *regs, const struct signal_info *info)
{
	uint64_t registers[USER_DUMP_REGISTERS];
	const struct task *task = current_task();
	*notes = (struct thread_notes){
	    .status_head = note_head("CORE", NT_PRSTATUS, sizeof(notes->status))};
	notes->status = (struct status_note){.signal = info ? info->signal : 0,
	    .code = info ? info->code : 0,
	    .error = info ? info->error : 0,
	    .current = (int16_t)(info ? info->signal : 0),
	    .pending = task->pending.pending,
	    .blocked = task->blocked,
	    .pid = task->pid->number,
	    .parent = parent_number(task->process),
	    .group = process_group_number(task->process)};
	user_registers_dump(regs, registers);
	memcpy(notes->status.registers, registers, sizeof(registers));
}

struct process_notes *core_make_process_notes(const struct signal_info *info)
{
	const struct process *process = current_process();
	const struct credentials *creds = current_credentials();
	struct process_notes *notes = kzalloc(sizeof(*notes));
	if (!notes)
		return NULL;
	notes->process_head = note_head("CORE", NT_PRPSINFO, sizeof(notes->process));
	notes->process = (struct process_note){.state_name = 'R',
	    .nice = process->nice,
	    .uid = creds->uid,
	    .gid = creds->gid,
	    .pid = process->pid->number,
	    .parent = parent_number(process),
	    .group = process_group_number(process)};
	(void)str_copy(notes->process.name, sizeof(notes->process.name), current_thread()->name);
	notes->signal_head = note_head("CORE", NT_SIGINFO, sizeof(notes->signal));
	memcpy(notes->signal, info, sizeof(*info));
	return notes;
}
