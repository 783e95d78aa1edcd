/* /proc as a file system, and what others ask of it. */
#include "procfs_impl.h"

#include <abi/errno.h>

#define PROC_MAGIC 0x9fa0

static const struct proc_tree tree = {.root = &proc_root, .magic = PROC_MAGIC};

static int mount(const struct file_system *type, const char *source, uint32_t flags,
    const char *options, struct super **result)
{
	(void)source, (void)options;
	return proc_tree_mount(type, flags, &tree, result);
}

static const struct file_system type = {.name = "proc", .mount = mount};

void procfs_register(void)
{
	file_system_register(&type);
}
