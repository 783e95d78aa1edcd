/* The console: levels, bulk output, one writer at a time, and what a panic does to that. */
#include <arch/cpu.h>
#include <arch/host.h>
#include <lib/atomic.h>
#include <log/log.h>
#include <pthread.h>
#include <string.h>
#include <test/test.h>

static char output[1 << 20];
static size_t output_len;
static unsigned output_calls, writers_inside;

static void capture(const char *text, size_t len)
{
	CHECK_EQ(atomic_fetch_add(&writers_inside, 1), 0);
	CHECK(output_len + len < sizeof(output));
	memcpy(output + output_len, text, len);
	output_len += len;
	output_calls++;
	atomic_fetch_sub(&writers_inside, 1);
}

TEST(nothing_is_lost_before_there_is_a_device)
{
	log_info("early", "one");
	console_printf("gone: no device, and no log either\n");
	console_add_output(capture);
	log_info("early", "two");
	CHECK_STR(output, "[    0.000000] early: one\n[    0.000000] early: two\n");
}

static char second[1000];

static void capture_second(const char *text, size_t len)
{
	CHECK(strlen(second) + len < sizeof(second));
	strncat(second, text, len);
}

TEST(a_second_device_gets_the_log_so_far_and_then_everything)
{
	console_add_output(capture);
	log_info("t", "one");
	console_add_output(capture_second);
	console_printf("two\n");
	CHECK_STR(output, "[    0.000000] t: one\ntwo\n");
	CHECK_STR(second, output);
}

TEST(levels_decide_what_the_console_shows)
{
	console_add_output(capture);
	log_debug("t", "hidden");
	CHECK_EQ(output_len, 0);
	log_console_level = LOG_DEBUG;
	log_debug("t", "shown");
	log_console_level = LOG_ERR;
	log_warn("t", "hidden");
	log_err("t", "shown");
	CHECK_STR(output, "[    0.000000] t: shown\n[    0.000000] t: error: shown\n");
}

TEST(small_pieces_reach_the_device_in_bulk)
{
	console_add_output(capture);
	console_printf("%d %d %s %c|", 1, 2, "three", '4');
	CHECK_STR(output, "1 2 three 4|");
	CHECK_EQ(output_calls, 1);
	char text[1000];
	memset(text, 'x', sizeof(text));
	console_printf("%.*s", (int)sizeof(text), text);
	CHECK_EQ(output_len, 12 + sizeof(text));
}

static void *print_lines(void *arg)
{
	unsigned cpu = (unsigned)(uintptr_t)arg;
	host_cpu_select(cpu);
	for (unsigned i = 0; i < 500; i++)
		console_printf("%c%c%s\n", 'a' + (int)cpu, 'a' + (int)cpu, "......");
	return NULL;
}

TEST(lines_of_two_cpus_do_not_mix)
{
	host_cpus_set(3);
	console_add_output(capture);
	pthread_t threads[3];
	for (uintptr_t i = 0; i < 3; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, print_lines, (void *)i), 0);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(output_len, 3 * 500 * 9);
	for (size_t i = 0; i < output_len; i += 9) {
		CHECK_EQ(output[i], output[i + 1]);
		CHECK(memcmp(output + i + 2, "......\n", 7) == 0);
	}
}

static void interrupt_itself(const char *text, size_t len)
{
	(void)len;
	if (text[0] == '!')
		console_write("nested", 6);
	else
		capture(text, len);
}

TEST(a_cpu_that_interrupts_itself_while_printing_gets_through)
{
	console_add_output(interrupt_itself);
	console_write("!", 1);
	CHECK_STR(output, "nested");
}

static bool is_stuck, is_released;

/* A device that does not come back from "?". */
static void hold(const char *text, size_t len)
{
	if (text[0] != '?') {
		capture(text, len);
		return;
	}
	atomic_store_release(&is_stuck, true);
	while (!atomic_load_acquire(&is_released))
		cpu_relax();
}

static void *get_stuck(void *arg)
{
	(void)arg;
	host_cpu_select(1);
	console_write("?", 1);
	return NULL;
}

TEST(a_panic_takes_the_console_from_whoever_has_it)
{
	host_cpus_set(3);
	console_add_output(hold);
	pthread_t thread;
	CHECK_EQ(pthread_create(&thread, NULL, get_stuck, NULL), 0);
	while (!atomic_load_acquire(&is_stuck))
		cpu_relax();

	console_break_lock();
	console_write("panic", 5);
	host_cpu_select(2);
	console_write("not now", 7);
	CHECK_STR(output, "panic");
	atomic_store_release(&is_released, true);
	pthread_join(thread, NULL);
}
