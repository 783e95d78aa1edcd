/* Following frame pointers over a stack that may be damaged. */
#include <debug/backtrace.h>

/* What `push %rbp; mov %rsp, %rbp` leaves at RBP, behind the return address that CALL pushed. */
struct frame {
	uintptr_t caller_frame;
	uintptr_t return_address;
};

/* Where the trap came, if this frame is that of the function which a trap's entry called; else 0. */
static uintptr_t interrupted_at(const struct frame *frame, const struct frame_checks *checks)
{
	if (!checks->is_trap_entry(frame->return_address))
		return 0;
	uintptr_t place = (uintptr_t)(frame + 1) + checks->interrupted_ip;
	if (!checks->is_readable(place))
		return 0;
	uintptr_t ip = *(const uintptr_t *)place;
	return checks->is_code(ip) ? ip : 0;
}

unsigned frame_walk(
    uintptr_t frame, const struct frame_checks *checks, uintptr_t *addresses, unsigned max)
{
	unsigned count = 0;
	while (count < max) {
		/* Zero ends every chain. Frames go up a stack, except where an exception changed stacks: no
		 * order is asked for, since `max` bounds a circle too. */
		if (frame == 0 || !IS_ALIGNED(frame, sizeof(uintptr_t)))
			break;
		const struct frame *at = (const struct frame *)frame;
		if (!checks->is_readable(frame) ||
		    !checks->is_readable(frame + offsetof(struct frame, return_address)))
			break;
		if (!checks->is_code(at->return_address))
			break;
		addresses[count++] = at->return_address;
		uintptr_t interrupted = interrupted_at(at, checks);
		if (interrupted && count < max)
			addresses[count++] = interrupted;
		frame = at->caller_frame;
	}
	return count;
}
