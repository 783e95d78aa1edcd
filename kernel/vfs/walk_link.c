/* Symbolic links on the way: under RCU their text is walked in place, with references it is copied in front of what follows. */
#include "walk_impl.h"

#include <lib/string.h>
#include <mm/slab.h>

/* A link under RCU: its text is walked in place. */
static int follow_in_place(struct walk *walk, const struct inode *link, const char *rest)
{
	const char *target = link->link_target;
	if (!target || walk->depth == WALK_NEST_MAX)
		return WALK_NEEDS_REFERENCES;
	if (!*target)
		return -ENOENT;
	if (*rest)
		walk->stack[walk->depth++] = rest;
	walk->rest = target;
	return *target == '/' ? walk_to_root(walk) : 0;
}

/* The target, and behind it what is still to be walked, in memory of our own. */
static int compose(struct walk *walk, const char *target, const char *rest)
{
	size_t target_len = strlen(target), rest_len = strlen(rest);
	if (!target_len)
		return -ENOENT;
	char *text = kmalloc(target_len + rest_len + 2);
	if (!text)
		return -ENOMEM;
	memcpy(text, target, target_len);
	text[target_len] = '/';
	memcpy(text + target_len + 1, rest, rest_len + 1);
	if (!rest_len)
		text[target_len] = '\0';
	kfree(walk->composed);
	walk->composed = text;
	walk->rest = text;
	return *text == '/' ? walk_to_root(walk) : 0;
}

/* A link whose target only the file system knows: text, or (in /proc) a place. */
static int follow_special(struct walk *walk, struct inode *link, const char *rest)
{
	char *buf;
	if (!link->ops->read_link)
		return -EINVAL;
	if (!(buf = kmalloc(PATH_MAX_LEN)))
		return -ENOMEM;
	struct path jump = {0};
	int err = link->ops->read_link(link, buf, &jump);
	if (err >= 0 && jump.dentry) {
		err = 0;
		if (walk->flags & (LOOKUP_NO_MAGIC | LOOKUP_BENEATH | LOOKUP_IN_ROOT))
			err = walk->flags & LOOKUP_NO_MAGIC ? -ELOOP : -EXDEV;
		else if (walk->flags & LOOKUP_NO_MOUNTS && jump.mount != walk->end.at.mount)
			err = -EXDEV;
		if (err)
			path_put(&jump);
		else
			walk_move(walk, jump);
		walk->rest = rest;
	} else if (err >= 0) {
		err = compose(walk, buf, rest);
	}
	kfree(buf);
	return err;
}

int walk_follow(struct walk *walk, struct dentry *link, const char *rest)
{
	if (walk->flags & LOOKUP_NO_SYMLINKS || ++walk->links > WALK_LINKS_MAX)
		return -ELOOP;
	if (!walk->end.is_counted)
		return follow_in_place(walk, link->inode, rest);
	return link->inode->link_target ? compose(walk, link->inode->link_target, rest)
					: follow_special(walk, link->inode, rest);
}
