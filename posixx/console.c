/* The console as a plain stream, for the first process when the root file system has no /dev/console. */
#include <log/log.h>
#include <object/object.h>
#include <posixx/console.h>
#include <serial/serial.h>

static int64_t console_read(struct object *object, struct io *io, uint64_t *pos)
{
	(void)object, (void)pos;
	char c;
	int err = io->left ? serial_read(&c, NSEC_MAX) : 0;
	if (err || !io->left)
		return err;
	return io_result(io, io_write(io, &c, 1));
}

static int64_t console_write_object(struct object *object, struct io *io, uint64_t *pos)
{
	(void)object, (void)pos;
	char chunk[128];
	size_t done = 0, part;
	while ((part = io_read(io, chunk, sizeof(chunk)))) {
		console_write(chunk, part);
		done += part;
	}
	return io_result(io, done);
}

/* There is one, for good: the reference it begins with is never put. */
static void never_freed(struct object *object)
{
	(void)object;
}

static const struct object_ops console_ops = {.type = OBJECT_TTY,
    .is_stream = true,
    .free = never_freed,
    .read = console_read,
    .write = console_write_object,
    .poll = object_always_ready};

struct object *console_object(void)
{
	static struct object console;
	if (!console.ops)
		object_init(&console, &console_ops, 2);
	return object_get(&console);
}
