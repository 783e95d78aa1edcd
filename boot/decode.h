/* What the decoders share. Private to boot/. */
#pragma once

#include <boot/boot_info.h>

/* Forgets everything that a decoder fills in. */
void boot_info_reset(struct boot_info *info, const char *protocol);

/*
 * Adds what the loader's memory map says, in any order and overlapping as it likes. RAM shrinks to
 * whole pages, everything else grows to whole pages. -EINVAL when there are too many ranges.
 */
MUST_USE int boot_ranges_add(
    struct boot_info *info, paddr_t start, uint64_t len, enum boot_memory kind);
/*
 * Sorts, and where ranges overlap lets the more restrictive kind win. -EINVAL when no RAM is left.
 */
MUST_USE int boot_ranges_finish(struct boot_info *info);
/*
 * After boot_ranges_finish: whether the map has all of it, of any kind but bad. Not only RAM: QEMU's microvm puts
 * the end of the initrd into the page that the BIOS has reserved at the top of memory.
 */
bool boot_ranges_cover(const struct boot_info *info, paddr_t start, paddr_t end);
/* The kinds of the BIOS's E820 call, which PVH and Multiboot2 use too. */
enum boot_memory boot_kind_of_e820(uint32_t type);

/* -EINVAL when the string is not mapped or does not fit. */
MUST_USE int boot_copy_cmdline(struct boot_info *info, paddr_t pa, boot_map_t map);
/* After boot_ranges_finish. -EINVAL when it does not lie in memory; len 0 means none. */
MUST_USE int boot_set_initrd(struct boot_info *info, paddr_t start, uint64_t len);
