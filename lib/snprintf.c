/* snprintf over fmt.c, for the kernel only (the host has its own). */
#include <lib/fmt.h>
#include <lib/string.h>

struct buffer {
	char *text;
	size_t size;   /* room, the terminating NUL included */
	size_t wanted; /* what the whole text would take */
};

static void buffer_append(void *ctx, const char *text, size_t len)
{
	struct buffer *buffer = ctx;
	if (buffer->wanted + 1 < buffer->size)
		memcpy(buffer->text + buffer->wanted, text,
		    min(len, buffer->size - 1 - buffer->wanted));
	buffer->wanted += len;
}

int vsnprintf(char *buf, size_t size, const char *format, va_list args)
{
	struct buffer buffer = {.text = buf, .size = size};
	fmt_vformat(buffer_append, &buffer, format, args);
	if (size)
		buf[min(buffer.wanted, size - 1)] = '\0';
	return (int)min(buffer.wanted, (size_t)INT32_MAX);
}

int snprintf(char *buf, size_t size, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int len = vsnprintf(buf, size, format, args);
	va_end(args);
	return len;
}
