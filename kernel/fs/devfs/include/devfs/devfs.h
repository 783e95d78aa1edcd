/*
 * Device files: a tmpfs that begins with a node for each registered device (device_node_register), and what programs expect besides. The
 * devices of memory are here: null, zero, full, random, urandom, kmsg.
 */
#pragma once

/* Boot, before vfs_init: the type (its names are "devtmpfs" and "devfs") and the devices of memory. */
void devfs_register(void);
/* Boot, when the root is filled: mounts /dev, /dev/shm and, when there are such types, /dev/pts, /proc and /sys, so that a program finds them without a
 * script. Makes the directories that are missing. */
void mount_usual(void);
