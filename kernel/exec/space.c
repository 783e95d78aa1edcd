/* The address space of a new program: where its stack, its segments and its interpreter lie. */
#include "exec_impl.h"

#include <abi/errno.h>
#include <abi/linux/mman.h>
#include <abi/linux/process.h>
#include <arch/user.h>
#include <process/process.h>
#include <random/random.h>

#define PIE_BASE      0x555555554000ull
#define STACK_GAP_MIN (128 * MiB)
#define STACK_GAP_MAX (USER_END / 6 * 5)

static uintptr_t random_pages(uint64_t count)
{
	if (current_process()->personality & 0x0040000) /* ADDR_NO_RANDOMIZE */
		return 0;
	uint64_t random;
	random_fill(&random, sizeof(random));
	return random % count << PAGE_SHIFT;
}

static void choose_layout(struct load *load)
{
	struct address_space *space = load->space;
	uint64_t gap =
	    min(max(current_limit(RLIMIT_STACK), (uint64_t)STACK_GAP_MIN), (uint64_t)STACK_GAP_MAX);
	load->stack_top = USER_END - random_pages(1 << 16) * 4;
	space->stack_top = load->stack_top;
	space->mmap_top = ALIGN_DOWN(load->stack_top - gap - random_pages(1 << 16), PAGE_SIZE);
}

static int map_stack(struct load *load)
{
	uint64_t size = min(current_limit(RLIMIT_STACK), (uint64_t)(132 * KiB));
	size = max(ALIGN_UP(size, PAGE_SIZE),
	    (uint64_t)(exec_strings_limit() > 132 * KiB ? 132 * KiB : 64 * KiB));
	unsigned prot =
	    PROT_READ | PROT_WRITE | (load->program.image.executable_stack ? PROT_EXEC : 0);
	return vm_map_stack(load->space, load->stack_top, size, prot);
}

static int map_program(struct load *load)
{
	struct address_space *space = load->space;
	const struct elf_image *image = &load->program.image;
	uintptr_t end, interpreter_end;
	int err = exec_file_map(&load->program, space, PIE_BASE + random_pages(1 << 20), &end);
	if (err)
		return err;
	space->code_start = image->lowest + load->program.bias;
	space->code_end = space->data_end = end;
	space->data_start = space->code_start;
	space->brk_start = space->brk_end = ALIGN_UP(end, PAGE_SIZE) + random_pages(1 << 13);
	if (!load->interpreter.object)
		return 0;
	const struct elf_image *interpreter = &load->interpreter.image;
	size_t len = ALIGN_UP(interpreter->highest, PAGE_SIZE) - interpreter->lowest;
	/* A place with room for all of it, found by mapping it once. */
	int64_t base = 0;
	if (interpreter->is_position_independent) {
		base = vm_map(space, 0, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
		if (base < 0)
			return (int)base;
	}
	return exec_file_map(&load->interpreter, space, (uint64_t)base, &interpreter_end);
}

int exec_build_space(struct load *load)
{
	load->space = address_space_create();
	if (!load->space)
		return -ENOMEM;
	choose_layout(load);
	int err = map_stack(load);
	if (!err)
		err = map_program(load);
	if (!err) {
		uaddr_t vdso;
		err = user_map_vdso(load->space, &vdso);
		load->vdso = vdso.va;
	}
	return err;
}
