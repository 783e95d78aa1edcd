/* The serial console as a terminal, and the names under which it can be opened: ttyS0, console, tty. */
#include "pty.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/termios.h>
#include <log/assert.h>
#include <log/log.h>
#include <serial/serial.h>
#include <vfs/vfs.h>

#define TTYS0_NUMBER   DEVICE_NUMBER(4, 64)
#define TTY_NUMBER     DEVICE_NUMBER(5, 0)
#define CONSOLE_NUMBER DEVICE_NUMBER(5, 1)

/* Interrupts are off while the port is written: not for longer than this many characters take. */
#define WRITE_AT_ONCE 64

static struct tty *console_tty;

static void write_serial(struct tty *tty, const char *text, size_t len)
{
	(void)tty;
	while (len) {
		size_t part = min(len, (size_t)WRITE_AT_ONCE);
		console_write_raw(text, part);
		text += part;
		len -= part;
	}
}

/* What came in together is handed on together. */
static void feed(void *arg)
{
	struct tty *tty = arg;
	char chunk[64];
	for (;;) {
		size_t n = 0;
		nsec_t deadline = NSEC_MAX;
		while (n < sizeof(chunk) && !serial_read(&chunk[n], deadline)) {
			n++;
			deadline = 0;
		}
		if (!n)
			return; /* there is no port */
		tty_input(tty, chunk, n);
	}
}

/* Only when somebody opens the terminal: until then the input is the monitor's. */
static void start_serial(struct tty *tty)
{
	if (thread_spawn("ttyS0", feed, tty))
		log_err("tty", "no memory for the console's input");
}

static const struct tty_device serial_device = {.control = B115200 | CS8 | CREAD | HUPCL | CLOCAL,
    .write = write_serial,
    .start = start_serial,
    .has_line = true};

static int open_serial(struct inode *inode, struct file *file)
{
	(void)inode;
	return tty_open(console_tty, file, true);
}

/* Whoever opens the console wants to tell something, not to be controlled by it. */
static int open_console(struct inode *inode, struct file *file)
{
	(void)inode;
	return tty_open(console_tty, file, false);
}

static int open_current(struct inode *inode, struct file *file)
{
	(void)inode;
	struct tty *tty = tty_current();
	return tty ? tty_open(tty, file, false) : -ENXIO;
}

/* What is opened becomes a terminal's file when nothing can fail any more. */
static const struct device_node nodes[] = {
    {"ttyS0", S_IFCHR | 0620, TTYS0_NUMBER, &path_ops, open_serial},
    {"console", S_IFCHR | 0600, CONSOLE_NUMBER, &path_ops, open_console},
    {"tty", S_IFCHR | 0666, TTY_NUMBER, &path_ops, open_current},
};

void tty_init(void)
{
	console_tty = tty_create("ttyS0", TTYS0_NUMBER, &serial_device);
	if (!console_tty)
		panic("no memory for the console");
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
		if (device_node_register(&nodes[i]))
			panic("device %s is there twice", nodes[i].name);
	pty_init();
}
