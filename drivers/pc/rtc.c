/*
 * The real-time clock, in the CMOS. It counts whole seconds, changing several registers once a second; a reader must not look while
 * it does, and looks twice to be sure.
 *
 * Locking: rtc_lock guards the index port.
 */
#include <pc/rtc.h>

#include "rtc_decode.h"

#include <abi/errno.h>
#include <acpi/machine.h>
#include <lib/string.h>
#include <log/log.h>
#include <sync/spinlock.h>
#include <time/clock.h>
#include <x86/io.h>

#define PORT_INDEX 0x70 /* bit 7 would turn NMIs off */
#define PORT_DATA  0x71

#define REG_SECOND   0x00
#define REG_MINUTE   0x02
#define REG_HOUR     0x04
#define REG_DAY      0x07
#define REG_MONTH    0x08
#define REG_YEAR     0x09
#define REG_STATUS_A 0x0a
#define REG_STATUS_B 0x0b

#define A_UPDATING (1 << 7)
/* An update takes 2 ms and announces itself 0.25 ms before. */
#define UPDATE_MAX_NS (3 * NSEC_PER_MSEC)
#define READ_TRIES    5

static struct spinlock rtc_lock = SPINLOCK_INIT("rtc", RANK_IRQ);

static uint8_t read_cmos(unsigned index)
{
	io_out8(PORT_INDEX, (uint8_t)index);
	return io_in8(PORT_DATA);
}

/* False: it never ends, so there is no clock. */
static bool wait_for_update(void)
{
	for (nsec_t waited = 0; read_cmos(REG_STATUS_A) & A_UPDATING;
	     waited += 10 * NSEC_PER_USEC) {
		if (waited > UPDATE_MAX_NS)
			return false;
		delay_ns(10 * NSEC_PER_USEC);
	}
	return true;
}

static struct rtc_registers read_registers(void)
{
	uint8_t century = machine.fixed.century_index;
	return (struct rtc_registers){
	    .second = read_cmos(REG_SECOND),
	    .minute = read_cmos(REG_MINUTE),
	    .hour = read_cmos(REG_HOUR),
	    .day = read_cmos(REG_DAY),
	    .month = read_cmos(REG_MONTH),
	    .year = read_cmos(REG_YEAR),
	    .century = century ? read_cmos(century) : 0,
	    .status_b = read_cmos(REG_STATUS_B),
	};
}

static bool read_twice(struct rtc_registers *registers)
{
	if (!wait_for_update())
		return false;
	*registers = read_registers();
	struct rtc_registers again = read_registers();
	return memcmp(registers, &again, sizeof(again)) == 0;
}

int rtc_read(struct date *date)
{
	irq_flags_t flags = spin_lock_irqsave(&rtc_lock);
	struct rtc_registers registers;
	bool is_read = false;
	for (int i = 0; i < READ_TRIES && !is_read; i++)
		is_read = read_twice(&registers);
	spin_unlock_irqrestore(&rtc_lock, flags);
	return is_read && rtc_decode(&registers, date) ? 0 : -ENODEV;
}

void rtc_init(void)
{
	struct date date;
	if (rtc_read(&date)) {
		log_warn("rtc", "no clock: the date starts at 1970");
		return;
	}
	clock_set_unix_time((nsec_t)date_to_unix(&date) * NSEC_PER_SEC);
	log_info("rtc", "%04d-%02d-%02d %02d:%02d:%02d UTC", date.year, date.month, date.day,
	    date.hour, date.minute, date.second);
}
