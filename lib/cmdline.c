/* The kernel command line. */
#include <abi/errno.h>
#include <lib/cmdline.h>
#include <lib/string.h>

/* Cuts the next word off *p: [*start, *end). A space inside double quotes is part of the word. */
static bool next_word(const char **p, const char **start, const char **end)
{
	const char *s = *p;
	while (*s == ' ' || *s == '\t' || *s == '\n')
		s++;
	*start = s;
	bool quoted = false;
	for (; *s && (quoted || (*s != ' ' && *s != '\t' && *s != '\n')); s++) {
		if (*s == '"')
			quoted = !quoted;
	}
	*p = *end = s;
	return s != *start && !(s - *start == 2 && (*start)[0] == '-' && (*start)[1] == '-');
}

/*
 * The value of the last word of that name, quotes included: [*value, *end). Empty for a bare name.
 */
static bool find(const char *cmdline, const char *name, const char **value, const char **value_end)
{
	const char *start, *end;
	size_t len = strlen(name);
	bool found = false;
	while (next_word(&cmdline, &start, &end)) {
		if ((size_t)(end - start) < len || memcmp(start, name, len) != 0)
			continue;
		const char *rest = start + len;
		if (rest != end && *rest != '=')
			continue;
		*value = rest == end ? end : rest + 1;
		*value_end = end;
		found = true;
	}
	return found;
}

int cmdline_get(const char *cmdline, const char *name, char *value, size_t size)
{
	const char *p, *end;
	if (!find(cmdline, name, &p, &end))
		return 0;
	size_t len = 0;
	for (; p != end; p++) {
		if (*p == '"')
			continue;
		if (len + 1 >= size)
			return -E2BIG;
		value[len++] = *p;
	}
	if (len >= size)
		return -E2BIG;
	value[len] = '\0';
	return 1;
}

bool cmdline_has(const char *cmdline, const char *name)
{
	char value[8];
	int result = cmdline_get(cmdline, name, value, sizeof value);
	if (result == 0)
		return false;
	if (result < 0)
		return true; /* longer than any way to say no */
	return strcmp(value, "0") != 0 && strcmp(value, "off") != 0 && strcmp(value, "no") != 0;
}

uint64_t cmdline_get_size(const char *cmdline, const char *name, uint64_t fallback)
{
	char text[32];
	uint64_t size;
	if (cmdline_get(cmdline, name, text, sizeof text) != 1 || !str_to_size(text, &size))
		return fallback;
	return size;
}
