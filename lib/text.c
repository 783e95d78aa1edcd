/*
 * The string functions that C's library lacks: copies that tell when they cut, numbers that tell
 * when they are none.
 */
#include <lib/string.h>

bool str_copy(char *dst, size_t size, const char *src)
{
	if (!size)
		return false;
	size_t len = strnlen(src, size);
	bool fits = len < size;
	if (!fits)
		len = size - 1;
	memcpy(dst, src, len);
	dst[len] = '\0';
	return fits;
}

bool str_has_prefix(const char *s, const char *prefix)
{
	while (*prefix && *s == *prefix) {
		s++;
		prefix++;
	}
	return !*prefix;
}

static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	char lower = c | 0x20;
	if (lower >= 'a' && lower <= 'z')
		return (unsigned)(lower - 'a') + 10;
	return UINT32_MAX;
}

/* Reads digits from *s and leaves *s behind them. */
static bool parse_number(const char **s, unsigned base, uint64_t *out)
{
	const char *p = *s;
	bool has_0x = p[0] == '0' && (p[1] | 0x20) == 'x' && digit_value(p[2]) < 16;
	if (base == 0)
		base = has_0x ? 16 : *p == '0' ? 8 : 10;
	if (base == 16 && has_0x)
		p += 2;

	const char *first = p;
	uint64_t value = 0;
	for (; digit_value(*p) < base; p++) {
		if (mul_overflows(value, base, &value) ||
		    add_overflows(value, digit_value(*p), &value))
			return false;
	}
	if (p == first)
		return false;
	*s = p;
	*out = value;
	return true;
}

bool str_to_u64(const char *s, unsigned base, uint64_t *out)
{
	uint64_t value;
	if (!parse_number(&s, base, &value) || *s)
		return false;
	*out = value;
	return true;
}

bool str_to_size(const char *s, uint64_t *out)
{
	uint64_t value, unit = 1;
	if (!parse_number(&s, 0, &value))
		return false;
	switch (*s) {
	case 'k':
	case 'K': unit = KiB; break;
	case 'm':
	case 'M': unit = MiB; break;
	case 'g':
	case 'G': unit = GiB; break;
	default: break;
	}
	if (unit != 1)
		s++;
	if (*s || mul_overflows(value, unit, &value))
		return false;
	*out = value;
	return true;
}

bool str_matches(const char *pattern, const char *s)
{
	/* Where to go on when a guess fails: the last star takes one character more. */
	const char *star = NULL, *star_s = NULL;
	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			star_s = s;
		} else if (!*s) {
			return !*pattern;
		} else if (*pattern == *s || *pattern == '?') {
			pattern++;
			s++;
		} else if (star) {
			pattern = star;
			s = ++star_s;
		} else {
			return false;
		}
	}
}
