/* The rings of the log: order, overwriting, merging, and writers that interrupt or race one another. */
#include <arch/host.h>
#include <lib/atomic.h>
#include <lib/fmt.h>
#include <log/log.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <test/test.h>

#define RING_LINES 128

static char lines[4096][200];
static unsigned line_count;

static void collect(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	CHECK(len > 0 && len < sizeof(lines[0]) && text[len - 1] == '\n');
	CHECK(line_count < ARRAY_LEN(lines));
	memcpy(lines[line_count], text, len - 1);
	lines[line_count++][len - 1] = '\0';
}

static void replay(size_t count)
{
	line_count = 0;
	log_replay(collect, NULL, count);
}

static nsec_t fake_clock(void)
{
	return 12 * NSEC_PER_SEC + 34567 * NSEC_PER_USEC;
}

TEST(a_line_has_time_subsystem_and_level)
{
	log_info("mm", "%u pages", 7u);
	log_set_clock(fake_clock);
	log_warn("mm", "odd");
	log_err("a_very_long_subsystem", "bad");
	replay(10);
	CHECK_EQ(line_count, 3);
	CHECK_STR(lines[0], "[    0.000000] mm: 7 pages");
	CHECK_STR(lines[1], "[   12.034567] mm: warning: odd");
	CHECK_STR(lines[2], "[   12.034567] a_very_long_subs: error: bad");
}

TEST(a_long_line_is_cut_and_says_so)
{
	char text[400];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("t", "%s", text);
	log_info("t", "%s", "short");
	replay(2);
	CHECK_EQ(line_count, 2);
	size_t len = strlen(lines[0]);
	CHECK(len > 100 && len < 160);
	CHECK_EQ(lines[0][len - 1], '~');
	CHECK_EQ(lines[0][len - 2], 'x');
}

TEST(the_oldest_lines_make_room)
{
	for (unsigned i = 0; i < 300; i++)
		log_info("t", "line %u", i);
	replay(1000);
	CHECK_EQ(line_count, RING_LINES);
	for (unsigned i = 0; i < RING_LINES; i++) {
		char want[64];
		snprintf(want, sizeof(want), "[    0.000000] t: line %u", 300 - RING_LINES + i);
		CHECK_STR(lines[i], want);
	}
	struct log_stats stats;
	log_get_stats(&stats);
	CHECK_EQ(stats.lines, 300);
	CHECK_EQ(stats.dropped, 0);
}

TEST(lines_of_all_cpus_are_merged_by_time)
{
	host_cpus_set(5);
	unsigned seed = 1;
	for (unsigned i = 0; i < 200; i++) {
		seed = seed * 1103515245 + 12345;
		host_cpu_select(seed >> 16 & 3); /* CPU 4 never logs */
		log_info("t", "line %u", i);
	}
	host_cpu_select(0);
	for (size_t count = 1; count <= 200; count += 13) {
		replay(count);
		CHECK_EQ(line_count, count);
		for (unsigned i = 0; i < count; i++) {
			char want[64];
			snprintf(want, sizeof(want), "[    0.000000] t: line %zu", 200 - count + i);
			CHECK_STR(lines[i], want);
		}
	}
}

TEST(replay_of_an_empty_log_is_empty)
{
	replay(10);
	CHECK_EQ(line_count, 0);
	log_info("t", "one");
	replay(0);
	CHECK_EQ(line_count, 0);
}

/* A line that proves its own integrity: the number, then a text that follows from it. */
static void log_checked(unsigned writer, unsigned number)
{
	char body[80];
	unsigned len = 10 + number * 7 % 60;
	memset(body, 'a' + (int)((writer + number) % 26), len);
	body[len] = '\0';
	log_debug("race", "%u %u %s", writer, number, body);
}

static void check_line(const char *line, unsigned *writer, unsigned *number)
{
	const char *text = strstr(line, "race: ");
	CHECK(text);
	text += strlen("race: ");
	*writer = *number = 0;
	while (*text != ' ')
		*writer = *writer * 10 + (unsigned)(*text++ - '0');
	for (text++; *text != ' '; text++)
		*number = *number * 10 + (unsigned)(*text - '0');
	text++;
	CHECK_EQ(strlen(text), 10 + *number * 7 % 60);
	for (; *text; text++)
		CHECK_EQ(*text, 'a' + (int)((*writer + *number) % 26));
}

#define WRITERS      4
#define WRITER_LINES 20000u

static void *write_many(void *arg)
{
	unsigned writer = (unsigned)(uintptr_t)arg;
	host_cpu_select(writer);
	for (unsigned i = 0; i < WRITER_LINES; i++)
		log_checked(writer, i);
	return NULL;
}

static bool writers_done;

/* Each line whole, and the lines of one writer in order without doubles. */
static void check_replay(void)
{
	unsigned next[WRITERS + 1] = {0};
	replay(400);
	for (unsigned i = 0; i < line_count; i++) {
		unsigned writer, number;
		check_line(lines[i], &writer, &number);
		CHECK(writer <= WRITERS && number >= next[writer]);
		next[writer] = number + 1;
	}
}

static void *read_many(void *arg)
{
	(void)arg;
	host_cpu_select(0);
	do
		check_replay();
	while (!atomic_load_acquire(&writers_done));
	return NULL;
}

TEST(readers_see_whole_lines_while_writers_write)
{
	host_cpus_set(WRITERS + 1);
	pthread_t writers[WRITERS], reader;
	CHECK_EQ(pthread_create(&reader, NULL, read_many, NULL), 0);
	for (uintptr_t i = 0; i < WRITERS; i++)
		CHECK_EQ(pthread_create(&writers[i], NULL, write_many, (void *)(i + 1)), 0);
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	atomic_store_release(&writers_done, true);
	pthread_join(reader, NULL);

	replay(WRITERS * RING_LINES);
	CHECK_EQ(line_count, WRITERS * RING_LINES);
	struct log_stats stats;
	log_get_stats(&stats);
	CHECK_EQ(stats.lines, WRITERS * WRITER_LINES);
	CHECK_EQ(stats.dropped, 0);
}

/* A signal plays the NMI: it comes between any two instructions of a writer, and logs. */
static unsigned nested_lines;

static void log_from_signal(int number)
{
	(void)number;
	for (unsigned i = 0; i < 3; i++)
		log_checked(WRITERS, nested_lines++);
}

TEST(an_nmi_may_log_while_it_interrupts_a_writer)
{
	struct sigaction action = {.sa_handler = log_from_signal, .sa_flags = SA_RESTART};
	CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
	struct itimerval every = {{0, 100}, {0, 100}};
	CHECK_EQ(setitimer(ITIMER_REAL, &every, NULL), 0);
	unsigned written = 0;
	while (written < 20000 || nested_lines < 300)
		log_checked(0, written++);
	CHECK_EQ(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL), 0);

	struct log_stats stats;
	log_get_stats(&stats);
	CHECK_EQ(stats.lines, written + nested_lines);
	CHECK_EQ(stats.dropped, 0);
	check_replay();
	CHECK_EQ(line_count, RING_LINES);
}
