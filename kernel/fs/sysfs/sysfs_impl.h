/* Private to kernel/fs/sysfs: the functions of its table in sysfs.c. Processors and nodes are told by subject->index. */
#pragma once

#include <procfs/tree.h>

#define SHOW(name) int name(struct proc_text *text, const struct proc_subject *subject)

/* cpus.c */
unsigned count_cpus(void);
SHOW(show_cpus);
SHOW(show_no_cpus);
SHOW(show_cpu_max);
SHOW(show_core);
SHOW(show_package);
SHOW(show_core_bits);
SHOW(show_core_list);
SHOW(show_package_bits);
SHOW(show_package_list);

/* nodes.c */
unsigned count_nodes(void);
SHOW(show_nodes);
SHOW(show_nodes_with_cpus);
SHOW(show_nodes_with_memory);
SHOW(show_node_cpu_bits);
SHOW(show_node_cpu_list);
SHOW(show_node_memory);
SHOW(show_node_distances);
