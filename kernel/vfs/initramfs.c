/* The initial ram disk becomes the contents of the root. */
#include "vfs_impl.h"

#include <initrd/initrd.h>
#include <lib/string.h>
#include <log/log.h>
#include <mm/slab.h>

#define HARD_LINKS_MAX 256

/* The first name of a file that has several: the archive has its contents with the last. */
struct hard_link {
	uint32_t dev_major, dev_minor, ino;
	char *path;
};

struct unpack {
	char *path; /* PATH_MAX_LEN */
	struct hard_link *links;
	size_t link_count, failed;
};

static void set_attributes(const char *path, const struct cpio_entry *entry)
{
	struct path place;
	if (vfs_lookup(AT_FDCWD, path, 0, &place))
		return;
	int64_t mtime = (int64_t)entry->mtime * (int64_t)NSEC_PER_SEC;
	struct kstat to = {.mode = entry->mode & 07777, .uid = entry->uid, .gid = entry->gid};
	to.atime_ns = to.mtime_ns = mtime;
	unsigned which = SET_UID | SET_GID | SET_ATIME | SET_MTIME;
	if (!S_IS(entry->mode, S_IFLNK))
		which |= SET_MODE;
	if (vfs_set_attributes(&place, &to, which))
		log_warn("initramfs", "%s: owner and mode not set", path);
	path_put(&place);
}

static int write_file(const char *path, const struct cpio_entry *entry)
{
	struct open_request request = {.flags = O_WRONLY | O_CREAT | O_NOFOLLOW, .mode = 0600};
	if (entry->body_len)
		request.flags |= O_TRUNC; /* not the names of a file whose contents came before */
	struct object *object;
	int err = vfs_open(AT_FDCWD, path, &request, &object);
	if (err)
		return err;
	struct io io = io_kernel((void *)(uintptr_t)entry->body, entry->body_len);
	int64_t n = object_write(object, &io);
	object_put(object);
	return n < 0 ? (int)n : (size_t)n < entry->body_len ? -ENOSPC : 0;
}

static bool is_same_file(const struct hard_link *link, const struct cpio_entry *entry)
{
	return link->ino == entry->ino && link->dev_major == entry->dev_major &&
	       link->dev_minor == entry->dev_minor;
}

/* 1: it is a further name of a file that is there. */
static int make_link(struct unpack *unpack, const char *path, const struct cpio_entry *entry)
{
	for (size_t i = 0; i < unpack->link_count; i++)
		if (is_same_file(&unpack->links[i], entry)) {
			int err = vfs_link(AT_FDCWD, unpack->links[i].path, AT_FDCWD, path, 0);
			return err ? err : 1;
		}
	if (unpack->link_count == HARD_LINKS_MAX)
		return 0; /* becomes a copy */
	size_t len = strlen(path) + 1;
	char *copy = kmalloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, path, len);
	unpack->links[unpack->link_count++] =
	    (struct hard_link){entry->dev_major, entry->dev_minor, entry->ino, copy};
	return 0;
}

static int make_file(struct unpack *unpack, const char *path, const struct cpio_entry *entry)
{
	if (entry->nlink > 1) {
		int made = make_link(unpack, path, entry);
		if (made < 0 || (made && !entry->body_len))
			return made < 0 ? made : 0;
	}
	return write_file(path, entry);
}

static int make_symlink(const char *path, const struct cpio_entry *entry)
{
	if (entry->body_len >= PATH_MAX_LEN)
		return -ENAMETOOLONG;
	char *target = kmalloc(entry->body_len + 1);
	if (!target)
		return -ENOMEM;
	memcpy(target, entry->body, entry->body_len);
	target[entry->body_len] = '\0';
	int err = vfs_symlink(target, AT_FDCWD, path);
	kfree(target);
	return err;
}

static int make(struct unpack *unpack, const char *path, const struct cpio_entry *entry)
{
	int err;
	switch (entry->mode & S_IFMT) {
	case S_IFDIR: err = vfs_mkdir(AT_FDCWD, path, 0755); return err == -EEXIST ? 0 : err;
	case S_IFREG: return make_file(unpack, path, entry);
	case S_IFLNK: return make_symlink(path, entry);
	default:
		return vfs_create(AT_FDCWD, path, entry->mode,
		    DEVICE_NUMBER(entry->rdev_major, entry->rdev_minor));
	}
}

static int unpack_entry(const struct cpio_entry *entry, void *ctx)
{
	struct unpack *unpack = ctx;
	const char *name = entry->name;
	while (*name == '/' || (name[0] == '.' && name[1] == '/'))
		name++;
	int err = 0;
	if (strlen(name) + 2 > PATH_MAX_LEN) {
		err = -ENAMETOOLONG;
	} else {
		unpack->path[0] = '/';
		memcpy(unpack->path + 1, name, strlen(name) + 1);
		bool is_root = !*name || strcmp(name, ".") == 0;
		err = is_root ? 0 : make(unpack, unpack->path, entry);
		/* A later archive may replace what an earlier one brought. */
		if (err == -EEXIST && !S_IS(entry->mode, S_IFDIR) &&
		    !vfs_unlink(AT_FDCWD, unpack->path, false))
			err = make(unpack, unpack->path, entry);
		if (!err)
			set_attributes(unpack->path, entry);
	}
	if (err) {
		log_warn("initramfs", "%s: error %d", name, -err);
		unpack->failed++;
	}
	return err == -ENOMEM || err == -ENOSPC ? err : 0;
}

void vfs_unpack_initramfs(void)
{
	struct unpack unpack = {0};
	unpack.path = kmalloc(PATH_MAX_LEN);
	unpack.links = kmalloc_array(HARD_LINKS_MAX, sizeof(unpack.links[0]));
	if (!unpack.path || !unpack.links || initrd_for_each(unpack_entry, &unpack))
		log_err("initramfs", "too little memory: the root is not complete");
	else if (unpack.failed)
		log_warn("initramfs", "%zu entries were left out", unpack.failed);
	for (size_t i = 0; i < unpack.link_count; i++)
		kfree(unpack.links[i].path);
	kfree(unpack.links);
	kfree(unpack.path);
	initrd_release();
}
