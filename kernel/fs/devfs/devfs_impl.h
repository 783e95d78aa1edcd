/* Private to kernel/fs/devfs. */
#pragma once

void memory_devices_register(void); /* memory.c */
