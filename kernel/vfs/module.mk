# Names, files and mounts: what every path and every open file goes through.
MODULE := kernel/vfs
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait kernel/object kernel/credentials \
	kernel/vm kernel/initrd
SRCS := inode.c dentry.c walk.c walk_step.c walk_link.c lookup.c context.c mount.c mount_tree.c file.c open.c handle.c open_create.c \
	cached_file.c directory.c permission.c \
	namespace.c rename.c attributes.c path_name.c registry.c initramfs.c name.c locks.c leases.c xattr.c anonymous.c memory_file.c
HOST_SRCS := name.c
TESTS := name
SELFTEST := vfs_selftest.c vfs_bench.c
