/* The monitor: a prompt, a line, a command, and again. */
#include "command.h"
#include "line_edit.h"

#include <lib/string.h>
#include <log/log.h>
#include <monitor/monitor.h>
#include <sched/thread.h>
#include <serial/serial.h>

static void echo(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	console_write(text, len);
}

static void run_line(char *text)
{
	char *words[ARGUMENTS_MAX];
	unsigned count = split_words(text, words, ARGUMENTS_MAX);
	if (count == 0)
		return;
	for (size_t i = 0; i < monitor_command_count; i++) {
		if (strcmp(monitor_commands[i].name, words[0]) == 0) {
			monitor_commands[i].run(count, words);
			return;
		}
	}
	console_printf("%s: no such command; `help` lists them\n", words[0]);
}

/* Types a line into `line`. False when there is nobody to type any more. */
static bool read_line(struct line_edit *line, enum line_event *event)
{
	line_edit_begin(line);
	do {
		char c;
		if (serial_read(&c, NSEC_MAX))
			return false;
		*event = line_edit_feed(line, c);
	} while (*event == LINE_MORE);
	return true;
}

void monitor_run(void)
{
	static struct line_edit line; /* there is one monitor */
	enum line_event event;
	line_edit_init(&line, echo, NULL);
	for (;;) {
		console_printf("exo> ");
		if (!read_line(&line, &event))
			break;
		if (event == LINE_DONE)
			run_line(line.text);
	}
	log_info("monitor", "no serial line to talk on");
	thread_exit(0);
}
