/*
 * /sys: what programs look up there of processors, nodes and huge pages, as text in Linux's formats. A tree as /proc's is: <procfs/tree.h>. Nothing
 * can be written.
 */
#pragma once

void sysfs_register(void); /* boot, before vfs_init */
