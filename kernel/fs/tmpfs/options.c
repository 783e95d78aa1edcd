/* What mount(2) is told of a tmpfs: "size=50%,mode=755". */
#include "tmpfs_impl.h"

#include <lib/string.h>
#include <mm/page_alloc.h>

static bool parse_size(const char *value, uint64_t *pages)
{
	uint64_t bytes;
	size_t len = strlen(value);
	if (len && value[len - 1] == '%') {
		char digits[24];
		uint64_t percent;
		struct page_stats stats;
		if (len > sizeof(digits))
			return false;
		memcpy(digits, value, len - 1);
		digits[len - 1] = '\0';
		if (!str_to_u64(digits, 10, &percent) || percent > 100)
			return false;
		page_stats_total(&stats);
		*pages = stats.total * percent / 100;
		return true;
	}
	if (!str_to_size(value, &bytes))
		return false;
	*pages = DIV_ROUND_UP(bytes, PAGE_SIZE);
	return true;
}

static bool parse_number(const char *value, unsigned base, uint32_t *out)
{
	uint64_t number;
	if (!str_to_u64(value, base, &number) || number > UINT32_MAX)
		return false;
	*out = (uint32_t)number;
	return true;
}

/* One "key=value". */
static bool parse_option(const char *option, struct tmpfs_options *options)
{
	if (!*option || strcmp(option, "rw") == 0 || strcmp(option, "ro") == 0)
		return true;
	const char *value = strchr(option, '=');
	if (!value++)
		return false;
	if (str_has_prefix(option, "size="))
		return parse_size(value, &options->pages);
	if (str_has_prefix(option, "nr_blocks="))
		return str_to_size(value, &options->pages);
	if (str_has_prefix(option, "nr_inodes="))
		return str_to_size(value, &options->inodes);
	if (str_has_prefix(option, "mode="))
		return parse_number(value, 8, &options->mode);
	if (str_has_prefix(option, "uid="))
		return parse_number(value, 10, &options->uid);
	return str_has_prefix(option, "gid=") && parse_number(value, 10, &options->gid);
}

int tmpfs_parse_options(const char *text, struct tmpfs_options *options)
{
	char option[64];
	while (text && *text) {
		const char *comma = strchr(text, ',');
		size_t len = comma ? (size_t)(comma - text) : strlen(text);
		if (len >= sizeof(option))
			return -EINVAL;
		memcpy(option, text, len);
		option[len] = '\0';
		if (!parse_option(option, options))
			return -EINVAL;
		text += len + (comma != NULL);
	}
	return 0;
}

struct tmpfs_options tmpfs_default_options(void)
{
	struct page_stats stats;
	page_stats_total(&stats);
	return (struct tmpfs_options){
	    .pages = stats.total / 2, .inodes = stats.total / 2, .mode = 01777};
}
