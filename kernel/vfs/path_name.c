/* From a place back to a path: upwards from name to name, written from the end. */
#include "vfs_impl.h"

#include <lib/string.h>

/* What is written lies between `at` and the end of the buffer. */
struct writer {
	char *start, *at;
	bool is_full;
};

/* True: there is room, and `at` is where to write. */
static ALWAYS_INLINE bool make_room(struct writer *writer, size_t len)
{
	if (unlikely((size_t)(writer->at - writer->start) < len)) {
		writer->is_full = true;
		return false;
	}
	writer->at -= len;
	return true;
}

static void prepend(struct writer *writer, const char *text)
{
	size_t len = strlen(text);
	if (make_room(writer, len))
		memcpy(writer->at, text, len);
}

/* A slash and a name, by words from the end: the last of them may begin in front of the name, where it reads the rest of the struct
 * and writes what the next name, or nobody, overwrites. */
static ALWAYS_INLINE void prepend_name(struct writer *writer, const struct dentry_name *name)
{
	static_assert(offsetof(struct dentry_name, text) >= NAME_WORD, "read in front of a name");
	char *to = writer->at;
	const char *from = name->text + name->len;
	if (!make_room(writer, name->len + 1u))
		return;
	while (to > writer->at + 1 && to - writer->start >= (ptrdiff_t)NAME_WORD) {
		to -= NAME_WORD;
		from -= NAME_WORD;
		*(unaligned_u64 *)to = *(const unaligned_u64 *)from;
	}
	while (to > writer->at + 1)
		*--to = *--from;
	*writer->at = '/';
}

/* Under RCU. False: the root was not met on the way. */
static ALWAYS_INLINE bool write_names(
    struct writer *writer, struct path at, const struct path *root)
{
	const char *end = writer->at;
	while (!path_equal(&at, root)) {
		if (unlikely(at.dentry == at.mount->root)) {
			struct mount *parent = rcu_dereference(at.mount->parent);
			if (!parent)
				return false;
			at.dentry = rcu_dereference(at.mount->point);
			at.mount = parent;
			continue;
		}
		prepend_name(writer, rcu_dereference(at.dentry->name));
		struct dentry *parent = rcu_dereference(at.dentry->parent);
		if (unlikely(parent == at.dentry))
			return false;
		at.dentry = parent;
	}
	if (writer->at == end)
		prepend(writer, "/");
	return true;
}

/* Under RCU. `ending` comes behind the names. NULL: it does not fit. */
static ALWAYS_INLINE char *name_from_root(
    const struct path *path, const struct path *root, char *buf, size_t size, const char *ending)
{
	struct writer writer;
	bool is_reached;
	uint32_t seq;
	do {
		seq = seq_read_begin(&namespace_seq);
		writer = (struct writer){.start = buf, .at = buf + size - 1};
		*writer.at = '\0';
		if (unlikely(*ending))
			prepend(&writer, ending);
		is_reached = write_names(&writer, *path, root);
	} while (unlikely(seq_read_retry(&namespace_seq, seq)));
	if (unlikely(!is_reached))
		prepend(&writer, *writer.at == '/' ? "(unreachable)" : "(unreachable)/");
	return unlikely(writer.is_full) ? NULL : writer.at;
}

/* What has no name in any directory is shown by its own alone. */
static char *anonymous_name(const struct path *path, char *buf, size_t size, const char *ending)
{
	struct writer writer = {.start = buf, .at = buf + size - 1};
	*writer.at = '\0';
	prepend(&writer, ending);
	prepend(&writer, path->dentry->name->text);
	return writer.is_full ? NULL : writer.at;
}

char *vfs_path_name(const struct path *path, char *buf, size_t size, int *err)
{
	struct file_context *context = context_of_current();
	char *name;
	rcu_read_lock();
	struct path root = context_peek(context, &context->root);
	/* What is mounted has the name of the place where it is, whatever became of its own. */
	bool is_deleted =
	    atomic_load(&path->dentry->flags) & DENTRY_DELETED && path->dentry != path->mount->root;
	const char *ending = is_deleted ? " (deleted)" : "";
	name = path_is_anonymous(path) ? anonymous_name(path, buf, size, ending)
				       : name_from_root(path, &root, buf, size, ending);
	rcu_read_unlock();
	*err = name ? 0 : -ENAMETOOLONG;
	return name;
}

char *vfs_name_in_file_system(const struct dentry *dentry, char *buf, size_t size)
{
	struct writer writer;
	uint32_t seq;
	rcu_read_lock();
	do {
		seq = seq_read_begin(&namespace_seq);
		writer = (struct writer){.start = buf, .at = buf + size - 1};
		*writer.at = '\0';
		if (atomic_load(&dentry->flags) & DENTRY_DELETED)
			prepend(&writer, "//deleted");
		const struct dentry *at = dentry, *parent;
		while ((parent = rcu_dereference(at->parent)) != at) {
			prepend_name(&writer, rcu_dereference(at->name));
			at = parent;
		}
		if (!*writer.at)
			prepend(&writer, "/");
	} while (unlikely(seq_read_retry(&namespace_seq, seq)));
	rcu_read_unlock();
	return writer.is_full ? NULL : writer.at;
}

int64_t vfs_cwd_name(char *buf, size_t size, char **start)
{
	const struct file_context *context = context_of_current();
	struct path root, cwd;
	uint32_t seq;
	int64_t len = -ENOENT;
	rcu_read_lock();
	do {
		seq = seq_read_begin(&context->seq);
		root = path_peek(&context->root);
		cwd = path_peek(&context->cwd);
	} while (unlikely(seq_read_retry(&context->seq, seq)));
	if (likely(!(atomic_load(&cwd.dentry->flags) & DENTRY_DELETED))) {
		*start = name_from_root(&cwd, &root, buf, size, "");
		len = likely(*start) ? buf + size - *start : -ENAMETOOLONG;
	}
	rcu_read_unlock();
	return len;
}
