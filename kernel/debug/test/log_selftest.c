/* The log while all CPUs write at once and one reads. (Here, and not with the log, because it needs threads.) */
#include <lib/fmt.h>
#include <lib/string.h>
#include <log/log.h>
#include <sched/thread.h>
#include <test/selftest.h>

#define LINES_PER_WRITER 400

struct writer {
	struct thread *thread;
	unsigned cpu;
};

static uint64_t lines_per_writer;

/* The body follows from writer and number, so a line torn or mixed with another gives itself away. */
static size_t make_body(char *body, unsigned writer, unsigned number)
{
	size_t len = 10 + number * 7 % 60;
	memset(body, 'a' + (int)((writer + number) % 26), len);
	body[len] = '\0';
	return len;
}

static void write_lines(void *arg)
{
	struct writer *writer = arg;
	for (unsigned i = 0; i < lines_per_writer; i++) {
		char body[80];
		make_body(body, writer->cpu, i);
		log_debug("race", "%u %u %s", writer->cpu, i, body);
		if (i % 64 == 0)
			sched_yield();
	}
}

struct reader {
	unsigned next[CPU_MAX]; /* of each writer: no line twice, none out of order */
	unsigned lines;
	const char *wrong;
};

static unsigned read_number(const char **text)
{
	unsigned value = 0;
	while (**text >= '0' && **text <= '9')
		value = value * 10 + (unsigned)(*(*text)++ - '0');
	(*text)++;
	return value;
}

static void check_line(void *ctx, const char *text, size_t len)
{
	struct reader *reader = ctx;
	char line[200], body[80];
	if (len >= sizeof(line)) {
		reader->wrong = "too long";
		return;
	}
	memcpy(line, text, len);
	line[len - 1] = '\0'; /* the newline */
	const char *at = strstr(line, "race: ");
	if (!at)
		return; /* somebody else's */
	at += strlen("race: ");
	unsigned writer = read_number(&at), number = read_number(&at);
	make_body(body, writer, number);
	if (strcmp(at, body) != 0)
		reader->wrong = "not what was written";
	else if (writer >= CPU_MAX || number < reader->next[writer])
		reader->wrong = "out of order";
	else
		reader->next[writer] = number + 1;
	reader->lines++;
}

/* Too big for a stack; one test runs at a time. */
static struct reader reader;
static struct writer writers[CPU_MAX];

static void read_and_check(void)
{
	reader = (struct reader){0};
	log_replay(check_line, &reader, CPU_MAX * 128);
	if (reader.wrong)
		selftest_fail(__FILE__, __LINE__, "a line is %s", reader.wrong);
}

SELFTEST(log_survives_writers_on_every_cpu)
{
	struct log_stats before, after;
	log_get_stats(&before);
	lines_per_writer = selftest_rounds(LINES_PER_WRITER);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		struct thread *thread = thread_create("log writer", write_lines, &writers[cpu]);
		CHECK(thread);
		writers[cpu] = (struct writer){thread, cpu};
		CHECK_EQ(thread_set_affinity(thread, cpumask_of(cpu)), 0);
		thread_start(thread);
	}
	for (unsigned i = 0; i < 50; i++) {
		read_and_check();
		sched_yield();
	}
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		thread_join(writers[cpu].thread);
		thread_put(writers[cpu].thread);
	}
	read_and_check();
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		CHECK_EQ(reader.next[cpu], lines_per_writer);
	log_get_stats(&after);
	CHECK_EQ(after.dropped, before.dropped);
	CHECK(after.lines - before.lines >= cpu_count * lines_per_writer);
}

BENCH(log_debug_line, 0, "a line kept in the ring, not shown")
{
	for (uint64_t i = 0; i < rounds; i++)
		log_debug("bench", "round %lu", i);
}
