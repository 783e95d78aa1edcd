/* The vDSO: user_map_vdso (<arch/user.h>) puts it into an address space. */
#pragma once

void vdso_init(void); /* boot, after the clock */
