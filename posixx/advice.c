/* Calls that hint at what is to be in memory and what on a disk. All files are in memory: there is nothing to do but to check. */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <mm/page_alloc.h>
#include <object/capability.h>
#include <posixx/syscalls.h>
#include <vfs/vfs.h>
#include <wait/interruptible.h>

#define SYNC_FILE_RANGE_FLAGS 7u

/* Advice is welcome, and everything is in memory already; but it must be advice that exists, on a file. */
int64_t sys_fadvise64(int fd, int64_t offset, size_t len, int advice)
{
	enum { ADVICE_LAST = 5 };
	(void)offset;
	struct cap_ref ref = cap_lookup(fd, 0);
	if (!ref.object)
		return ref.err;
	int64_t err = ref.object->ops->is_stream                               ? -ESPIPE
		      : advice < 0 || advice > ADVICE_LAST || (int64_t)len < 0 ? -EINVAL
									       : 0;
	cap_release(ref);
	return err;
}

/* The kind of file that is open, as S_IF…; 0 when it is none. */
static uint32_t kind_of(struct object *object)
{
	if (object->ops->stat != file_stat || object->flags & O_PATH)
		return 0;
	return file_of(object)->inode->mode & S_IFMT;
}

int64_t sys_readahead(int fd, int64_t offset, size_t count)
{
	(void)offset, (void)count;
	struct cap_ref ref = cap_lookup(fd, RIGHT_READ);
	if (!ref.object)
		return ref.err;
	int64_t err = kind_of(ref.object) == S_IFREG ? 0 : -EINVAL;
	cap_release(ref);
	return err;
}

int64_t sys_sync_file_range(int fd, int64_t offset, int64_t len, unsigned flags)
{
	int64_t end;
	struct cap_ref ref = cap_lookup(fd, 0);
	if (!ref.object)
		return ref.err;
	uint32_t kind = kind_of(ref.object);
	int64_t err = 0;
	if (ref.object->flags & O_PATH)
		err = -EBADF;
	else if (flags & ~SYNC_FILE_RANGE_FLAGS || offset < 0 || len < 0 ||
		 add_overflows(offset, len, &end))
		err = -EINVAL;
	else if (kind != S_IFREG && kind != S_IFDIR)
		err = -ESPIPE;
	cap_release(ref);
	return err;
}

struct linux_cachestat_range {
	uint64_t start, len; /* len 0: to the end */
};
struct linux_cachestat {
	uint64_t cached, dirty, written_back, evicted, recently_evicted;
};

static uint64_t count_pages(struct page_cache *cache, const struct linux_cachestat_range *range)
{
	uint64_t end, index = range->start / PAGE_SIZE, count = 0;
	if (!range->len || add_overflows(range->start, range->len - 1, &end))
		end = UINT64_MAX;
	struct page *page;
	while ((page = page_cache_next(cache, &index)) && index <= end / PAGE_SIZE) {
		page_put(page);
		page = NULL;
		count++;
		index++;
		if (signal_is_fatal_pending())
			break;
	}
	if (page)
		page_put(page);
	return count;
}

/* Nothing is dirty for long where there is no disk, and nothing was thrown away. */
int64_t sys_cachestat(int fd, uaddr_t user_range, uaddr_t buf, unsigned flags)
{
	struct linux_cachestat_range range;
	struct linux_cachestat out = {0};
	struct cap_ref ref = cap_lookup(fd, RIGHT_IOCTL);
	if (!ref.object)
		return ref.err;
	int64_t err = 0;
	if (copy_from_user(&range, user_range, sizeof(range)))
		err = -EFAULT;
	else if (flags)
		err = -EINVAL;
	else if (kind_of(ref.object) == S_IFREG)
		out.cached = count_pages(&file_of(ref.object)->inode->cache, &range);
	cap_release(ref);
	return err ? err : copy_to_user(buf, &out, sizeof(out));
}
