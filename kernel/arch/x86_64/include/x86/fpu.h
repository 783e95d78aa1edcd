/* Vector registers: saving, restoring, first contents. A state is fpu_state_size bytes, aligned to 64. */
#pragma once

#include <lib/types.h>

#define FPU_STATE_ALIGN 64
/* What a state begins with: the area that FXSAVE writes, and the header that XSAVE adds (Intel SDM vol. 1 §13.4). */
#define FPU_LEGACY_SIZE 512
#define FPU_HEADER_SIZE 64
/* Known after fpu_init_cpu on the boot CPU. */
extern size_t fpu_state_size;
extern uint64_t xsave_components; /* XCR0; 0: the processor has only FXSAVE */

void fpu_init_cpu(void);
void fpu_state_init(void *state);
/* Makes a state that came from user memory safe to restore. */
void fpu_state_sanitize(void *state);
void fpu_save(void *state);
void fpu_restore(const void *state);
