/*
 * Multiboot2: the loader (GRUB) leaves a list of tags whose address is in EBX at the entry: its
 * total size, then tags of {type, size}, each beginning at a multiple of eight. Multiboot2
 * specification, "Boot information format".
 */
#include <abi/errno.h>
#include <boot/boot_info.h>
#include <lib/string.h>

#include "decode.h"

#define TAGS_LEN_MAX (1 * MiB)

enum tag_type {
	TAG_END = 0,
	TAG_CMDLINE = 1,
	TAG_MODULE = 3,
	TAG_MEMORY = 6,
	TAG_RSDP_OLD = 14,
	TAG_RSDP_NEW = 15,
	TAG_EFI_MEMORY = 17,
	TAG_EFI_BOOT_SERVICES = 18, /* present: they still run */
};

struct tag {
	uint32_t type;
	size_t len; /* of the body */
	const uint8_t *body;
};

/* The first tag of each kind that we use. type TAG_END: absent. */
struct tags {
	struct tag cmdline, module, memory, efi_memory, rsdp_old, rsdp_new;
	bool has_boot_services;
};

struct memory_entry {
	uint64_t start, len;
	uint32_t type, reserved; /* as E820's */
};

struct efi_entry {
	uint32_t type, padding;
	uint64_t start, virtual_start, pages, attributes;
};

static uint32_t read32(const uint8_t *p)
{
	uint32_t value;
	__builtin_memcpy(&value, p, sizeof value);
	return value;
}

static void keep_first(struct tag *place, const struct tag *tag)
{
	if (place->type == TAG_END)
		*place = *tag;
}

static void collect_tag(struct tags *tags, const struct tag *tag)
{
	switch (tag->type) {
	case TAG_CMDLINE: keep_first(&tags->cmdline, tag); break;
	case TAG_MODULE: keep_first(&tags->module, tag); break;
	case TAG_MEMORY: keep_first(&tags->memory, tag); break;
	case TAG_EFI_MEMORY: keep_first(&tags->efi_memory, tag); break;
	case TAG_RSDP_OLD: keep_first(&tags->rsdp_old, tag); break;
	case TAG_RSDP_NEW: keep_first(&tags->rsdp_new, tag); break;
	case TAG_EFI_BOOT_SERVICES: tags->has_boot_services = true; break;
	default: break;
	}
}

static int collect_tags(struct tags *tags, const uint8_t *data, size_t total)
{
	size_t pos = 8;
	for (;;) {
		if (pos > total || total - pos < 8)
			return -EINVAL; /* no end tag */
		struct tag tag = {.type = read32(data + pos), .body = data + pos + 8};
		size_t size = read32(data + pos + 4);
		if (size < 8 || size > total - pos)
			return -EINVAL;
		if (tag.type == TAG_END)
			return 0;
		tag.len = size - 8;
		collect_tag(tags, &tag);
		pos += ALIGN_UP(size, 8);
	}
}

/* Both memory tags: {entry size, version, entries…}. */
static int check_table(
    const struct tag *tag, size_t entry_len_min, size_t *entry_len, size_t *count)
{
	if (tag->len < 8)
		return -EINVAL;
	*entry_len = read32(tag->body);
	if (*entry_len < entry_len_min)
		return -EINVAL;
	*count = (tag->len - 8) / *entry_len;
	return 0;
}

static int decode_memory(struct boot_info *info, const struct tag *tag)
{
	size_t entry_len, count;
	int result = check_table(tag, sizeof(struct memory_entry), &entry_len, &count);
	for (size_t i = 0; result == 0 && i < count; i++) {
		struct memory_entry entry;
		__builtin_memcpy(&entry, tag->body + 8 + i * entry_len, sizeof entry);
		result =
		    boot_ranges_add(info, entry.start, entry.len, boot_kind_of_e820(entry.type));
	}
	return result;
}

/* UEFI specification, GetMemoryMap(). */
static enum boot_memory kind_of_efi(const struct efi_entry *entry, bool has_boot_services)
{
	if (entry->attributes >> 63)
		return BOOT_MEMORY_RESERVED; /* the firmware's at run time */
	switch (entry->type) {
	case 1: /* loader's code, and data: what the loader told us is copied by the time this is used */
	case 2:
	case 7: return BOOT_MEMORY_RAM;
	case 3: /* boot services' */
	case 4: return has_boot_services ? BOOT_MEMORY_RESERVED : BOOT_MEMORY_RAM;
	case 8: return BOOT_MEMORY_BAD;
	case 9: return BOOT_MEMORY_ACPI;
	case 10: return BOOT_MEMORY_ACPI_NVS;
	default: return BOOT_MEMORY_RESERVED;
	}
}

static int decode_efi_memory(struct boot_info *info, const struct tag *tag, bool has_boot_services)
{
	size_t entry_len, count;
	int result = check_table(tag, sizeof(struct efi_entry), &entry_len, &count);
	for (size_t i = 0; result == 0 && i < count; i++) {
		struct efi_entry entry;
		uint64_t len;
		__builtin_memcpy(&entry, tag->body + 8 + i * entry_len, sizeof entry);
		if (mul_overflows(entry.pages, 4096, &len))
			return -EINVAL;
		result =
		    boot_ranges_add(info, entry.start, len, kind_of_efi(&entry, has_boot_services));
	}
	return result;
}

static int decode_cmdline(struct boot_info *info, const struct tag *tag)
{
	const char *text = (const char *)tag->body;
	if (strnlen(text, tag->len) == tag->len ||
	    !str_copy(info->cmdline, sizeof info->cmdline, text))
		return -EINVAL;
	return 0;
}

static int decode_module(struct boot_info *info, const struct tag *tag)
{
	if (tag->len < 8)
		return -EINVAL;
	uint32_t start = read32(tag->body), end = read32(tag->body + 4);
	if (end < start)
		return -EINVAL;
	return boot_set_initrd(info, start, end - start);
}

/* By value: the table itself is checked by whoever reads it. */
static void decode_rsdp(struct boot_info *info, const struct tag *tag)
{
	info->rsdp_copy_len = min(tag->len, sizeof info->rsdp_copy);
	memcpy(info->rsdp_copy, tag->body, info->rsdp_copy_len);
}

int boot_decode_multiboot2(struct boot_info *info, paddr_t tags_pa, boot_map_t map)
{
	struct tags tags = {0};
	boot_info_reset(info, "Multiboot2");

	const uint8_t *data = map(tags_pa, 8);
	if (!data || tags_pa % 8)
		return -EINVAL;
	uint32_t total = read32(data);
	if (total < 16 || total > TAGS_LEN_MAX)
		return -EINVAL;
	data = map(tags_pa, total);
	if (!data)
		return -EINVAL;

	int result = collect_tags(&tags, data, total);
	if (result < 0)
		return result;
	if (tags.memory.type != TAG_END)
		result = decode_memory(info, &tags.memory);
	else if (tags.efi_memory.type != TAG_END)
		result = decode_efi_memory(info, &tags.efi_memory, tags.has_boot_services);
	if (result == 0)
		result = boot_ranges_finish(info);
	if (result == 0 && tags.cmdline.type != TAG_END)
		result = decode_cmdline(info, &tags.cmdline);
	if (result == 0 && tags.module.type != TAG_END)
		result = decode_module(info, &tags.module);
	if (tags.rsdp_new.type != TAG_END)
		decode_rsdp(info, &tags.rsdp_new);
	else if (tags.rsdp_old.type != TAG_END)
		decode_rsdp(info, &tags.rsdp_old);
	return result;
}
