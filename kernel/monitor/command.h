/* The commands of the monitor, one row each in commands.c. */
#pragma once

#include <lib/types.h>

#define ARGUMENTS_MAX 3

struct monitor_command {
	const char *name;
	const char *arguments; /* as shown by help */
	const char *help;
	/* argv[0] is the name; argc <= ARGUMENTS_MAX, the last one may contain spaces. Context: may sleep. */
	void (*run)(unsigned argc, char **argv);
};

extern const struct monitor_command monitor_commands[];
extern const size_t monitor_command_count;

void command_threads(unsigned argc, char **argv);
void command_backtrace(unsigned argc, char **argv);
void command_mem(unsigned argc, char **argv);
void command_slabs(unsigned argc, char **argv);
void command_devices(unsigned argc, char **argv);
void command_cpus(unsigned argc, char **argv);
void command_irq(unsigned argc, char **argv);
void command_clocks(unsigned argc, char **argv);

/* "3.5 GiB", "640 KiB": for people, so one decimal. Returns buf. */
#define SIZE_TEXT_MAX 24
const char *size_format(char buf[SIZE_TEXT_MAX], uint64_t bytes);
