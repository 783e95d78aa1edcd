/* Calls that change what a file is: chmod(2), chown(2), utimensat(2), truncate(2). stat.c shows it. */
#include "path_impl.h"

#include <abi/linux/structs.h>
#include <object/capability.h>
#include <time/clock.h>

/* Changes at a place, whose references end here. */
static int64_t change(int err, struct path *place, struct kstat *to, unsigned which)
{
	if (err)
		return err;
	err = vfs_set_attributes(place, to, which);
	path_put(place);
	return err;
}

/* Of an open file, but not of one that O_PATH opened. */
static int changeable_fd(int fd, struct path *place)
{
	struct cap_ref ref = cap_lookup(fd, RIGHT_CHANGE);
	if (!ref.object)
		return ref.err;
	cap_release(ref);
	return place_of_fd(fd, place);
}

int64_t sys_fchmodat2(int dir, uaddr_t path, unsigned mode, unsigned flags)
{
	if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	struct path place;
	int err = place_from_user(dir, path, flags, &place);
	/* A link has no mode of its own. */
	if (!err && S_IS(place.dentry->inode->mode, S_IFLNK)) {
		path_put(&place);
		err = -EOPNOTSUPP;
	}
	return change(err, &place, &(struct kstat){.mode = mode}, SET_MODE);
}

int64_t sys_fchmodat(int dir, uaddr_t path, unsigned mode)
{
	return sys_fchmodat2(dir, path, mode, 0);
}

int64_t sys_chmod(uaddr_t path, unsigned mode)
{
	return sys_fchmodat2(AT_FDCWD, path, mode, 0);
}

int64_t sys_fchmod(int fd, unsigned mode)
{
	struct path place;
	int err = changeable_fd(fd, &place);
	return change(err, &place, &(struct kstat){.mode = mode}, SET_MODE);
}

/* -1 leaves an id as it is. */
static unsigned owner_bits(unsigned uid, unsigned gid)
{
	return (uid != UINT32_MAX ? SET_UID : 0u) | (gid != UINT32_MAX ? SET_GID : 0u);
}

int64_t sys_fchownat(int dir, uaddr_t path, unsigned uid, unsigned gid, unsigned flags)
{
	if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	struct path place;
	int err = place_from_user(dir, path, flags, &place);
	return change(err, &place, &(struct kstat){.uid = uid, .gid = gid}, owner_bits(uid, gid));
}

int64_t sys_chown(uaddr_t path, unsigned uid, unsigned gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

int64_t sys_lchown(uaddr_t path, unsigned uid, unsigned gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

int64_t sys_fchown(int fd, unsigned uid, unsigned gid)
{
	struct path place;
	int err = changeable_fd(fd, &place);
	return change(err, &place, &(struct kstat){.uid = uid, .gid = gid}, owner_bits(uid, gid));
}

#define UTIME_NOW  0x3fffffffll
#define UTIME_OMIT 0x3ffffffell

/* The two times of a call, in nanoseconds since 1970, and which of them are set. */
struct times {
	struct kstat to;
	unsigned which;
};

static const struct linux_timespec both_now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};

static int64_t nanoseconds_of(struct linux_timespec time)
{
	int64_t ns;
	if (mul_overflows(time.seconds, (int64_t)NSEC_PER_SEC, &ns) ||
	    add_overflows(ns, time.nanoseconds, &ns))
		return time.seconds < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

static int decode_times(const struct linux_timespec *in, struct times *times)
{
	int64_t now = (int64_t)unix_time_ns(), ns[2];
	unsigned now_count = 0;
	static const unsigned bits[2] = {SET_ATIME, SET_MTIME};
	times->which = 0;
	for (unsigned i = 0; i < 2; i++) {
		if (in[i].nanoseconds == UTIME_OMIT)
			continue;
		times->which |= bits[i];
		if (in[i].nanoseconds == UTIME_NOW) {
			now_count++;
			ns[i] = now;
			continue;
		}
		if (in[i].nanoseconds < 0 || in[i].nanoseconds >= (int64_t)NSEC_PER_SEC)
			return -EINVAL;
		ns[i] = nanoseconds_of(in[i]);
	}
	times->to = (struct kstat){0};
	if (times->which & SET_ATIME)
		times->to.atime_ns = ns[0];
	if (times->which & SET_MTIME)
		times->to.mtime_ns = ns[1];
	if (now_count == 2)
		times->which |= SET_TO_NOW;
	return 0;
}

static int64_t set_times(int dir, uaddr_t path, const struct linux_timespec *in, unsigned flags)
{
	struct times times;
	struct path place;
	int err = decode_times(in, &times);
	if (err)
		return err;
	if (!times.which)
		return 0;
	if (uaddr_is_null(path) && dir != AT_FDCWD)
		err = changeable_fd(dir, &place);
	else
		err = place_from_user(dir, path, flags, &place);
	return change(err, &place, &times.to, times.which);
}

int64_t sys_utimensat(int dir, uaddr_t path, uaddr_t user, unsigned flags)
{
	struct linux_timespec in[2] = {0};
	if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!uaddr_is_null(user) && copy_from_user(in, user, sizeof(in)))
		return -EFAULT;
	return set_times(dir, path, uaddr_is_null(user) ? both_now : in, flags);
}

int64_t sys_futimesat(int dir, uaddr_t path, uaddr_t user)
{
	struct linux_timeval in[2];
	struct linux_timespec out[2];
	if (uaddr_is_null(user))
		return set_times(dir, path, both_now, 0);
	if (copy_from_user(in, user, sizeof(in)))
		return -EFAULT;
	for (unsigned i = 0; i < 2; i++) {
		if (in[i].microseconds < 0 || in[i].microseconds >= 1000000)
			return -EINVAL;
		out[i] = (struct linux_timespec){in[i].seconds, in[i].microseconds * 1000};
	}
	return set_times(dir, path, out, 0);
}

int64_t sys_utimes(uaddr_t path, uaddr_t user)
{
	return sys_futimesat(AT_FDCWD, path, user);
}

int64_t sys_utime(uaddr_t path, uaddr_t user)
{
	int64_t in[2];
	if (uaddr_is_null(user))
		return set_times(AT_FDCWD, path, both_now, 0);
	if (copy_from_user(in, user, sizeof(in)))
		return -EFAULT;
	struct linux_timespec out[2] = {{in[0], 0}, {in[1], 0}};
	return set_times(AT_FDCWD, path, out, 0);
}

int64_t sys_truncate(uaddr_t path, int64_t length)
{
	if (length < 0)
		return -EINVAL;
	struct path place;
	int err = vfs_lookup_user(AT_FDCWD, path, LOOKUP_FOLLOW, &place);
	if (err)
		return err;
	err = vfs_truncate(&place, (uint64_t)length);
	path_put(&place);
	return err;
}
