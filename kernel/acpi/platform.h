/*
 * The file that touches ports to find out facts, and so does not run on the host. Private to
 * kernel/acpi.
 */
#pragma once

#include <lib/types.h>

/* How many processors QEMU says it has; 0 when this is not QEMU. Their APIC ids are 0, 1, … */
uint32_t fw_cfg_cpu_count(void);
