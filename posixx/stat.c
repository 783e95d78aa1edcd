/* Calls that show what a file is: stat(2), statx(2). */
#include "path_impl.h"

#include <abi/linux/structs.h>
#include <object/capability.h>
#include <time/clock.h>

/* 2^90 / 10^9, rounded up: the high half of a product with it, without 26 bits more, is exact for all that is not negative. */
#define SECONDS_FACTOR 0x112e0be826d694b3
#define SECONDS_SHIFT  (64 + 26)

static ALWAYS_INLINE struct linux_timespec timespec_of(int64_t ns)
{
	int64_t seconds;
	if (likely(ns >= 0))
		seconds = (int64_t)((__int128)ns * SECONDS_FACTOR >> SECONDS_SHIFT);
	else
		seconds = (ns + 1) / (int64_t)NSEC_PER_SEC - 1;
	return (struct linux_timespec){seconds, ns - seconds * (int64_t)NSEC_PER_SEC};
}

/* Each field straight to where the program wants it: a structure of our own would only be copied. */
#define PUT(field, value) user_store_field(buf, struct linux_stat, field, value, fault)
static int64_t put_stat(uaddr_t buf, const struct kstat *stat)
{
	if (unlikely(!user_range_ok(buf, sizeof(struct linux_stat))))
		return -EFAULT;
	user_access_begin();
	PUT(st_dev, stat->dev);
	PUT(st_ino, stat->ino);
	PUT(st_nlink, stat->nlink);
	PUT(st_mode, stat->mode);
	PUT(st_uid, stat->uid);
	PUT(st_gid, stat->gid);
	PUT(pad0, 0);
	PUT(st_rdev, stat->rdev);
	PUT(st_size, stat->size);
	PUT(st_blksize, stat->block_size);
	PUT(st_blocks, stat->blocks);
	struct linux_timespec atime = timespec_of(stat->atime_ns);
	PUT(atime.seconds, atime.seconds);
	PUT(atime.nanoseconds, atime.nanoseconds);
	struct linux_timespec mtime = timespec_of(stat->mtime_ns);
	PUT(mtime.seconds, mtime.seconds);
	PUT(mtime.nanoseconds, mtime.nanoseconds);
	struct linux_timespec ctime = timespec_of(stat->ctime_ns);
	PUT(ctime.seconds, ctime.seconds);
	PUT(ctime.nanoseconds, ctime.nanoseconds);
	PUT(reserved[0], 0);
	PUT(reserved[1], 0);
	PUT(reserved[2], 0);
	user_access_end();
	return 0;
fault:
	user_access_end();
	return -EFAULT;
}
#undef PUT

static NOINLINE int fd_stat(int fd, struct kstat *stat)
{
	struct cap_ref ref = cap_lookup(fd, RIGHT_STAT);
	if (unlikely(!ref.object))
		return ref.err;
	int err = likely(ref.object->ops->stat) ? ref.object->ops->stat(ref.object, stat) : -EBADF;
	cap_release(ref);
	return err;
}

#define STAT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)

static int path_stat(int dir, uaddr_t path, unsigned flags, struct kstat *stat)
{
	struct user_path name;
	int err = user_path_copy(&name, path);
	if (unlikely(err))
		return err;
	unsigned lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	if (unlikely(flags & AT_EMPTY_PATH)) {
		lookup |= LOOKUP_EMPTY;
		if (!*name.text && dir != AT_FDCWD) {
			user_path_free(&name);
			return fd_stat(dir, stat); /* pipes and sockets too */
		}
	}
	err = vfs_stat_at(dir, name.text, lookup, stat);
	user_path_free(&name);
	return err;
}

int64_t sys_newfstatat(int dir, uaddr_t path, uaddr_t buf, unsigned flags)
{
	if (flags & ~(unsigned)STAT_FLAGS)
		return -EINVAL;
	struct kstat stat;
	int err = path_stat(dir, path, flags, &stat);
	return likely(!err) ? put_stat(buf, &stat) : err;
}

int64_t sys_stat(uaddr_t path, uaddr_t buf)
{
	return sys_newfstatat(AT_FDCWD, path, buf, 0);
}

int64_t sys_lstat(uaddr_t path, uaddr_t buf)
{
	return sys_newfstatat(AT_FDCWD, path, buf, AT_SYMLINK_NOFOLLOW);
}

int64_t sys_fstat(int fd, uaddr_t buf)
{
	struct kstat stat;
	/* What nobody else can close needs no reference to be given back. */
	struct object *object = cap_borrow(fd, RIGHT_STAT);
	int err = likely(object && object->ops->stat) ? object->ops->stat(object, &stat)
						      : fd_stat(fd, &stat);
	return likely(!err) ? put_stat(buf, &stat) : err;
}

#define STATX_BASIC_STATS 0x7ffu
#define STATX_BTIME       0x800u
#define STATX_MNT_ID      0x1000u
#define STATX_RESERVED    0x80000000u
#define AT_STATX_SYNC     0x6000u

static struct linux_statx_timestamp statx_time(int64_t ns)
{
	struct linux_timespec time = timespec_of(ns);
	return (struct linux_statx_timestamp){
	    .seconds = time.seconds, .nanoseconds = (uint32_t)time.nanoseconds};
}

int64_t sys_statx(int dir, uaddr_t path, unsigned flags, unsigned mask, uaddr_t buf)
{
	if (mask & STATX_RESERVED || flags & ~(unsigned)(STAT_FLAGS | AT_STATX_SYNC) ||
	    (flags & AT_STATX_SYNC) == AT_STATX_SYNC)
		return -EINVAL;
	struct kstat stat;
	int err = path_stat(dir, path, flags, &stat);
	if (err)
		return err;
	struct linux_statx out = {
	    .mask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID,
	    .blksize = stat.block_size,
	    .attributes = stat.attributes,
	    .nlink = stat.nlink,
	    .uid = stat.uid,
	    .gid = stat.gid,
	    .mode = (uint16_t)stat.mode,
	    .ino = stat.ino,
	    .size = stat.size,
	    .blocks = stat.blocks,
	    .attributes_mask = stat.attributes_mask,
	    .atime = statx_time(stat.atime_ns),
	    .btime = statx_time(stat.btime_ns),
	    .ctime = statx_time(stat.ctime_ns),
	    .mtime = statx_time(stat.mtime_ns),
	    .rdev_major = DEVICE_MAJOR(stat.rdev),
	    .rdev_minor = DEVICE_MINOR(stat.rdev),
	    .dev_major = DEVICE_MAJOR(stat.dev),
	    .dev_minor = DEVICE_MINOR(stat.dev),
	    .mount_id = stat.mount_id,
	};
	return copy_to_user(buf, &out, sizeof(out));
}
