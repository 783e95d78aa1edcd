/* The table of commands, and those that are a few lines each. */
#include "command.h"

#include <acpi/power.h>
#include <debug/crash.h>
#include <driver/driver.h>
#include <lib/fmt.h>
#include <lib/string.h>
#include <log/assert.h>
#include <log/log.h>
#include <test/selftest.h>

#define LOG_LINES_DEFAULT 50

static void command_help(unsigned argc, char **argv)
{
	(void)argc, (void)argv;
	for (size_t i = 0; i < monitor_command_count; i++) {
		const struct monitor_command *command = &monitor_commands[i];
		char usage[32];
		snprintf(usage, sizeof(usage), "%s %s", command->name, command->arguments);
		console_printf("  %-22s %s\n", usage, command->help);
	}
}

static void print_line(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	console_write(text, len);
}

static void command_log(unsigned argc, char **argv)
{
	uint64_t count = LOG_LINES_DEFAULT;
	if (argc > 1 && !str_to_u64(argv[1], 0, &count)) {
		console_printf("log: how many lines?\n");
		return;
	}
	log_replay(print_line, NULL, count);
	struct log_stats stats;
	log_get_stats(&stats);
	console_printf("%lu lines since boot, %lu dropped\n", stats.lines, stats.dropped);
}

static void command_level(unsigned argc, char **argv)
{
	static const char *const names[] = {[LOG_ERR] = "error",
	    [LOG_WARN] = "warning",
	    [LOG_INFO] = "info",
	    [LOG_DEBUG] = "debug"};
	for (unsigned i = 0; argc > 1 && i < ARRAY_LEN(names); i++)
		if (strcmp(argv[1], names[i]) == 0)
			log_console_level = i;
	console_printf("lines up to \"%s\" come to the console (error, warning, info, debug)\n",
	    names[log_console_level]);
}

static void command_selftest(unsigned argc, char **argv)
{
	if (argc > 1)
		selftest_run(argv[1]);
	else
		selftest_list();
}

static void command_bench(unsigned argc, char **argv)
{
	if (argc > 1)
		bench_run(argv[1]);
	else
		bench_list();
}

static void command_panic(unsigned argc, char **argv)
{
	panic("%s", argc > 1 ? argv[1] : "asked for at the monitor");
}

static void command_crash(unsigned argc, char **argv)
{
	crash(argc > 1 ? argv[1] : "");
}

static void command_reboot(unsigned argc, char **argv)
{
	(void)argc, (void)argv;
	devices_shutdown();
	machine_reset();
}

static void command_poweroff(unsigned argc, char **argv)
{
	(void)argc, (void)argv;
	devices_shutdown();
	machine_power_off();
}

const struct monitor_command monitor_commands[] = {
    {"help", "", "this list", command_help},
    {"threads", "", "every thread, its state and what it used", command_threads},
    {"backtrace", "[ID]", "where a thread is; without ID, every one", command_backtrace},
    {"mem", "", "memory by node, free blocks by size", command_mem},
    {"slabs", "", "object caches", command_slabs},
    {"cpus", "", "processors: features, queues, idle time, timers", command_cpus},
    {"devices", "", "drivers at work, and the PCI bus", command_devices},
    {"irq", "", "interrupts by vector", command_irq},
    {"clocks", "", "time, and where it comes from", command_clocks},
    {"log", "[LINES]", "the last lines of the log", command_log},
    {"level", "[LEVEL]", "which log lines come to the console", command_level},
    {"selftest", "[PATTERN]", "run the self-tests that match, or list them", command_selftest},
    {"bench", "[PATTERN]", "run the benchmarks that match, or list them", command_bench},
    {"panic", "[TEXT]", "end in a panic, to see one", command_panic},
    {"crash", "[WAY]", "come down in another way, or list them", command_crash},
    {"reboot", "", "start the machine anew", command_reboot},
    {"poweroff", "", "switch the machine off", command_poweroff},
};
const size_t monitor_command_count = ARRAY_LEN(monitor_commands);
