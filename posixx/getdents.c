/* Calls that list directories: getdents64(2), getdents(2). */
#include "path_impl.h"

#include <abi/linux/structs.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <object/capability.h>
#include <wait/interruptible.h>

/* Of an entry in either form, with the NUL: the old one has the type in its last byte, the new one in front of the name. */
#define DIRENT_LEN(name_len) ALIGN_UP(offsetof(struct linux_dirent64, name) + (name_len) + 1, 8)

/* Entries are gathered in kernel memory and copied in large pieces. */
struct listing {
	char *buf;      /* PATH_MAX_LEN */
	char *at, *end; /* where the next entry goes, and how far it may reach */
	uaddr_t user;
	size_t left, total; /* bytes of the caller's buffer: behind `end`; already filled */
	bool is_old;        /* getdents, not getdents64 */
	int err;
};

static void begin_piece(struct listing *listing)
{
	size_t len = min(listing->left, (size_t)PATH_MAX_LEN);
	listing->left -= len;
	listing->at = listing->buf;
	listing->end = listing->buf + len;
}

static bool flush(struct listing *listing)
{
	size_t used = (size_t)(listing->at - listing->buf);
	if (copy_to_user(listing->user, listing->buf, used)) {
		listing->err = -EFAULT;
		return false;
	}
	listing->user = uaddr_add(listing->user, used);
	listing->total += used;
	listing->left += (size_t)(listing->end - listing->at);
	begin_piece(listing);
	return true;
}

/* Makes room for an entry of `len` bytes, if the caller has any. */
static NOINLINE bool make_room(struct listing *listing, size_t len)
{
	if (len <= listing->left + (size_t)(listing->end - listing->at))
		return flush(listing);
	if (!listing->total && listing->at == listing->buf)
		listing->err = -EINVAL;
	return false;
}

static bool emit(
    void *ctx, const char *name, size_t name_len, uint64_t ino, unsigned type, uint64_t next_pos);

/* When the buffer is full. Apart, so that emit itself needs no stack. */
static NOINLINE bool emit_in_next_piece(
    void *ctx, const char *name, size_t name_len, uint64_t ino, unsigned type, uint64_t next_pos)
{
	return make_room(ctx, DIRENT_LEN(name_len)) &&
	       emit(ctx, name, name_len, ino, type, next_pos);
}

static bool emit(
    void *ctx, const char *name, size_t name_len, uint64_t ino, unsigned type, uint64_t next_pos)
{
	struct listing *listing = ctx;
	size_t len = DIRENT_LEN(name_len);
	if (unlikely(len > (size_t)(listing->end - listing->at)))
		return emit_in_next_piece(ctx, name, name_len, ino, type, next_pos);
	struct linux_dirent64 *entry = (struct linux_dirent64 *)listing->at;
	listing->at += len;
	char *text = entry->name - listing->is_old, *end = listing->at;
	__builtin_memset(end - 8, 0, 8); /* the padding */
	entry->ino = ino;
	entry->next = (int64_t)next_pos;
	entry->len = (uint16_t)len;
	*(listing->is_old ? end - 1 : text - 1) = (char)type;
	copy_short(text, name, name_len);
	text[name_len] = '\0';
	return true;
}

/* The position moves behind what was taken; a fault gives back the whole call. */
static int64_t list(struct object *object, struct listing *listing)
{
	if (mutex_lock_killable(&object->pos_lock))
		return -EINTR;
	uint64_t pos = object->pos;
	int64_t result = object->ops->list(object, &pos, emit, listing);
	if (!result)
		result = listing->err;
	if (!result && listing->at != listing->buf && !flush(listing))
		result = -EFAULT;
	if (!result) {
		object->pos = pos;
		result = (int64_t)listing->total;
	}
	mutex_unlock(&object->pos_lock);
	return result;
}

/* An O_PATH descriptor lists nothing, nor does what is no directory. */
static int why_not_listed(int fd, int err)
{
	struct cap_ref ref = cap_lookup(fd, 0);
	if (!ref.object)
		return ref.err;
	if (!ref.object->ops->list)
		err = ref.object->flags & O_PATH ? -EBADF : -ENOTDIR;
	cap_release(ref);
	return err;
}

/* Only directories come with the right. */
static int64_t do_getdents(int fd, uaddr_t buf, size_t count, bool is_old)
{
	struct cap_ref ref = cap_lookup(fd, RIGHT_LIST);
	if (!ref.object)
		return why_not_listed(fd, ref.err);
	struct listing listing = {
	    .user = buf, .left = min(count, (size_t)INT32_MAX), .is_old = is_old};
	int64_t result = -ENOMEM;
	if (!user_range_ok(buf, count)) {
		result = -EFAULT;
	} else if ((listing.buf = kmalloc(PATH_MAX_LEN))) {
		begin_piece(&listing);
		result = list(ref.object, &listing);
	}
	kfree(listing.buf);
	cap_release(ref);
	return result;
}

int64_t sys_getdents64(int fd, uaddr_t buf, size_t count)
{
	return do_getdents(fd, buf, count, false);
}

int64_t sys_getdents(int fd, uaddr_t buf, unsigned count)
{
	return do_getdents(fd, buf, count, true);
}
