/* Names, files and mounts, in a directory of the root file system that each test makes and removes. */
#include "calls.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <lib/fmt.h>
#include <lib/random.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <test/crew.h>
#include <test/selftest.h>
#include <vfs/vfs.h>

static struct kstat stat_of(const char *path)
{
	struct kstat stat = {0};
	CHECK_EQ(vfs_stat_at(AT_FDCWD, path, 0, &stat), 0);
	return stat;
}

static bool has_text(const char *path, const char *text)
{
	struct object *object;
	char buf[64] = {0};
	CHECK_EQ(open_flags(path, O_RDONLY, 0, &object), 0);
	struct io io = io_kernel(buf, sizeof(buf) - 1);
	int64_t n = object_read(object, &io);
	object_put(object);
	return n == (int64_t)strlen(text) && strcmp(buf, text) == 0;
}

SELFTEST(vfs_opens_as_asked)
{
	CHECK_EQ(mkdir("/t"), 0);
	CHECK_EQ(try_open("/t/a", O_RDONLY), -ENOENT);
	CHECK_EQ(try_open("/t/a", O_RDWR | O_CREAT), 0);
	CHECK_EQ(try_open("/t/a", O_RDWR | O_CREAT | O_EXCL), -EEXIST);
	CHECK_EQ(try_open("/t/a/b", O_RDONLY), -ENOTDIR);
	CHECK_EQ(try_open("/t/a/", O_RDONLY), -ENOTDIR);
	CHECK_EQ(try_open("/t/a", O_DIRECTORY), -ENOTDIR);
	CHECK_EQ(try_open("/t", O_DIRECTORY), 0);
	CHECK_EQ(try_open("/t", O_WRONLY), -EISDIR);
	CHECK_EQ(try_open("/t", O_RDONLY | O_CREAT), -EISDIR);
	CHECK_EQ(try_open("/t/new/", O_RDWR | O_CREAT), -EISDIR);
	CHECK_EQ(try_open("/t/.", O_RDONLY), 0);
	CHECK_EQ(try_open("/t/x", O_CREAT | O_DIRECTORY), -EINVAL);
	CHECK_EQ(try_open("", O_RDONLY), -ENOENT);
	CHECK_EQ(try_open("/t/none/x", O_RDWR | O_CREAT), -ENOENT);
	CHECK_EQ(vfs_symlink("a", AT_FDCWD, "/t/l"), 0);
	CHECK_EQ(try_open("/t/l", O_RDONLY), 0);
	CHECK_EQ(try_open("/t/l", O_RDONLY | O_NOFOLLOW), -ELOOP);
	CHECK_EQ(try_open("/t/l", O_PATH | O_NOFOLLOW), 0);
	CHECK_EQ(try_open("/t/l", O_CREAT | O_EXCL | O_RDWR), -EEXIST);
	/* A file without a name, and one made through a link that leads nowhere yet. */
	CHECK_EQ(try_open("/t", O_TMPFILE | O_RDWR), 0);
	CHECK_EQ(try_open("/t", O_TMPFILE), -EINVAL);
	CHECK_EQ(vfs_symlink("made", AT_FDCWD, "/t/dangling"), 0);
	CHECK_EQ(try_open("/t/dangling", O_RDONLY), -ENOENT);
	CHECK_EQ(try_open("/t/dangling", O_RDWR | O_CREAT), 0);
	CHECK_EQ(stat_err("/t/made"), 0);
	CHECK_EQ(unlink("/t"), -EISDIR);
	CHECK_EQ(rmdir("/t/a"), -ENOTDIR);
	CHECK_EQ(rmdir("/t"), -ENOTEMPTY);
	CHECK_EQ(unlink("/t/a"), 0);
	CHECK_EQ(unlink("/t/a"), -ENOENT);
	CHECK_EQ(unlink("/t/l"), 0);
	CHECK_EQ(unlink("/t/dangling"), 0);
	CHECK_EQ(unlink("/t/made"), 0);
	CHECK_EQ(rmdir("/t"), 0);
	CHECK_EQ(rmdir("/t"), -ENOENT);
}

SELFTEST(vfs_follows_links_within_limits)
{
	char name[32], target[32];
	CHECK_EQ(mkdir("/t"), 0);
	put_text("/t/0", "end");
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "/t/%d", i);
		snprintf(target, sizeof(target), "%d", i - 1);
		CHECK_EQ(vfs_symlink(target, AT_FDCWD, name), 0);
	}
	CHECK_EQ(stat_err("/t/40"), 0);
	CHECK_EQ(stat_err("/t/41"), -ELOOP);
	CHECK(has_text("/t/40", "end"));
	CHECK_EQ(vfs_symlink("self", AT_FDCWD, "/t/self"), 0);
	CHECK_EQ(stat_err("/t/self"), -ELOOP);
	CHECK_EQ(stat_err("/t/self/x"), -ELOOP);
	CHECK_EQ(vfs_symlink("/t", AT_FDCWD, "/t/up"), 0);
	CHECK(has_text("/t/up/up/../t/up/0", "end"));
	CHECK_EQ(stat_err("/t/up/"), 0);
	CHECK_EQ(stat_err("/t/1/"), -ENOTDIR);
	CHECK_EQ(stat_err("/../../t/./0"), 0);
	CHECK(S_IS(stat_of("/t/up").mode, S_IFLNK));
	CHECK(S_IS(stat_of("/t/up/").mode, S_IFDIR));
	CHECK_EQ(stat_of("/t/up").size, 2);
	for (int i = 0; i <= 41; i++) {
		snprintf(name, sizeof(name), "/t/%d", i);
		CHECK_EQ(unlink(name), 0);
	}
	CHECK_EQ(unlink("/t/self"), 0);
	CHECK_EQ(unlink("/t/up"), 0);
	CHECK_EQ(rmdir("/t"), 0);
}

SELFTEST(vfs_takes_names_of_255_bytes)
{
	char *path = kzalloc(PATH_MAX_LEN);
	CHECK(path);
	CHECK_EQ(mkdir("/t"), 0);
	memcpy(path, "/t/", 3);
	memset(path + 3, 'n', 255);
	CHECK_EQ(try_open(path, O_RDWR | O_CREAT), 0);
	CHECK_EQ(stat_err(path), 0);
	CHECK_EQ(rename(path, "/t/short"), 0);
	CHECK_EQ(stat_err(path), -ENOENT);
	CHECK_EQ(rename("/t/short", path), 0);
	CHECK_EQ(unlink(path), 0);
	path[3 + 255] = 'n';
	CHECK_EQ(try_open(path, O_RDWR | O_CREAT), -ENAMETOOLONG);
	CHECK_EQ(stat_err(path), -ENAMETOOLONG);
	CHECK_EQ(mkdir(path), -ENAMETOOLONG);
	CHECK_EQ(rename("/t", path), -ENAMETOOLONG);
	CHECK_EQ(rmdir("/t"), 0);
	kfree(path);
}

SELFTEST(vfs_renames_as_posix_says)
{
	CHECK_EQ(mkdir("/t"), 0);
	CHECK_EQ(mkdir("/t/d"), 0);
	CHECK_EQ(mkdir("/t/d/e"), 0);
	CHECK_EQ(mkdir("/t/empty"), 0);
	put_text("/t/f", "f");
	put_text("/t/g", "g");
	CHECK_EQ(rename("/t/f", "/t/g"), 0);
	CHECK(has_text("/t/g", "f"));
	CHECK_EQ(stat_err("/t/f"), -ENOENT);
	CHECK_EQ(rename("/t/g", "/t/d"), -EISDIR);
	CHECK_EQ(rename("/t/d", "/t/g"), -ENOTDIR);
	CHECK_EQ(rename("/t/empty", "/t/d"), -ENOTEMPTY);
	CHECK_EQ(rename("/t/d", "/t/d/e/x"), -EINVAL);
	CHECK_EQ(rename("/t/d", "/t/d/x"), -EINVAL);
	CHECK_EQ(rename("/t/d/e", "/t/d"), -ENOTEMPTY);
	CHECK_EQ(rename("/t/none", "/t/x"), -ENOENT);
	CHECK_EQ(rename("/t/d/.", "/t/x"), -EBUSY);
	CHECK_EQ(rename("/t/g", "/t/new/"), -ENOTDIR);
	CHECK_EQ(rename("/t/d", "/t/new/"), 0);
	CHECK_EQ(rename("/t/new", "/t/d"), 0);
	CHECK_EQ(rename("/t/d/e", "/t/empty"), 0); /* an empty one may be replaced */
	CHECK_EQ(stat_err("/t/d/e"), -ENOENT);
	CHECK_EQ(stat_of("/t").nlink, 4);
	CHECK_EQ(stat_of("/t/d").nlink, 2);
	CHECK_EQ(rename("/t/empty", "/t/d/e"), 0);
	CHECK_EQ(stat_of("/t/d").nlink, 3);
	CHECK_EQ(unlink("/t/g"), 0);
	CHECK_EQ(rmdir("/t/d/e"), 0);
	CHECK_EQ(rmdir("/t/d"), 0);
	CHECK_EQ(rmdir("/t"), 0);
}

SELFTEST(vfs_renames_by_flags_and_links)
{
	CHECK_EQ(mkdir("/t"), 0);
	CHECK_EQ(mkdir("/t/d"), 0);
	CHECK_EQ(mkdir("/t/d/e"), 0);
	put_text("/t/g", "f");
	CHECK_EQ(vfs_rename(AT_FDCWD, "/t/g", AT_FDCWD, "/t/d", RENAME_NOREPLACE), -EEXIST);
	CHECK_EQ(vfs_rename(AT_FDCWD, "/t/g", AT_FDCWD, "/t/d/e", RENAME_EXCHANGE), 0);
	CHECK(S_IS(stat_of("/t/g").mode, S_IFDIR));
	CHECK(has_text("/t/d/e", "f"));
	CHECK_EQ(vfs_rename(AT_FDCWD, "/t/g", AT_FDCWD, "/t/none", RENAME_EXCHANGE), -ENOENT);
	/* Two names of one file. */
	CHECK_EQ(vfs_link(AT_FDCWD, "/t/d/e", AT_FDCWD, "/t/other", 0), 0);
	CHECK_EQ(rename("/t/other", "/t/d/e"), 0);
	CHECK_EQ(stat_of("/t/other").nlink, 2);
	CHECK_EQ(stat_of("/t/other").ino, stat_of("/t/d/e").ino);
	CHECK_EQ(unlink("/t/other"), 0);
	CHECK_EQ(stat_of("/t/d/e").nlink, 1);
	CHECK_EQ(unlink("/t/d/e"), 0);
	CHECK_EQ(rmdir("/t/d"), 0);
	CHECK_EQ(rmdir("/t/g"), 0);
	CHECK_EQ(rmdir("/t"), 0);
}

SELFTEST(vfs_reads_what_was_written)
{
	struct object *object;
	uint64_t random = selftest_seed();
	static const uint64_t SIZE = 40000;
	uint8_t *shadow = kzalloc(SIZE), *buf = kmalloc(SIZE);
	CHECK(shadow && buf);
	CHECK_EQ(open_flags("/t", O_RDWR | O_CREAT, 0644, &object), 0);
	uint64_t size = 0;
	for (int i = 0; i < 300; i++) {
		uint64_t at = random_next(&random) % SIZE,
			 len = random_next(&random) % min((uint64_t)9000, SIZE - at);
		struct io io;
		switch (random_next(&random) % 4) {
		case 0:
		case 1:
			memset(shadow + at, i, len);
			io = io_kernel(shadow + at, len);
			CHECK_EQ(object_pwrite(object, &io, at), (int64_t)len);
			size = len ? max(size, at + len) : size;
			break;
		case 2:
			CHECK_EQ(object->ops->truncate(object, at), 0);
			memset(shadow + at, 0, SIZE - at);
			size = at;
			break;
		default: break;
		}
		io = io_kernel(buf, SIZE);
		CHECK_EQ(object_pread(object, &io, 0), (int64_t)size);
		CHECK_EQ(memcmp(buf, shadow, size), 0);
	}
	CHECK_EQ(object_seek(object, 0, SEEK_END), (int64_t)size);
	CHECK_EQ(object_seek(object, -1, SEEK_SET), -EINVAL);
	object_put(object);
	CHECK_EQ(unlink("/t"), 0);
	kfree(shadow);
	kfree(buf);
}

SELFTEST(vfs_keeps_deleted_files_until_closed)
{
	struct object *object;
	char text[64];
	int err;
	put_text("/t", "still here");
	CHECK_EQ(open_flags("/t", O_RDONLY, 0, &object), 0);
	CHECK_EQ(unlink("/t"), 0);
	CHECK_EQ(stat_err("/t"), -ENOENT);
	struct io io = io_kernel(text, sizeof(text));
	CHECK_EQ(object_read(object, &io), 10);
	struct kstat stat;
	CHECK_EQ(object->ops->stat(object, &stat), 0);
	CHECK_EQ(stat.nlink, 0);
	char *name = vfs_path_name(&file_of(object)->path, text, sizeof(text), &err);
	CHECK(name && strcmp(name, "/t (deleted)") == 0);
	object_put(object);
}

struct seen {
	unsigned count, stop_after;
	uint64_t names; /* a bit for each "N" */
};

static bool see(
    void *ctx, const char *name, size_t len, uint64_t ino, unsigned type, uint64_t next_pos)
{
	struct seen *seen = ctx;
	(void)next_pos;
	if (!seen->stop_after)
		return false;
	seen->stop_after--;
	CHECK(ino);
	CHECK(type);
	if (name[0] != '.') {
		unsigned number = 0;
		for (size_t i = 0; i < len; i++)
			number = number * 10 + (unsigned)(name[i] - '0');
		CHECK(!(seen->names >> number & 1));
		seen->names |= 1ull << number;
	}
	seen->count++;
	return true;
}

/* In pieces of 3, while others go and come. */
SELFTEST(vfs_lists_each_name_once)
{
	char name[16];
	struct object *dir;
	CHECK_EQ(mkdir("/t"), 0);
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "/t/%d", i);
		CHECK_EQ(try_open(name, O_RDWR | O_CREAT), 0);
	}
	CHECK_EQ(open_flags("/t", O_RDONLY | O_DIRECTORY, 0, &dir), 0);
	struct seen seen = {0};
	uint64_t pos = 0;
	for (unsigned before = 1; before != seen.count;) {
		before = seen.count;
		seen.stop_after = 3;
		CHECK_EQ(dir->ops->list(dir, &pos, see, &seen), 0);
		if (before == 12) {
			CHECK_EQ(unlink("/t/10"), 0);
			CHECK_EQ(unlink("/t/40"), 0);
		}
	}
	CHECK_EQ(seen.count, 2 + 50 - 1 - (seen.names >> 10 & 1 ? 0 : 1));
	CHECK(!(seen.names >> 40 & 1));
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "/t/%d", i);
		CHECK_EQ(unlink(name), i == 10 || i == 40 ? -ENOENT : 0);
	}
	CHECK_EQ(rmdir("/t"), 0);
	CHECK_EQ(dir->ops->list(dir, &pos, see, &seen), -ENOENT);
	object_put(dir);
}

SELFTEST(vfs_mounts_and_unmounts)
{
	struct path path;
	char buf[64];
	int err;
	CHECK_EQ(mkdir("/t"), 0);
	put_text("/t/below", "x");
	CHECK_EQ(vfs_mount("none", "/t", "nosuchfs", 0, NULL), -ENODEV);
	CHECK_EQ(vfs_mount("none", "/t", "tmpfs", 0, "size=zzz"), -EINVAL);
	CHECK_EQ(vfs_mount("none", "/t", "tmpfs", 0, "size=64k,mode=700"), 0);
	CHECK_EQ(stat_err("/t/below"), -ENOENT);
	CHECK_EQ(stat_of("/t").mode, S_IFDIR | 0700);
	CHECK_EQ(stat_err("/t/../t"), 0);
	CHECK_EQ(stat_of("/t/..").ino, stat_of("/").ino);
	CHECK_EQ(mkdir("/t/d"), 0);
	CHECK_EQ(vfs_link(AT_FDCWD, "/t/d", AT_FDCWD, "/x", 0), -EXDEV);
	CHECK_EQ(rename("/t/d", "/d"), -EXDEV);
	CHECK_EQ(rmdir("/t"), -EBUSY);
	CHECK_EQ(vfs_lookup(AT_FDCWD, "/t/d", 0, &path), 0);
	const char *name = vfs_path_name(&path, buf, sizeof(buf), &err);
	CHECK(name && strcmp(name, "/t/d") == 0);
	CHECK_EQ(vfs_unmount("/t", 0), -EBUSY);
	path_put(&path);
	/* Full: 16 pages. */
	struct object *object;
	CHECK_EQ(open_flags("/t/f", O_WRONLY | O_CREAT, 0644, &object), 0);
	int64_t n, total = 0;
	do {
		struct io io = io_kernel(buf, sizeof(buf));
		n = object_write(object, &io);
		total += n > 0 ? n : 0;
	} while (n > 0);
	CHECK_EQ(n, -ENOSPC);
	CHECK_EQ(total, 65536);
	object_put(object);
	CHECK_EQ(vfs_mount("none", "/t", "", 32 | 1, NULL), 0); /* remounted read-only */
	CHECK_EQ(try_open("/t/f", O_WRONLY), -EROFS);
	CHECK_EQ(unlink("/t/f"), -EROFS);
	CHECK_EQ(mkdir("/t/e"), -EROFS);
	CHECK_EQ(try_open("/t/f", O_RDONLY), 0);
	CHECK_EQ(vfs_unmount("/t/d", 0), -EINVAL);
	CHECK_EQ(vfs_unmount("/t", 0), 0);
	CHECK_EQ(stat_err("/t/below"), 0);
	CHECK_EQ(unlink("/t/below"), 0);
	CHECK_EQ(rmdir("/t"), 0);
}

SELFTEST(vfs_detaches_mounts_in_use)
{
	struct path path;
	CHECK_EQ(mkdir("/t"), 0);
	CHECK_EQ(vfs_mount("none", "/t", "tmpfs", 0, NULL), 0);
	CHECK_EQ(mkdir("/t/m"), 0);
	CHECK_EQ(vfs_mount("none", "/t/m", "tmpfs", 0, NULL), 0);
	put_text("/t/m/f", "f");
	CHECK_EQ(vfs_unmount("/t", 0), -EBUSY);
	CHECK_EQ(vfs_lookup(AT_FDCWD, "/t/m/f", 0, &path), 0);
	CHECK_EQ(vfs_unmount("/t", 2), 0);
	CHECK_EQ(stat_err("/t/m"), -ENOENT);
	CHECK_EQ(rmdir("/t"), 0);
	path_put(&path);
}

/* Out of memory at each allocation in turn: an error, and nothing is left over. */
SELFTEST_TIMEOUT(vfs_survives_failing_allocations, 120)
{
	static int (*const steps[])(const char *) = {mkdir, rmdir};
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		for (unsigned nth = 1;; nth++) {
			alloc_fail_after(nth);
			int err = steps[i]("/t");
			bool has_fired = alloc_fail_after(0);
			CHECK(!err || (has_fired && err == -ENOMEM));
			if (!err)
				break;
			CHECK(nth < 50);
		}
	for (unsigned nth = 1;; nth++) {
		struct object *object;
		dentry_cache_trim(SIZE_MAX);
		alloc_fail_after(nth);
		int err = open_flags("/f", O_RDWR | O_CREAT, 0644, &object);
		alloc_fail_after(0);
		CHECK(!err || err == -ENOMEM);
		if (!err) {
			object_put(object);
			break;
		}
	}
	CHECK_EQ(unlink("/f"), 0);
}

/* Some rename a tree to and fro, others walk it: a walk ends in the tree or nowhere. */
static void walk_or_rename(struct crew_member *self)
{
	char from[32], to[32];
	for (uint64_t i = 0; i < self->rounds; i++) {
		unsigned a = random_next(&self->random) % 4, b = random_next(&self->random) % 4;
		snprintf(from, sizeof(from), "/t/%u/sub", a);
		snprintf(to, sizeof(to), "/t/%u/sub", b);
		int err;
		if (self->index % 2) {
			err = rename(from, to);
			CHECK(!err || err == -ENOENT);
		} else {
			struct kstat stat;
			snprintf(to, sizeof(to), "/t/%u/sub/deep/../deep/f", a);
			err = vfs_stat_at(AT_FDCWD, to, 0, &stat);
			CHECK(!err || err == -ENOENT);
			CHECK(err || stat.size == 4);
			snprintf(to, sizeof(to), "/t/%u/f%u", a, self->index);
			CHECK_EQ(try_open(to, O_RDWR | O_CREAT), 0);
			CHECK_EQ(unlink(to), 0);
		}
	}
}

SELFTEST_TIMEOUT(vfs_walks_while_trees_move, 120)
{
	char name[16];
	CHECK_EQ(mkdir("/t"), 0);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "/t/%u", i);
		CHECK_EQ(mkdir(name), 0);
	}
	CHECK_EQ(mkdir("/t/0/sub"), 0);
	CHECK_EQ(mkdir("/t/0/sub/deep"), 0);
	put_text("/t/0/sub/deep/f", "deep");
	crew_run(4, selftest_rounds(1500), walk_or_rename);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "/t/%u/sub", i);
		if (stat_err(name) == 0)
			CHECK_EQ(rename(name, "/t/sub"), 0);
		snprintf(name, sizeof(name), "/t/%u", i);
		CHECK_EQ(rmdir(name), 0);
	}
	CHECK_EQ(unlink("/t/sub/deep/f"), 0);
	CHECK_EQ(rmdir("/t/sub/deep"), 0);
	CHECK_EQ(rmdir("/t/sub"), 0);
	CHECK_EQ(rmdir("/t"), 0);
}
