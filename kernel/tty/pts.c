/* The file system "devpts": a file for each terminal whose master is open, named by its number. Names are looked up each time. */
#include "pty.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <lib/fmt.h>
#include <vfs/vfs.h>

#define DEVPTS_MAGIC  0x1cd1
#define FIRST_INO     3 /* behind the root's */
#define DT_CHARACTERS 2

static const struct inode_ops terminal_ops;

static unsigned number_of(const struct inode *inode)
{
	return (unsigned)(inode->ino - FIRST_INO);
}

static int lookup(struct inode *dir, const struct name *name, struct inode **result)
{
	uint32_t number;
	const struct pty *pty = name_number(name, &number) ? pty_find(number) : NULL;
	if (!pty)
		return -ENOENT;
	struct inode *inode = inode_create(dir->super, S_IFCHR | atomic_load(&pty->mode));
	if (!inode)
		return -ENOMEM;
	inode->uid = atomic_load(&pty->uid);
	inode->gid = atomic_load(&pty->gid);
	inode->ino = FIRST_INO + pty->number;
	inode->rdev = pty->tty->number;
	inode->ops = &terminal_ops;
	inode->file_ops = &path_ops;
	*result = inode;
	return 0;
}

static int list(struct inode *dir, uint64_t *pos, list_emit_t emit, void *ctx)
{
	(void)dir;
	for (; *pos < LIST_FIRST + PTY_COUNT; ++*pos) {
		unsigned number = (unsigned)(*pos - LIST_FIRST);
		if (!pty_find(number))
			continue;
		char text[12];
		int len = snprintf(text, sizeof(text), "%u", number);
		if (!emit(ctx, text, (size_t)len, FIRST_INO + number, DT_CHARACTERS, *pos + 1))
			return 0;
	}
	return 0;
}

/* They outlive this inode, which is made anew at each look-up. */
static int set_attributes(struct inode *inode, const struct kstat *to, unsigned which)
{
	struct pty *pty = pty_find(number_of(inode));
	if (!pty)
		return 0;
	if (which & SET_MODE)
		atomic_store(&pty->mode, to->mode & 07777);
	if (which & SET_UID)
		atomic_store(&pty->uid, to->uid);
	if (which & SET_GID)
		atomic_store(&pty->gid, to->gid);
	return 0;
}

static int open_terminal(struct inode *inode, struct file *file)
{
	const struct pty *pty = pty_find(number_of(inode));
	return pty ? tty_open(pty->tty, file, true) : -EIO;
}

static const struct inode_ops terminal_ops = {
    .open = open_terminal, .set_attributes = set_attributes};
static const struct inode_ops root_ops = {.lookup = lookup, .list = list};

static int mount(const struct file_system *type, const char *source, uint32_t flags,
    const char *options, struct super **result)
{
	(void)source, (void)options;
	struct super *super = super_create(type, flags);
	if (!super)
		return -ENOMEM;
	super->magic = DEVPTS_MAGIC;
	super->root = inode_create(super, S_IFDIR | 0755);
	if (!super->root) {
		super_destroy(super);
		return -ENOMEM;
	}
	super->root->ino = 1;
	super->root->nlink = 2;
	super->root->is_volatile = true;
	super->root->ops = &root_ops;
	super->root->file_ops = &directory_ops;
	*result = super;
	return 0;
}

static const struct file_system type = {.name = "devpts", .mount = mount};

void pts_register(void)
{
	file_system_register(&type);
}
