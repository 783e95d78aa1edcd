/*
 * What the loader told us, in one form whatever the loader was. PVH (QEMU -kernel, Firecracker) and
 * Multiboot2 (GRUB) are decoded into this, copied out of the loader's memory, before anything else
 * runs.
 */
#pragma once

#include <lib/types.h>

#define BOOT_RANGES_MAX  128
#define BOOT_CMDLINE_MAX 4096

enum boot_memory {
	BOOT_MEMORY_RAM,
	BOOT_MEMORY_RESERVED,
	BOOT_MEMORY_ACPI, /* tables: readable, free after they were read (we never free them) */
	BOOT_MEMORY_ACPI_NVS,
	BOOT_MEMORY_BAD,
};

struct boot_range {
	paddr_t start, end;
	enum boot_memory kind;
};

struct boot_info {
	const char *protocol; /* "PVH" or "Multiboot2" */
	uint64_t entry_tsc;   /* time stamp at our first instruction */
	size_t range_count;
	struct boot_range ranges
	    [BOOT_RANGES_MAX]; /* sorted, not overlapping, as the loader gave them otherwise */
	paddr_t kernel_start, kernel_end; /* our own image, bss included */
	paddr_t initrd_start, initrd_end; /* equal: none */
	paddr_t rsdp;                     /* 0: look for it in the BIOS area, or there is none */
	uint8_t rsdp_copy[36];            /* Multiboot2 hands the RSDP by value */
	size_t rsdp_copy_len;
	char cmdline[BOOT_CMDLINE_MAX];
};

extern struct boot_info boot_info;

/*
 * Decoders: bounded reads of the loader's structures through `map`, which turns a physical range
 * into a pointer or NULL. 0, or -EINVAL when the data is not to be believed. Pure; tested on the
 * host.
 */
typedef const void *(*boot_map_t)(paddr_t pa, size_t len);
MUST_USE int boot_decode_pvh(struct boot_info *info, paddr_t start_info, boot_map_t map);
MUST_USE int boot_decode_multiboot2(struct boot_info *info, paddr_t tags, boot_map_t map);
