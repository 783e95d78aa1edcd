/* What the calls that take paths share. */
#pragma once

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <posixx/syscalls.h>
#include <vfs/vfs.h>

/* A place by an *at call's fd, path and flags: AT_EMPTY_PATH and AT_SYMLINK_NOFOLLOW are understood. With references. */
MUST_USE int place_from_user(int dir, uaddr_t path, unsigned flags, struct path *place);
/* The place of an open file; -EBADF when it is no file. */
MUST_USE int place_of_fd(int fd, struct path *place);
/* What open(2) has opened, into the table of capabilities; the object is gone when that fails. */
MUST_USE int64_t path_install(struct object *object, unsigned flags);
