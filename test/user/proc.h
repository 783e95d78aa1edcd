/* Reading files of /proc. */
#pragma once

#include "check.h"

#include <limits.h>

static char text[1 << 20];

/* All of a file, read in pieces of `piece` bytes; ended by a NUL. Its length. */
static inline size_t read_pieces(const char *path, size_t piece)
{
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		FAIL("open %s", path);
	size_t len = 0;
	ssize_t n;
	while (len + piece < sizeof(text) && (n = read(fd, text + len, piece)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(fd);
	return len;
}

static inline size_t read_all(const char *path)
{
	return read_pieces(path, 65536);
}

static inline const char *of(pid_t pid, const char *name)
{
	static char path[128];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return path;
}

/* The rest of the line that begins with `key` and blanks, in the text that was read last. */
static inline const char *value_of(const char *key)
{
	static char value[300];
	size_t len = strlen(key);
	for (const char *line = text; line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (strncmp(line, key, len) == 0) {
			line += len;
			line += strspn(line, " \t");
			snprintf(value, sizeof(value), "%.*s", (int)strcspn(line, "\n"), line);
			return value;
		}
	FAIL("no line of %s", key);
}

static inline long number_of(const char *key)
{
	return strtol(value_of(key), NULL, 10);
}

static inline const char *target_of(const char *path)
{
	static char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		FAIL("readlink %s", path);
	target[n] = '\0';
	return target;
}
