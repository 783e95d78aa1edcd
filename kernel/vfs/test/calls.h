/* What programs do to files, in short, for tests and benchmarks inside the kernel. */
#pragma once

#include <abi/linux/fcntl.h>
#include <lib/string.h>
#include <test/selftest.h>
#include <vfs/vfs.h>

static inline int open_flags(
    const char *path, unsigned flags, unsigned mode, struct object **object)
{
	return vfs_open(
	    AT_FDCWD, path, &(struct open_request){.flags = flags, .mode = mode}, object);
}

/* Opens and closes. */
static inline int try_open(const char *path, unsigned flags)
{
	struct object *object;
	int err = open_flags(path, flags, 0644, &object);
	if (!err)
		object_put(object);
	return err;
}

static inline int mkdir(const char *path)
{
	return vfs_mkdir(AT_FDCWD, path, 0755);
}

static inline int unlink(const char *path)
{
	return vfs_unlink(AT_FDCWD, path, false);
}

static inline int rmdir(const char *path)
{
	return vfs_unlink(AT_FDCWD, path, true);
}

static inline int rename(const char *old, const char *new)
{
	return vfs_rename(AT_FDCWD, old, AT_FDCWD, new, 0);
}

static inline int stat_err(const char *path)
{
	struct kstat stat;
	return vfs_stat_at(AT_FDCWD, path, LOOKUP_FOLLOW, &stat);
}

static inline void put_text(const char *path, const char *text)
{
	struct object *object;
	CHECK_EQ(open_flags(path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &object), 0);
	struct io io = io_kernel((void *)(uintptr_t)text, strlen(text));
	CHECK_EQ(object_write(object, &io), (int64_t)strlen(text));
	object_put(object);
}
