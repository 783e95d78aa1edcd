/* What ioctl(2) does to terminals: ioctl_tty(2). */
#include "tty_impl.h"

#include <abi/errno.h>
#include <abi/linux/signal.h>
#include <abi/linux/termios.h>
#include <credentials/credentials.h>
#include <lib/string.h>
#include <vfs/vfs.h>

#define BAUD_OF_CONSOLE 115200

/* termios2: the same, and speeds as numbers. */
struct termios2 {
	struct termios termios;
	uint32_t input_speed, output_speed;
};
static_assert(sizeof(struct termios) == 36 && sizeof(struct termios2) == 44, "Linux's ABI");

/* By the number that c_cflag carries: B0 and up, and behind CBAUDEX from 1 on. Zero: another one (BOTHER). */
static uint32_t speed_of(uint32_t control)
{
	static const uint32_t slow[] = {
	    0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400};
	static const uint32_t fast[] = {0, 57600, 115200, 230400, 460800, 500000, 576000, 921600,
	    1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000};
	static_assert(ARRAY_LEN(slow) == 16 && ARRAY_LEN(fast) == 16, "the rest of CBAUD");
	unsigned number = control & CBAUD & ~CBAUDEX;
	return control & CBAUDEX ? fast[number] : slow[number];
}

static int64_t get_termios(struct tty *tty, uaddr_t arg, size_t size)
{
	struct termios2 copy;
	mutex_lock(&tty->lock);
	copy.termios = tty->line.termios;
	mutex_unlock(&tty->lock);
	copy.input_speed = copy.output_speed = speed_of(copy.termios.c_cflag);
	return copy_to_user(arg, &copy, size);
}

/* The form before termios(3): half of each word of flags, and fewer characters. */
#define TERMIO_CHARACTERS 8
struct termio {
	uint16_t c_iflag, c_oflag, c_cflag, c_lflag;
	uint8_t c_line, c_cc[TERMIO_CHARACTERS];
};
static_assert(sizeof(struct termio) == 18, "Linux's ABI");

static int64_t get_termio(struct tty *tty, uaddr_t arg)
{
	struct termio copy;
	memset(&copy, 0, sizeof(copy)); /* the padding too */
	mutex_lock(&tty->lock);
	const struct termios *termios = &tty->line.termios;
	copy.c_iflag = (uint16_t)termios->c_iflag;
	copy.c_oflag = (uint16_t)termios->c_oflag;
	copy.c_cflag = (uint16_t)termios->c_cflag;
	copy.c_lflag = (uint16_t)termios->c_lflag;
	memcpy(copy.c_cc, termios->c_cc, sizeof(copy.c_cc));
	mutex_unlock(&tty->lock);
	return copy_to_user(arg, &copy, sizeof(copy));
}

static uint32_t with_low_half(uint32_t flags, uint16_t half)
{
	return (flags & 0xffff0000) | half;
}

/* Whole, or in the old form into what is there. */
static int read_termios(struct tty *tty, uaddr_t arg, bool is_old, struct termios *termios)
{
	struct termio old;
	if (!is_old)
		return copy_from_user(termios, arg, sizeof(*termios));
	if (copy_from_user(&old, arg, sizeof(old)))
		return -EFAULT;
	mutex_lock(&tty->lock);
	*termios = tty->line.termios;
	mutex_unlock(&tty->lock);
	termios->c_iflag = with_low_half(termios->c_iflag, old.c_iflag);
	termios->c_oflag = with_low_half(termios->c_oflag, old.c_oflag);
	termios->c_cflag = with_low_half(termios->c_cflag, old.c_cflag);
	termios->c_lflag = with_low_half(termios->c_lflag, old.c_lflag);
	memcpy(termios->c_cc, old.c_cc, sizeof(old.c_cc));
	return 0;
}

static void keep(uint32_t *flags, uint32_t old, uint32_t which)
{
	*flags = (*flags & ~which) | (old & which);
}

/* What is locked, or cannot be otherwise with this device, stays as it is. */
static void keep_fixed(const struct tty *tty, struct termios *termios)
{
	const struct termios *old = &tty->line.termios, *locked = &tty->locked;
	keep(&termios->c_iflag, old->c_iflag, locked->c_iflag);
	keep(&termios->c_oflag, old->c_oflag, locked->c_oflag);
	keep(&termios->c_cflag, old->c_cflag, locked->c_cflag | tty->device->control_fixed);
	keep(&termios->c_lflag, old->c_lflag, locked->c_lflag);
	for (size_t i = 0; i < ARRAY_LEN(termios->c_cc); i++)
		if (locked->c_cc[i])
			termios->c_cc[i] = old->c_cc[i];
}

static int64_t get_locked(struct tty *tty, uaddr_t arg)
{
	mutex_lock(&tty->lock);
	struct termios copy = tty->locked;
	mutex_unlock(&tty->lock);
	return copy_to_user(arg, &copy, sizeof(copy));
}

static int64_t set_locked(struct tty *tty, uaddr_t arg)
{
	struct termios locked;
	if (!has_power(POWER_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&locked, arg, sizeof(locked)))
		return -EFAULT;
	mutex_lock(&tty->lock);
	tty->locked = locked;
	mutex_unlock(&tty->lock);
	return 0;
}

static int64_t set_termios(struct tty *tty, uaddr_t arg, bool is_old, bool flush)
{
	struct termios termios;
	int err = job_check(tty, SIGTTOU);
	if (!err)
		err = read_termios(tty, arg, is_old, &termios);
	if (err)
		return err;
	termios.c_line = 0;
	mutex_lock(&tty->lock);
	if (flush)
		line_flush_input(&tty->line);
	keep_fixed(tty, &termios);
	line_set_termios(&tty->line, &termios);
	mutex_unlock(&tty->lock);
	/* What may be read, and whether one may write, is judged anew. */
	tty_wake(&tty->read_wait);
	tty_wake(&tty->write_wait);
	tty_wake(&tty->room_wait);
	return 0;
}

static int64_t get_size(struct tty *tty, uaddr_t arg)
{
	mutex_lock(&tty->lock);
	struct winsize size = tty->size;
	mutex_unlock(&tty->lock);
	return copy_to_user(arg, &size, sizeof(size));
}

static int64_t set_size(struct tty *tty, uaddr_t arg)
{
	struct winsize size;
	if (copy_from_user(&size, arg, sizeof(size)))
		return -EFAULT;
	mutex_lock(&tty->lock);
	bool changes = memcmp(&size, &tty->size, sizeof(size)) != 0;
	tty->size = size;
	mutex_unlock(&tty->lock);
	if (changes)
		job_signal_foreground(tty, SIGWINCH);
	return 0;
}

static int64_t flush(struct tty *tty, uint64_t what)
{
	int err = job_check(tty, SIGTTOU);
	if (err)
		return err;
	/* Output is never queued. */
	if (what != TCIFLUSH && what != TCOFLUSH && what != TCIOFLUSH)
		return -EINVAL;
	if (what != TCOFLUSH) {
		mutex_lock(&tty->lock);
		line_flush_input(&tty->line);
		mutex_unlock(&tty->lock);
		tty_wake(&tty->room_wait);
	}
	return 0;
}

static int64_t control_flow(struct tty *tty, uint64_t action)
{
	int err = job_check(tty, SIGTTOU);
	if (err)
		return err;
	char c = 0;
	mutex_lock(&tty->lock);
	switch (action) {
	case TCOOFF: tty->line.is_stopped = true; break;
	case TCOON: tty->line.is_stopped = false; break;
	case TCIOFF: c = (char)tty->line.termios.c_cc[VSTOP]; break;
	case TCION: c = (char)tty->line.termios.c_cc[VSTART]; break;
	default: err = -EINVAL; break;
	}
	if (c)
		tty->device->write(tty, &c, 1);
	mutex_unlock(&tty->lock);
	if (action == TCOON)
		tty_wake(&tty->write_wait);
	return err;
}

static int64_t count_input(struct tty *tty, uaddr_t arg)
{
	mutex_lock(&tty->lock);
	size_t n = line_available(&tty->line);
	mutex_unlock(&tty->lock);
	return put_user_u32(arg, (uint32_t)n);
}

/* The number at arg, or the error that asking for it gave. */
static int64_t put_number(uaddr_t arg, int64_t value)
{
	return value < 0 ? value : put_user_u32(arg, (uint32_t)value);
}

static int64_t set_foreground(struct tty *tty, uaddr_t arg)
{
	uint32_t group;
	if (get_user_u32(&group, arg))
		return -EFAULT;
	return job_set_foreground(tty, group);
}

/* Linux's struct serial_struct, as far as it says which port this is. */
static int64_t get_serial(uaddr_t arg)
{
	enum { PORT_16550A = 4 };
	uint32_t info[18] = {PORT_16550A, 0, 0x3f8, 4, 0, 16, 0, BAUD_OF_CONSOLE};
	static_assert(sizeof(info) == 72, "Linux's ABI");
	return copy_to_user(arg, info, sizeof(info));
}

/* Output has left when write returns: there is nothing to drain. A break, of which a pseudo-terminal has no notion, is not sent. */
static int64_t send_break(struct tty *tty, bool is_break)
{
	int err = job_check(tty, SIGTTOU);
	return !err && is_break && tty->device->has_line ? -EOPNOTSUPP : err;
}

static int64_t job_ioctl(struct tty *tty, uint64_t request, uaddr_t arg)
{
	switch (request) {
	case TIOCSCTTY: return job_set_controlling(tty, arg.va == 1);
	case TIOCNOTTY: return job_give_up(tty);
	case TIOCGPGRP: return put_number(arg, job_foreground(tty));
	case TIOCSPGRP: return set_foreground(tty, arg);
	case TIOCGSID: return put_number(arg, job_session(tty));
	default: return -ENOTTY;
	}
}

int64_t tty_ioctl(struct object *object, uint64_t request, uaddr_t arg)
{
	struct tty *tty = tty_of(object);
	if (atomic_load(&tty->hangups) != object->pos)
		return -EIO;
	switch (request) {
	case TCGETS: return get_termios(tty, arg, sizeof(struct termios));
	case TCGETS2: return get_termios(tty, arg, sizeof(struct termios2));
	case TCSETS:
	case TCSETSW:
	case TCSETS2:
	case TCSETSW2: return set_termios(tty, arg, false, false);
	case TCSETSF:
	case TCSETSF2: return set_termios(tty, arg, false, true);
	case TCGETA: return get_termio(tty, arg);
	case TCSETA:
	case TCSETAW: return set_termios(tty, arg, true, false);
	case TCSETAF: return set_termios(tty, arg, true, true);
	case TIOCGWINSZ: return get_size(tty, arg);
	case TIOCSWINSZ: return set_size(tty, arg);
	case TCFLSH: return flush(tty, arg.va);
	case TCXONC: return control_flow(tty, arg.va);
	case TIOCGLCKTRMIOS: return get_locked(tty, arg);
	case TIOCSLCKTRMIOS: return set_locked(tty, arg);
	case TCSBRK: return send_break(tty, arg.va == 0);
	case TCSBRKP: return send_break(tty, true);
	case TIOCINQ: return count_input(tty, arg);
	case TIOCOUTQ: return put_user_u32(arg, 0);
	case TIOCGETD: return put_user_u32(arg, 0);
	case TIOCGDEV: return put_user_u32(arg, (uint32_t)tty->number);
	case TIOCGSERIAL: return get_serial(arg);
	/* As Linux without legacy_tiocsti: typing for others is how terminals are broken out of. */
	case TIOCSTI: return -EIO;
	default: return job_ioctl(tty, request, arg);
	}
}
