/*
 * A file system in memory: a file is its page cache, a directory is a tree of names. Nothing is written back; a page that is in a file stays
 * until the file is cut or gone. mount(2) options: size=BYTES[kmg%], nr_inodes=N, mode=OCTAL, uid=N, gid=N.
 */
#pragma once

void tmpfs_register(void); /* boot, before vfs_init */
