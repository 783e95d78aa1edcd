/*
 * Terminals: the line discipline of termios(3) between a device that moves characters and the processes that read lines. The serial console is
 * one, and so are pseudo-terminals (pty.h). docs/terminal.md describes them.
 *
 * Locking: tty->lock (mutex) over settings, the line and the device's output; sessions and foreground groups under process_tree_lock.
 */
#pragma once

#include <object/object.h>

struct file;
struct process;
struct tty;

/* Linux's struct termios as the kernel's ioctls carry it. */
struct termios {
	uint32_t c_iflag, c_oflag, c_cflag, c_lflag;
	uint8_t c_line;
	uint8_t c_cc[19];
};

struct winsize {
	uint16_t rows, columns, x_pixels, y_pixels;
};

struct tty_device {
	/* c_cflag of new settings, and which of its flags stay as they are there whatever is set. */
	uint32_t control, control_fixed;
	/* As it is. Context: thread. */
	void (*write)(struct tty *tty, const char *text, size_t len);
	/* The rest is optional. The first open: input may come from now on. */
	void (*start)(struct tty *tty);
	/* Whether a program may write now; tty->write_wait is woken when that changes. */
	bool (*has_room)(struct tty *tty);
	/* A file is opened, -errno: it cannot be, or closed, before a hangup. The terminal's lock held. */
	int (*opened)(struct tty *tty);
	void (*closed)(struct tty *tty);
	bool has_line; /* a wire, on which a break means something */
};

/* A terminal stays. number: the device's; NULL: out of memory. */
MUST_USE struct tty *tty_create(const char *name, uint64_t number, const struct tty_device *device);
/* Characters typed; waits while the line is full and a reader may make room. Context: thread of the driver. */
void tty_input(struct tty *tty, const char *text, size_t len);
/* The terminal went away: SIGHUP to the session; what is open reads an end and writes EIO. */
void tty_hangup(struct tty *tty);
/* open() of a device node of the terminal. may_control: unless O_NOCTTY, it becomes that of a session leader without one. */
MUST_USE int tty_open(struct tty *tty, struct file *file, bool may_control);
/* What /dev/tty means to the current process, or NULL. */
struct tty *tty_current(void);
/* For /proc/PID/stat: the device's number and the foreground group; 0 and -1 without one. */
void tty_of_process(const struct process *process, uint64_t *number, int *foreground);

/* Boot: the serial console, pseudo-terminals, and their device nodes. The file systems' tables exist. */
void tty_init(void);
