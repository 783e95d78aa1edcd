/* Private to drivers/pc. */
#pragma once

#include <time/clock.h>

void ioapic_init(void);
/* Each gives the clock a counter, if the device is there. */
void hpet_init(void);
void pm_timer_init(void);
void pit_init(void);
extern bool pit_is_present;

/* Whether the counter moves within some microseconds: an absent device reads as a constant. */
bool pc_counter_moves(const struct clock_counter *counter);
