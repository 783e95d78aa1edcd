/*
 * The kernel's log: lines with a level, a subsystem and a time, kept in a ring per CPU so that logging takes no lock and
 * works in every context, NMI included, and copied to the console as they come. After a crash, panic prints the last
 * lines of all rings in order of time.
 */
#pragma once

#include <lib/fmt.h>
#include <lib/types.h>

enum log_level {
	LOG_ERR,   /* something is broken */
	LOG_WARN,  /* something is odd, and we go on */
	LOG_INFO,  /* what a user would want to see at boot */
	LOG_DEBUG, /* kept in the ring only, unless log_console_level is raised */
};

/* Context: any. One line each, without the newline. */
void log_write(enum log_level level, const char *subsystem, const char *format, ...)
    PRINTF_LIKE(3, 4);
#define log_err(subsystem, ...)   log_write(LOG_ERR, subsystem, __VA_ARGS__)
#define log_warn(subsystem, ...)  log_write(LOG_WARN, subsystem, __VA_ARGS__)
#define log_info(subsystem, ...)  log_write(LOG_INFO, subsystem, __VA_ARGS__)
#define log_debug(subsystem, ...) log_write(LOG_DEBUG, subsystem, __VA_ARGS__)

extern enum log_level log_console_level; /* lines up to this level are copied to the console */

/* What gives lines their time: the uptime clock, once there is one. Until then they say 0. */
void log_set_clock(nsec_t (*clock)(void));

/* Hands the newest `count` lines of all CPUs, oldest first, formatted, to the sink: one call a line, newline included. */
void log_replay(fmt_sink_t sink, void *ctx, size_t count);

struct log_stats {
	uint64_t lines;   /* logged since boot, on all CPUs */
	uint64_t dropped; /* not kept: the slot was still being written by whoever we interrupted */
};
void log_get_stats(struct log_stats *stats);

/* Text straight to the console, without level or time: what the monitor, tests and panic print. Context: any. */
void console_printf(const char *format, ...) PRINTF_LIKE(1, 2);
void console_write(const char *text, size_t len);
/* The same without making \r\n of a newline: for who has done that already. console_is_raw tells the outputs. Context: any. */
void console_write_raw(const char *text, size_t len);
bool console_is_raw(void);
/* A device below, two at most: a driver adds it once it can print, and it is given the lines logged so far. It must work
 * in any context, and is called by one CPU at a time (but see console_break_lock). */
typedef void (*console_output_t)(const char *text, size_t len);
void console_add_output(console_output_t output);
bool console_has_output(void);
/* Panic's way in: from now on no lock is taken, and the output of all other CPUs is discarded. */
void console_break_lock(void);
