/* What the files of tmpfs share. */
#pragma once

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <lib/atomic.h>
#include <lib/rbtree.h>
#include <vfs/vfs.h>

struct tmpfs {
	uint64_t page_limit, inode_limit; /* a: 0: none */
	uint64_t pages, inodes;           /* a */
	uint64_t xattr_bytes;             /* a: count against the limit of inodes */
};

/* options.c */
struct tmpfs_options {
	uint64_t pages, inodes; /* limits; 0: none */
	uint32_t mode, uid, gid;
};
/* Half of memory, as on Linux. */
struct tmpfs_options tmpfs_default_options(void);
/* Changes those that the text names. -EINVAL: it says something else. */
MUST_USE int tmpfs_parse_options(const char *text, struct tmpfs_options *options);

/* A directory's content; all under the inode's lock. */
struct tmpfs_dir {
	struct rb_tree names; /* by hash, then name */
	struct list entries;  /* in order of position */
	uint64_t next_pos;
	size_t count;
	/* Where the last list() stopped: the next one begins here. Readers share it. */
	struct tmpfs_entry *hint; /* a */
};

struct tmpfs_entry {
	struct rb_node node;
	struct list link;
	uint64_t pos;
	struct inode *inode; /* reference */
	uint64_t hash;
	uint16_t len, room; /* of the name; in text */
	char text[];
};

struct tmpfs_dir *tmpfs_dir_create(void);
void tmpfs_dir_destroy(struct tmpfs_dir *dir); /* and what is in it */
struct tmpfs_entry *tmpfs_find(const struct tmpfs_dir *dir, const struct name *name);
/* Takes a reference to the inode. */
MUST_USE int tmpfs_add(struct tmpfs_dir *dir, const struct name *name, struct inode *inode);
void tmpfs_remove(struct tmpfs_dir *dir, struct tmpfs_entry *entry);
/* To a name that is free. In the same directory the position stays: who lists it meets the file once, whatever it is called by then. */
MUST_USE int tmpfs_move(struct tmpfs_dir *from, struct tmpfs_entry *entry, struct tmpfs_dir *to,
    const struct name *name);
int tmpfs_list(struct inode *inode, uint64_t *pos, list_emit_t emit, void *ctx);
