/* Leaks: what the kernel has in use by the end of one round and of a later one. Only where nobody else uses it. */
#pragma once

#include "check.h"

#include <limits.h>
#include <sys/sysinfo.h>

#define OBJECTS_TOLERATED 300
#define NAMES_TOLERATED   1000 /* dentries and inodes, which are cached */
#define PAGES_TOLERATED                                                                            \
	600 /* object caches keep what they had at the busiest moment: more rounds do not add to it */

#define CACHES_MAX 100
struct snapshot {
	long free_pages;
	size_t count;
	struct {
		char name[40];
		long used;
	} caches[CACHES_MAX];
};

static void take_snapshot(struct snapshot *snapshot)
{
	struct sysinfo info;
	sleep_ms(50); /* what is given back by and by */
	CHECK_OK(sysinfo(&info));
	snapshot->free_pages = (long)(info.freeram * info.mem_unit / 4096);
	snapshot->count = 0;
	FILE *list = fopen("/proc/slabinfo", "r");
	char line[300];
	while (list && snapshot->count < CACHES_MAX && fgets(line, sizeof(line), list))
		if (sscanf(line, "%39s %ld", snapshot->caches[snapshot->count].name,
			&snapshot->caches[snapshot->count].used) == 2)
			snapshot->count++;
	if (list)
		fclose(list);
}

static long tolerated(const char *cache)
{
	if (strcmp(cache, "magazine") == 0)
		return LONG_MAX;
	return strcmp(cache, "dentry") == 0 || strcmp(cache, "inode") == 0 ? NAMES_TOLERATED
									   : OBJECTS_TOLERATED;
}

static void compare(const struct snapshot *before, const struct snapshot *after)
{
	char text[200] = "";
	size_t len = 0;
	for (size_t i = 0; i < after->count && i < before->count; i++) {
		long more = after->caches[i].used - before->caches[i].used;
		if (getenv("FUZZ_SHOW") && more > 3)
			printf("    %s %+ld\n", after->caches[i].name, more);
		if (more > tolerated(after->caches[i].name) && len < 150)
			len += (size_t)snprintf(
			    text + len, 50, " %.30s %+ld", after->caches[i].name, more);
	}
	long pages = before->free_pages - after->free_pages;
	if (getenv("FUZZ_SHOW"))
		printf("    %+ld pages\n", pages);
	if (len || pages > PAGES_TOLERATED)
		FAIL("lost: %ld pages, objects:%s", pages, text);
}
