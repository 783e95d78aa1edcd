/* /proc/devices, consoles, tty/drivers: which devices there are, by their numbers. There are no disks. */
#include "procfs_impl.h"

#include <abi/linux/fcntl.h>
#include <vfs/vfs.h>

/* Linux's names; of those whose minor number is 0 and that is in the way, all of the major number. */
static const struct known {
	unsigned major, minor;
	const char *name;
} known[] = {
    {1, 3, "mem"},
    {4, 64, "ttyS"},
    {5, 0, "/dev/tty"},
    {5, 1, "/dev/console"},
    {5, 2, "/dev/ptmx"},
};

static bool is_there(unsigned major, unsigned minor)
{
	return device_node_find(S_IFCHR, DEVICE_NUMBER(major, minor));
}

int show_devices(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	proc_print(text, "Character devices:\n");
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (is_there(known[i].major, known[i].minor))
			proc_print(text, "%3u %s\n", known[i].major, known[i].name);
	/* The two sides of those that ptmx makes. */
	if (is_there(5, 2))
		proc_print(text, "128 ptm\n136 pts\n");
	proc_print(text, "\nBlock devices:\n");
	return 0;
}

/* It can be written to, is enabled, /dev/console, shows the log, and at any time. */
int show_consoles(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	if (is_there(4, 64))
		proc_print(text, "%-20s -W- (EC  p a) %4u:%u\n", "ttyS0", 4u, 64u);
	return 0;
}

int show_tty_drivers(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	proc_print(text, "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
			 "/dev/console         /dev/console    5       1 system:console\n");
	if (is_there(5, 2))
		proc_print(text, "/dev/ptmx            /dev/ptmx       5       2 system\n");
	if (is_there(4, 64))
		proc_print(text, "serial               /dev/ttyS       4      64 serial\n");
	if (is_there(5, 2))
		proc_print(text, "pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
				 "pty_master           /dev/ptm      128 0-1048575 pty:master\n");
	return 0;
}
