/* The parts of boot_info that are filled in alike for every loader. */
#include <abi/errno.h>
#include <boot/boot_info.h>
#include <lib/string.h>

#include "decode.h"

#define CHUNK 4096

void boot_info_reset(struct boot_info *info, const char *protocol)
{
	info->protocol = protocol;
	info->range_count = 0;
	info->initrd_start = info->initrd_end = 0;
	info->rsdp = 0;
	info->rsdp_copy_len = 0;
	info->cmdline[0] = '\0';
}

/* Page by page: the string may end just before memory does. */
int boot_copy_cmdline(struct boot_info *info, paddr_t pa, boot_map_t map)
{
	size_t len = 0;
	while (len < sizeof info->cmdline) {
		size_t chunk = min(CHUNK - pa % CHUNK, sizeof info->cmdline - len);
		const char *text = map(pa, chunk);
		if (!text)
			return -EINVAL;
		size_t part = strnlen(text, chunk);
		memcpy(info->cmdline + len, text, part);
		len += part;
		pa += part;
		if (part < chunk) {
			info->cmdline[len] = '\0';
			return 0;
		}
	}
	info->cmdline[0] = '\0';
	return -EINVAL;
}

int boot_set_initrd(struct boot_info *info, paddr_t start, uint64_t len)
{
	paddr_t end;
	if (!len)
		return 0;
	if (add_overflows(start, len, &end) || !boot_ranges_cover(info, start, end))
		return -EINVAL;
	info->initrd_start = start;
	info->initrd_end = end;
	return 0;
}
