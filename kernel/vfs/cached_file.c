/*
 * Regular files whose contents are their page cache: read and write copy straight between cached pages and the caller's memory. Reading takes
 * no lock: a page that is found is kept by its reference, and the size is read once. Writers, and whoever changes the size,
 * hold the inode's lock.
 */
#include "vfs_impl.h"

#include <abi/linux/process.h>
#include <credentials/credentials.h>
#include <lib/string.h>
#include <mm/page_alloc.h>
#include <sched/thread.h>
#include <vm/address_space.h>
#include <wait/interruptible.h>

#define FILE_SIZE_MAX ((uint64_t)INT64_MAX)

/* At most once per change: "relatime". */
static inline bool is_access_noted(const struct inode *inode)
{
	int64_t accessed = atomic_load(&inode->atime_ns);
	return accessed > atomic_load(&inode->mtime_ns) && accessed > atomic_load(&inode->ctime_ns);
}

static void note_access(struct file *file)
{
	struct inode *inode = file->inode;
	if (is_access_noted(inode))
		return;
	if (file->object.flags & O_NOATIME || file->path.mount->flags & MS_NOATIME ||
	    path_is_read_only(&file->path))
		return;
	inode_touch(&inode->atime_ns, time_now());
}

/* A hole, or the end of the file, which may have been cut since its size was read. */
static NOINLINE size_t read_hole(const struct inode *inode, struct io *io, uint64_t pos, size_t len)
{
	uint64_t size = atomic_load(&inode->size);
	return pos < size ? io_write_zeroes(io, min(len, size - pos)) : 0;
}

static ALWAYS_INLINE size_t read_page(struct inode *inode, struct io *io, uint64_t pos, size_t len)
{
	struct page *page = page_cache_find(&inode->cache, pos >> PAGE_SHIFT);
	if (unlikely(!page))
		return read_hole(inode, io, pos, len);
	size_t done =
	    io_write(io, (const uint8_t *)page_to_virt(page) + (pos & (PAGE_SIZE - 1)), len);
	page_put(page);
	return done;
}

static NOINLINE size_t read_pages(struct inode *inode, struct io *io, uint64_t at, size_t len)
{
	size_t total = 0;
	while (total < len) {
		size_t part = min(PAGE_SIZE - ((at + total) & (PAGE_SIZE - 1)), len - total);
		size_t done = read_page(inode, io, at + total, part);
		total += done;
		if (unlikely(done < part) || signal_is_fatal_pending())
			break;
	}
	return total;
}

static int64_t read_cached(struct object *object, struct io *io, uint64_t *pos)
{
	struct file *file = file_of(object);
	struct inode *inode = file->inode;
	uint64_t at = *pos, size = atomic_load(&inode->size);
	if (unlikely(at >= size))
		return io->left > FILE_SIZE_MAX - at ? -EINVAL : 0;
	size_t len = min((uint64_t)io->left, size - at);
	size_t done = (at & (PAGE_SIZE - 1)) + len <= PAGE_SIZE ? read_page(inode, io, at, len)
								: read_pages(inode, io, at, len);
	if (unlikely(!is_access_noted(inode)))
		note_access(file);
	*pos = at + done;
	return io_result(io, done);
}

void inode_drop_set_id_now(struct inode *inode)
{
	uint32_t mode = inode->mode;
	if (has_power(POWER_FSETID))
		return;
	mode &= ~(uint32_t)S_ISUID;
	if (mode & 0010)
		mode &= ~(uint32_t)S_ISGID;
	atomic_store(&inode->mode, mode);
}

/* How far this process may write. Kernel threads have no limit. */
static uint64_t size_limit(void)
{
	return likely(current_thread()->task) ? current_limit(RLIMIT_FSIZE) : RLIM_INFINITY;
}

/* How much of a write there is left to do, or -errno. */
static ALWAYS_INLINE int64_t clip_to_limits(const struct inode *inode, uint64_t pos, uint64_t len)
{
	uint64_t limit = size_limit();
	if (unlikely(len > FILE_SIZE_MAX - pos))
		return -EINVAL;
	if (unlikely(pos >= limit)) {
		vfs_signal_file_size();
		return -EFBIG;
	}
	len = min(len, limit - pos);
	return likely(!(inode->seals & ~(unsigned)F_SEAL_SEAL))
		   ? (int64_t)len
		   : inode_clip_to_seals(inode, pos, len);
}

/* Into a page of which the reference goes with it. The size follows as soon as the bytes are there: readers and mappings may see them. */
static ALWAYS_INLINE size_t write_page(
    struct inode *inode, struct page *page, struct io *io, uint64_t at, size_t len)
{
	size_t done = io_read(io, (uint8_t *)page_to_virt(page) + (at & (PAGE_SIZE - 1)), len);
	page_cache_mark_dirty(&inode->cache, page);
	page_put(page);
	if (unlikely(at + done > inode->size) && done)
		atomic_store_release(&inode->size, at + done);
	return done;
}

/* Across pages, or into one that is not there yet. How many bytes, or -errno. */
static NOINLINE int64_t write_pages(struct inode *inode, struct io *io, uint64_t at, size_t len)
{
	size_t total = 0;
	while (total < len) {
		struct page *page;
		int err = page_cache_get(&inode->cache, (at + total) >> PAGE_SHIFT, &page);
		if (unlikely(err))
			return total ? (int64_t)total : err;
		size_t part = min(PAGE_SIZE - ((at + total) & (PAGE_SIZE - 1)), len - total);
		size_t done = write_page(inode, page, io, at + total, part);
		total += done;
		if (unlikely(done < part) || signal_is_fatal_pending())
			break;
	}
	return (int64_t)total;
}

static ALWAYS_INLINE int64_t write_locked(struct inode *inode, struct io *io, uint64_t *pos)
{
	uint64_t at = *pos;
	int64_t clipped = clip_to_limits(inode, at, io->left);
	if (unlikely(clipped < 0))
		return clipped;
	size_t len = (size_t)clipped;
	bool is_in_page = (at & (PAGE_SIZE - 1)) + len <= PAGE_SIZE;
	struct page *page =
	    likely(is_in_page) ? page_cache_find(&inode->cache, at >> PAGE_SHIFT) : NULL;
	int64_t n = likely(page) ? (int64_t)write_page(inode, page, io, at, len)
				 : write_pages(inode, io, at, len);
	if (unlikely(n <= 0))
		return n ? n : io_result(io, 0);
	inode_drop_set_id(inode);
	inode_changed(inode);
	*pos = at + (uint64_t)n;
	return n;
}

static int64_t write_cached(struct object *object, struct io *io, uint64_t *pos)
{
	if (!io->left)
		return 0; /* nothing written changes nothing, not even the size */
	struct inode *inode = file_of(object)->inode;
	if (rwlock_write_lock_killable(&inode->lock))
		return -EINTR;
	if (unlikely(io->place) ? io->place == IO_AT_END : object->flags & O_APPEND)
		*pos = inode->size;
	int64_t n = write_locked(inode, io, pos);
	rwlock_write_unlock(&inode->lock);
	return n;
}

/* The rest of the last page must read as zeroes when the file grows again. */
static void clear_tail(struct inode *inode, uint64_t size)
{
	size_t offset = size & (PAGE_SIZE - 1);
	struct page *page = offset ? page_cache_find(&inode->cache, size >> PAGE_SHIFT) : NULL;
	if (!page)
		return;
	memset((uint8_t *)page_to_virt(page) + offset, 0, PAGE_SIZE - offset);
	page_put(page);
}

int inode_set_size_locked(struct inode *inode, uint64_t size)
{
	if (size > inode->size) {
		uint64_t limit = size_limit();
		if (size > limit)
			vfs_signal_file_size();
		if (size > limit || size > FILE_SIZE_MAX)
			return -EFBIG;
	}
	bool is_shorter = size < inode->size;
	if ((is_shorter && inode->seals & F_SEAL_SHRINK) ||
	    (size > inode->size && inode->seals & F_SEAL_GROW))
		return -EPERM;
	atomic_store_release(&inode->size, size);
	if (is_shorter) {
		page_cache_truncate(&inode->cache, DIV_ROUND_UP(size, PAGE_SIZE));
		clear_tail(inode, size);
	}
	return 0;
}

static int truncate_cached(struct object *object, uint64_t size)
{
	struct inode *inode = file_of(object)->inode;
	if (rwlock_write_lock_killable(&inode->lock))
		return -EINTR;
	int err = inode_set_size_locked(inode, size);
	if (!err) {
		inode_drop_set_id(inode);
		inode_changed(inode);
	}
	rwlock_write_unlock(&inode->lock);
	return err;
}

static void zero_part(struct inode *inode, uint64_t from, uint64_t to)
{
	struct page *page = from < to ? page_cache_find(&inode->cache, from >> PAGE_SHIFT) : NULL;
	if (!page)
		return;
	memset((uint8_t *)page_to_virt(page) + (from & (PAGE_SIZE - 1)), 0, to - from);
	page_put(page);
}

static void punch_hole(struct inode *inode, uint64_t start, uint64_t end)
{
	uint64_t first = ALIGN_UP(start, PAGE_SIZE), last = ALIGN_DOWN(end, PAGE_SIZE);
	if (first > last) { /* inside one page */
		zero_part(inode, start, end);
		return;
	}
	zero_part(inode, start, first);
	zero_part(inode, last, end);
	if (first < last)
		page_cache_punch(&inode->cache, first >> PAGE_SHIFT, (last - first) >> PAGE_SHIFT);
}

static int allocate_locked(struct inode *inode, unsigned mode, uint64_t start, uint64_t end)
{
	if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE) &&
		inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) ||
	    (!(mode & FALLOC_FL_PUNCH_HOLE) && end > inode->size && inode->seals & F_SEAL_GROW))
		return -EPERM;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		punch_hole(inode, start, end);
		return 0;
	}
	bool grows = end > inode->size && !(mode & FALLOC_FL_KEEP_SIZE);
	if (grows && end > size_limit()) {
		vfs_signal_file_size();
		return -EFBIG;
	}
	if (mode & FALLOC_FL_ZERO_RANGE)
		punch_hole(inode, start, end);
	int err =
	    page_cache_reserve(&inode->cache, start >> PAGE_SHIFT, DIV_ROUND_UP(end, PAGE_SIZE));
	if (!err && grows)
		err = inode_set_size_locked(inode, end);
	return err;
}

static int allocate_cached(struct object *object, unsigned mode, uint64_t offset, uint64_t len)
{
	bool is_known = !mode || mode == FALLOC_FL_KEEP_SIZE ||
			mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) ||
			(mode & ~FALLOC_FL_KEEP_SIZE) == FALLOC_FL_ZERO_RANGE;
	if (!is_known)
		return -EOPNOTSUPP;
	struct inode *inode = file_of(object)->inode;
	if (rwlock_write_lock_killable(&inode->lock))
		return -EINTR;
	int err = allocate_locked(inode, mode, offset, offset + len);
	if (!err)
		inode_changed(inode);
	rwlock_write_unlock(&inode->lock);
	return err;
}

static int64_t seek_to_data(struct object *object, uint64_t offset, uint64_t size)
{
	uint64_t index = offset >> PAGE_SHIFT;
	struct page *page = page_cache_next(&file_of(object)->inode->cache, &index);
	if (!page)
		return -ENXIO;
	page_put(page);
	uint64_t at = max(offset, index << PAGE_SHIFT);
	if (at >= size)
		return -ENXIO;
	object->pos = at;
	return (int64_t)at;
}

static int64_t seek_to_hole(struct object *object, uint64_t offset, uint64_t size)
{
	uint64_t index = offset >> PAGE_SHIFT;
	struct page *page;
	while (index << PAGE_SHIFT < size &&
	       (page = page_cache_find(&file_of(object)->inode->cache, index))) {
		page_put(page);
		index++;
	}
	object->pos = min(max(offset, index << PAGE_SHIFT), size);
	return (int64_t)object->pos;
}

static NOINLINE int64_t seek_by_size(struct object *object, int64_t offset, int whence)
{
	uint64_t size = atomic_load(&file_of(object)->inode->size);
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return object_seek_in(object, offset, whence, size);
	if (offset < 0 || (uint64_t)offset >= size)
		return -ENXIO;
	return whence == SEEK_DATA ? seek_to_data(object, (uint64_t)offset, size)
				   : seek_to_hole(object, (uint64_t)offset, size);
}

static int64_t seek_cached(struct object *object, int64_t offset, int whence)
{
	if (unlikely(whence != SEEK_SET) || unlikely(offset < 0))
		return seek_by_size(object, offset, whence);
	object->pos = (uint64_t)offset;
	return offset;
}

static int make_cached_writable(struct area *area, struct fault *fault)
{
	struct inode *inode = file_of(area->object)->inode;
	inode_changed(inode);
	page_cache_mark_dirty(&inode->cache, fault->page);
	return 0;
}

static const struct area_ops cached_area_ops = {
    .fault = page_cache_fault,
    .make_writable = make_cached_writable,
};

static int map_cached(struct object *object, struct area *area)
{
	struct file *file = file_of(object);
	if (file->path.mount->flags & MS_NOEXEC) {
		if (area->prot & VM_EXEC)
			return -EPERM;
		area->max_prot &= ~(uint32_t)VM_EXEC;
	}
	int err = file->inode->seals != F_SEAL_SEAL ? inode_map_sealable(file->inode, area) : 0;
	if (err)
		return err;
	area->ops = &cached_area_ops;
	area->object = object_get(object);
	area->cache = &file->inode->cache;
	note_access(file);
	return 0;
}

const struct object_ops cached_file_ops = {
    .type = OBJECT_FILE,
    .release = file_release,
    .free = file_free,
    .close = file_close,
    .read = read_cached,
    .write = write_cached,
    .seek = seek_cached,
    .stat = file_stat,
    .map = map_cached,
    .sync = file_sync,
    .truncate = truncate_cached,
    .allocate = allocate_cached,
    .control = file_control,
    .poll = object_always_ready,
};
