/*
 * PVH: the loader (QEMU -kernel, Firecracker, cloud-hypervisor, Xen) leaves a `struct
 * hvm_start_info` whose address is in EBX at the entry. Version 0 has no memory map, and without
 * one we cannot go on.
 */
#include <abi/errno.h>
#include <boot/boot_info.h>

#include "decode.h"

#define PVH_MAGIC       0x336ec578u
#define PVH_MODULES_MAX 64
#define PVH_MEMORY_MAX  4096

struct pvh_start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp;
	/* from version 1 on */
	uint64_t memory_map;
	uint32_t memory_count, reserved;
};
static_assert(sizeof(struct pvh_start_info) == 56, "hvm_start_info");
#define PVH_VERSION_0_LEN offsetof(struct pvh_start_info, memory_map)

struct pvh_module {
	uint64_t start, len, cmdline, reserved;
};
static_assert(sizeof(struct pvh_module) == 32, "hvm_modlist_entry");

struct pvh_memory {
	uint64_t start, len;
	uint32_t type, reserved; /* as E820's */
};
static_assert(sizeof(struct pvh_memory) == 24, "hvm_memmap_table_entry");

static int decode_memory(
    struct boot_info *info, const struct pvh_start_info *start_info, boot_map_t map)
{
	uint32_t count = start_info->memory_count;
	if (!start_info->memory_map || !count || count > PVH_MEMORY_MAX)
		return -EINVAL;
	const uint8_t *table = map(start_info->memory_map, count * sizeof(struct pvh_memory));
	if (!table)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		struct pvh_memory entry;
		__builtin_memcpy(&entry, table + i * sizeof entry, sizeof entry);
		int result =
		    boot_ranges_add(info, entry.start, entry.len, boot_kind_of_e820(entry.type));
		if (result < 0)
			return result;
	}
	return boot_ranges_finish(info);
}

/* The first module is the initrd. */
static int decode_modules(
    struct boot_info *info, const struct pvh_start_info *start_info, boot_map_t map)
{
	if (!start_info->module_count)
		return 0;
	if (start_info->module_count > PVH_MODULES_MAX)
		return -EINVAL;
	const void *table = map(start_info->modules, sizeof(struct pvh_module));
	if (!table)
		return -EINVAL;
	struct pvh_module module;
	__builtin_memcpy(&module, table, sizeof module);
	return boot_set_initrd(info, module.start, module.len);
}

int boot_decode_pvh(struct boot_info *info, paddr_t start_info_pa, boot_map_t map)
{
	struct pvh_start_info start_info;
	boot_info_reset(info, "PVH");

	const void *data = map(start_info_pa, PVH_VERSION_0_LEN);
	if (!data)
		return -EINVAL;
	__builtin_memcpy(&start_info, data, PVH_VERSION_0_LEN);
	if (start_info.magic != PVH_MAGIC || start_info.version < 1)
		return -EINVAL;
	data = map(start_info_pa, sizeof start_info);
	if (!data)
		return -EINVAL;
	__builtin_memcpy(&start_info, data, sizeof start_info);

	int result = decode_memory(info, &start_info, map);
	if (result == 0)
		result = decode_modules(info, &start_info, map);
	if (result == 0 && start_info.cmdline)
		result = boot_copy_cmdline(info, start_info.cmdline, map);
	info->rsdp = start_info.rsdp;
	return result;
}
