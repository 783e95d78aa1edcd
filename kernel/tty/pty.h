/*
 * Pseudo-terminals: a terminal whose device is a program. The program opens /dev/ptmx and gets the master; the terminal is /dev/pts/N. What is
 * written to the master is typed; what is written to the terminal, and its echo, is read from the master.
 *
 *     master: write ─► tty_feed ─► line ─► read   :terminal
 *             read  ◄─ ring ◄───── line ◄─ write
 *
 * Life cycle: a slot is taken when the master is opened and free again when it is closed, which hangs the terminal up. Its memory stays for the
 * next one, because sessions point to terminals without counting; files of the one before are dead by the count of hangups.
 *
 * Locking: the terminal's lock over the ring and the count of open files. The slots' states change by compare-and-swap.
 */
#pragma once

#include "tty_impl.h"

#define PTY_COUNT     256
#define PTY_RING_SIZE 8192 /* a power of two */
#define PTY_MAJOR     136

/* Letters: I immutable, a atomic, l the terminal's lock */
struct pty {
	struct tty *tty;         /* I */
	unsigned number;         /* I */
	bool is_open;            /* l: the master */
	bool is_locked;          /* a: the terminal cannot be opened yet */
	bool was_opened;         /* l; a to read: the terminal, since the master was */
	uint32_t slaves;         /* l; a to read: files open on the terminal */
	uint32_t put, taken;     /* l; a to read: of the ring, since ever */
	uint32_t mode, uid, gid; /* a: of the terminal's file */
	struct wait_queue master_wait;
	char ring[PTY_RING_SIZE]; /* l */
};

/* The one with this number, whose master is open, or NULL. It stays in memory. */
struct pty *pty_find(unsigned number);
void pty_init(void);
void pts_register(void); /* the file system of the terminals' files */
