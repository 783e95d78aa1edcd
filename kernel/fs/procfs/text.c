/*
 * Files that are printed: the text is made at the first read and whenever somebody reads from the beginning; reads in between go on in it, or in
 * its next part.
 */
#include "procfs_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <wait/interruptible.h>

#define FIRST_SIZE 1024
#define WRITE_MAX  256

void proc_append(struct proc_text *text, const char *bytes, size_t len)
{
	if (text->failed)
		return;
	if (text->size - text->len < len) {
		size_t size = max(max(text->size * 2, (size_t)FIRST_SIZE), text->len + len);
		char *buf = krealloc(text->buf, size);
		if (!buf) {
			text->failed = true;
			return;
		}
		text->buf = buf;
		text->size = size;
	}
	memcpy(text->buf + text->len, bytes, len);
	text->len += len;
}

void proc_sink(void *ctx, const char *bytes, size_t len)
{
	proc_append(ctx, bytes, len);
}

void proc_print(struct proc_text *text, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fmt_vformat(proc_sink, text, format, args);
	va_end(args);
}

void proc_pad(struct proc_text *text, size_t line_start, size_t width)
{
	while (!text->failed && text->len - line_start < width)
		proc_append(text, " ", 1);
}

void proc_print_bits(struct proc_text *text, uint64_t set, unsigned count)
{
	unsigned low = min(count, 32u);
	if (count > 32)
		proc_print(text, "%0*lx,", (int)DIV_ROUND_UP(count - 32, 4u), set >> 32);
	proc_print(text, "%0*lx", (int)DIV_ROUND_UP(low, 4u), set & UINT32_MAX);
}

void proc_print_list(struct proc_text *text, uint64_t set)
{
	const char *separator = "";
	while (set) {
		unsigned first = (unsigned)__builtin_ctzll(set), last = first;
		while (last < 63 && set >> (last + 1) & 1)
			last++;
		proc_print(text, last > first ? "%s%u-%u" : "%s%u", separator, first, last);
		set &= last < 63 ? ~0ull << (last + 1) : 0;
		separator = ",";
	}
}

/* file->data of an open file. */
struct proc_reader {
	struct mutex lock;
	bool is_made;
	struct proc_text text; /* lock */
};

/* The file's reader, made at the first read. */
static struct proc_reader *reader_of(struct file *file)
{
	struct proc_reader *reader = atomic_load_acquire((struct proc_reader **)&file->data);
	if (reader)
		return reader;
	struct proc_reader *fresh = kzalloc(sizeof(*fresh));
	if (!fresh)
		return NULL;
	mutex_init(&fresh->lock, "proc file", RANK_NONE);
	void *none = NULL;
	if (atomic_cas(&file->data, &none, fresh))
		return fresh;
	kfree(fresh);
	return none;
}

static void release(struct object *object)
{
	struct proc_reader *reader = file_of(object)->data;
	if (reader) {
		kfree(reader->text.buf);
		kfree(reader);
	}
	file_release(object);
}

/* The part that begins behind `before` bytes. Lock held. */
static int make_part(struct file *file, struct proc_reader *reader, uint64_t before, uint64_t next)
{
	const struct proc_node *node = file->inode->data;
	struct proc_text *text = &reader->text;
	struct proc_subject subject;
	int err = proc_subject_of(node, &subject);
	if (err)
		return err;
	text->len = 0;
	text->before = before;
	text->next = next;
	text->failed = text->has_more = false;
	err = node->entry->show(text, &subject);
	proc_subject_end(&subject);
	if (!err && text->failed)
		err = -ENOMEM;
	reader->is_made = !err;
	return err;
}

/* The part in which `pos` lies, or the last one. Lock held. */
static int find_part(struct file *file, struct proc_reader *reader, uint64_t pos)
{
	struct proc_text *text = &reader->text;
	int err = 0;
	if (!pos || !reader->is_made || pos < text->before)
		err = make_part(file, reader, 0, 0);
	while (!err && text->has_more && pos - text->before >= text->len)
		err = make_part(file, reader, text->before + text->len, text->next);
	return err;
}

static int64_t read(struct object *object, struct io *io, uint64_t *pos)
{
	struct file *file = file_of(object);
	struct proc_reader *reader = reader_of(file);
	if (!reader)
		return -ENOMEM;
	if (mutex_lock_killable(&reader->lock))
		return -EINTR;
	int err = find_part(file, reader, *pos);
	size_t n = 0;
	uint64_t inside = *pos - reader->text.before;
	if (!err && inside < reader->text.len)
		n = io_write(io, reader->text.buf + inside, reader->text.len - inside);
	mutex_unlock(&reader->lock);
	*pos += n;
	return err ? err : io_result(io, n);
}

static int64_t write(struct object *object, struct io *io, uint64_t *pos)
{
	const struct proc_node *node = file_of(object)->inode->data;
	char text[WRITE_MAX];
	struct proc_subject subject;
	if (!node->entry->write)
		return -EIO;
	size_t asked = io->left;
	if (!io_read_line(io, text, sizeof(text)))
		return -EFAULT;
	int err = proc_subject_of(node, &subject);
	if (err)
		return err;
	err = node->entry->write(&subject, text);
	proc_subject_end(&subject);
	if (err)
		return err;
	*pos += asked;
	return (int64_t)asked;
}

static int64_t ioctl(struct object *object, uint64_t request, uaddr_t arg)
{
	const struct proc_node *node = file_of(object)->inode->data;
	struct proc_subject subject;
	if (!node->entry->ioctl)
		return -ENOTTY;
	int64_t result = proc_subject_of(node, &subject);
	if (result)
		return result;
	result = node->entry->ioctl(&subject, request, arg);
	proc_subject_end(&subject);
	return result;
}

static int64_t seek(struct object *object, int64_t offset, int whence)
{
	return whence == SEEK_SET || whence == SEEK_CUR ? object_seek_in(object, offset, whence, 0)
							: -EINVAL;
}

const struct object_ops proc_file_ops = {
    .type = OBJECT_FILE,
    .release = release,
    .free = file_free,
    .read = read,
    .write = write,
    .ioctl = ioctl,
    .seek = seek,
    .stat = file_stat,
    .poll = object_always_ready,
};
