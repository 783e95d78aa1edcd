/*
 * Formatting. The format is cut into literal runs and conversions; each conversion is parsed into a
 * struct spec, its text made in a small buffer from the right, and padded out to the sink.
 */
#include <lib/fmt.h>
#include <lib/string.h>

#define DIGITS_MAX 22 /* 2^64 in octal */

struct spec {
	bool left, zero, plus, space, alternate;
	int width;
	int precision; /* -1: not given */
	uint8_t size;  /* of the integer argument, in bytes */
	char conversion;
};

struct output {
	fmt_sink_t sink;
	void *ctx;
};

static void emit(const struct output *out, const char *text, size_t len)
{
	if (len)
		out->sink(out->ctx, text, len);
}

static void emit_padding(const struct output *out, char c, int count)
{
	static const char spaces[] = "                ", zeroes[] = "0000000000000000";
	const char *text = c == '0' ? zeroes : spaces;
	for (; count > 0; count -= 16)
		emit(out, text, (size_t)min(count, 16));
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A decimal that stops growing instead of overflowing. */
static const char *parse_int(const char *p, int *out)
{
	int value = 0;
	for (; is_digit(*p); p++)
		value = value > 100000 ? value : value * 10 + (*p - '0');
	*out = value;
	return p;
}

static const char *parse_flags(const char *p, struct spec *spec)
{
	for (;; p++) {
		switch (*p) {
		case '-': spec->left = true; break;
		case '0': spec->zero = true; break;
		case '+': spec->plus = true; break;
		case ' ': spec->space = true; break;
		case '#': spec->alternate = true; break;
		default: return p;
		}
	}
}

static const char *parse_length(const char *p, struct spec *spec)
{
	spec->size = sizeof(int);
	switch (*p) {
	case 'h':
		spec->size = p[1] == 'h' ? sizeof(char) : sizeof(short);
		return p + (p[1] == 'h' ? 2 : 1);
	case 'l': spec->size = sizeof(long); return p + (p[1] == 'l' ? 2 : 1);
	case 'z':
	case 'j':
	case 't': spec->size = sizeof(long); return p + 1;
	default: return p;
	}
}

/* The digits of `value`, ending at `end`; returns where they begin. */
static char *make_digits(char *end, uint64_t value, unsigned base, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	switch (base) {
	case 8:
		for (; value; value >>= 3)
			*--end = digits[value & 7];
		break;
	case 16:
		for (; value; value >>= 4)
			*--end = digits[value & 15];
		break;
	default:
		for (; value; value /= 10)
			*--end = digits[value % 10];
		break;
	}
	return end;
}

/* [spaces] prefix [zeroes] digits [spaces] */
static void emit_number(const struct output *out, const struct spec *spec, const char *prefix,
    const char *digits, int len)
{
	int prefix_len = (int)strlen(prefix);
	int zeroes = max(spec->precision - len, 0);
	if (spec->zero && !spec->left && spec->precision < 0)
		zeroes = max(spec->width - prefix_len - len, 0);
	int padding = spec->width - prefix_len - zeroes - len;

	if (!spec->left)
		emit_padding(out, ' ', padding);
	emit(out, prefix, (size_t)prefix_len);
	emit_padding(out, '0', zeroes);
	emit(out, digits, (size_t)len);
	if (spec->left)
		emit_padding(out, ' ', padding);
}

static void format_unsigned(
    const struct output *out, const struct spec *spec, uint64_t value, const char *sign)
{
	char buf[DIGITS_MAX + 1], *end = buf + sizeof buf;
	bool upper = spec->conversion == 'X';
	unsigned base = spec->conversion == 'o' ? 8 : upper || spec->conversion == 'x' ? 16 : 10;
	const char *prefix = sign;
	char *digits = make_digits(end, value, base, upper);

	if (spec->alternate && base == 16 && value)
		prefix = upper ? "0X" : "0x";
	/*
	 * A zero is written as one digit unless the precision is 0; '#' of octal promises a leading
	 * zero.
	 */
	if (digits == end && spec->precision != 0)
		*--digits = '0';
	int len = (int)(end - digits);
	if (spec->alternate && base == 8 && spec->precision <= len &&
	    (len == 0 || *digits != '0')) {
		*--digits = '0';
		len++;
	}
	emit_number(out, spec, prefix, digits, len);
}

static void format_signed(const struct output *out, const struct spec *spec, int64_t value)
{
	const char *sign = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";
	uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
	format_unsigned(out, spec, magnitude, sign);
}

static void format_text(
    const struct output *out, const struct spec *spec, const char *text, size_t len)
{
	int padding = len < (size_t)spec->width ? spec->width - (int)len : 0;
	if (!spec->left)
		emit_padding(out, ' ', padding);
	emit(out, text, len);
	if (spec->left)
		emit_padding(out, ' ', padding);
}

static void format_string(const struct output *out, const struct spec *spec, const char *s)
{
	if (!s)
		s = "(null)";
	format_text(
	    out, spec, s, spec->precision < 0 ? strlen(s) : strnlen(s, (size_t)spec->precision));
}

static void format_pointer(const struct output *out, const struct spec *spec, const void *p)
{
	struct spec hex = *spec;
	hex.conversion = 'x';
	hex.precision = 16;
	hex.alternate = false;
	char buf[DIGITS_MAX], *end = buf + sizeof buf;
	char *digits = make_digits(end, (uintptr_t)p, 16, false);
	emit_number(out, &hex, "0x", digits, (int)(end - digits));
}

static int64_t sign_extend(int64_t value, uint8_t size)
{
	switch (size) {
	case 1: return (int8_t)value;
	case 2: return (int16_t)value;
	case 4: return (int32_t)value;
	default: return value;
	}
}

/* A va_list that can be passed by reference: an array type decays as a parameter. */
struct args {
	va_list list;
};

static int64_t next_integer(struct args *args, uint8_t size)
{
	return size == sizeof(long) ? va_arg(args->list, long) : va_arg(args->list, int);
}

static const char *parse_spec(const char *p, struct spec *spec, struct args *args)
{
	*spec = (struct spec){.precision = -1};
	p = parse_flags(p, spec);
	if (*p == '*') {
		p++;
		spec->width = va_arg(args->list, int);
		if (spec->width < 0) {
			spec->left = true;
			spec->width = spec->width == INT32_MIN ? INT32_MAX : -spec->width;
		}
	} else {
		p = parse_int(p, &spec->width);
	}
	if (*p == '.') {
		p++;
		if (*p == '*') {
			spec->precision = max(va_arg(args->list, int), -1);
			p++;
		} else {
			p = parse_int(p, &spec->precision);
		}
	}
	p = parse_length(p, spec);
	spec->conversion = *p;
	return p;
}

/* False when it is no conversion that we know. */
static bool format_argument(const struct output *out, const struct spec *spec, struct args *args)
{
	char c;
	uint64_t mask = ~0ull >> (64 - 8 * spec->size);
	switch (spec->conversion) {
	case 'd':
	case 'i':
		format_signed(out, spec, sign_extend(next_integer(args, spec->size), spec->size));
		return true;
	case 'u':
	case 'o':
	case 'x':
	case 'X':
		format_unsigned(out, spec, (uint64_t)next_integer(args, spec->size) & mask, "");
		return true;
	case 'c':
		c = (char)va_arg(args->list, int);
		format_text(out, spec, &c, 1);
		return true;
	case 's': format_string(out, spec, va_arg(args->list, const char *)); return true;
	case 'p': format_pointer(out, spec, va_arg(args->list, const void *)); return true;
	case '%': emit(out, "%", 1); return true;
	default: return false;
	}
}

void fmt_vformat(fmt_sink_t sink, void *ctx, const char *format, va_list args_in)
{
	struct output out = {sink, ctx};
	struct args args;
	va_copy(args.list, args_in);
	for (const char *p = format; *p;) {
		const char *run = p;
		while (*p && *p != '%')
			p++;
		emit(&out, run, (size_t)(p - run));
		if (!*p)
			break;

		struct spec spec;
		run = p;
		p = parse_spec(p + 1, &spec, &args);
		if (*p)
			p++;
		/*
		 * An unknown conversion has an argument of unknown size: show it, and stop before
		 * we go astray.
		 */
		if (!format_argument(&out, &spec, &args)) {
			emit(&out, run, strlen(run));
			break;
		}
	}
	va_end(args.list);
}

void fmt_format(fmt_sink_t sink, void *ctx, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fmt_vformat(sink, ctx, format, args);
	va_end(args);
}
