/*
 * The rings of log lines, one per CPU.
 *
 * A ring is an array of records of one size. A writer draws a ticket, which names its record, marks the record as being
 * written, fills it and marks it complete; the mark contains the ticket. So a reader on another CPU, who copies the
 * record and looks at the mark before and after, knows whether the copy is whole and is the one it asked for. Nobody waits:
 * an NMI that logs while it interrupts a writer gets the next ticket. Only if it wraps around the whole ring does it meet the
 * half-written record, and then it drops its own line and counts that.
 */
#include "log_impl.h"

#include <arch/cpu.h>
#include <arch/percpu.h>
#include <lib/atomic.h>
#include <lib/string.h>

struct log_record {
	uint64_t mark; /* a: 2 * ticket + 1 while being written, 2 * ticket + 2 when complete */
	uint64_t tsc;
	nsec_t time;
	const char *subsystem;
	uint8_t level;
	uint8_t len;
	char text[LOG_TEXT_MAX];
};

struct log_ring {
	uint64_t next;    /* a: the next ticket */
	uint64_t dropped; /* a */
	struct log_record records[LOG_RECORDS];
};

static PER_CPU(struct log_ring, log_ring);
static nsec_t (*log_clock)(void);
enum log_level log_console_level = LOG_INFO;

void log_set_clock(nsec_t (*clock)(void))
{
	atomic_store_release(&log_clock, clock);
}

/* NULL for a CPU that does not exist. */
static const struct log_ring *ring_of(unsigned cpu)
{
	if (cpu > 0 && percpu_offsets[cpu] == 0)
		return NULL;
	return per_cpu_ptr(log_ring, cpu);
}

/* Everything but the mark is in `line`. Interrupts off, so that the line stays on the CPU that wrote it. */
static void keep(const struct log_record *line)
{
	irq_flags_t flags = irq_save();
	struct log_ring *ring = this_cpu_ptr(log_ring);
	uint64_t ticket = atomic_fetch_add(&ring->next, 1);
	struct log_record *record = &ring->records[ticket % LOG_RECORDS];
	uint64_t mark = atomic_load(&record->mark);

	if (!(mark & 1) && atomic_cas(&record->mark, &mark, 2 * ticket + 1)) {
		record->tsc = line->tsc;
		record->time = line->time;
		record->subsystem = line->subsystem;
		record->level = line->level;
		record->len = line->len;
		memcpy(record->text, line->text, line->len);
		atomic_store_release(&record->mark, 2 * ticket + 2);
	} else {
		atomic_fetch_add(&ring->dropped, 1);
	}
	irq_restore(flags);
}

static size_t format_line(char *buf, const struct log_record *record)
{
	static const char *const prefixes[] = {
	    [LOG_ERR] = "error: ", [LOG_WARN] = "warning: ", [LOG_INFO] = "", [LOG_DEBUG] = ""};
	nsec_t us = record->time / NSEC_PER_USEC;
	int len = snprintf(buf, LOG_LINE_MAX - 1, "[%5lu.%06lu] %.16s: %s%.*s", us / 1000000,
	    us % 1000000, record->subsystem, prefixes[record->level], (int)record->len,
	    record->text);
	size_t end = min((size_t)len, (size_t)LOG_LINE_MAX - 2);
	buf[end] = '\n';
	return end + 1;
}

void log_write(enum log_level level, const char *subsystem, const char *format, ...)
{
	nsec_t (*clock)(void) = atomic_load_acquire(&log_clock);
	struct log_record line = {.tsc = cpu_timestamp(),
	    .time = clock ? clock() : 0,
	    .subsystem = subsystem,
	    .level = (uint8_t)level};
	va_list args;
	va_start(args, format);
	int len = vsnprintf(line.text, sizeof(line.text), format, args);
	va_end(args);
	if (len >= LOG_TEXT_MAX) {
		len = LOG_TEXT_MAX - 1;
		line.text[len - 1] = '~';
	}
	line.len = (uint8_t)len;

	keep(&line);
	if (level <= atomic_load(&log_console_level)) {
		char text[LOG_LINE_MAX];
		console_write(text, format_line(text, &line));
	}
}

/* False when the record was overwritten, dropped, or is not complete yet. */
static bool read_record(const struct log_ring *ring, uint64_t ticket, struct log_record *copy)
{
	const struct log_record *record = &ring->records[ticket % LOG_RECORDS];
	uint64_t complete = 2 * ticket + 2;
	if (atomic_load_acquire(&record->mark) != complete)
		return false;
	*copy = *record;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return atomic_load(&record->mark) == complete;
}

/*
 * Merging the rings: each has `end`, its number of lines when the replay began, and `back`, how far before that the replay stands.
 * First the replay walks back over the newest lines of all rings until it has passed as many as were asked for, then
 * forward again, printing. That takes no memory but these few words, as is right for a panic.
 */
struct replay {
	uint64_t end[CPU_MAX];
	uint8_t back[CPU_MAX];
};
static_assert(LOG_RECORDS <= UINT8_MAX, "replay.back");

/* The time of the line `back` before `end`; false when it cannot be read. */
static bool time_of(const struct log_ring *ring, uint64_t end, unsigned back, uint64_t *tsc)
{
	struct log_record copy;
	if (!read_record(ring, end - back, &copy))
		return false;
	*tsc = copy.tsc;
	return true;
}

/* One step into the past. False when there is nothing older. */
static bool step_back(struct replay *replay)
{
	uint64_t newest_tsc = 0;
	unsigned newest_cpu = CPU_MAX;
	for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
		const struct log_ring *ring = ring_of(cpu);
		uint64_t limit = min(replay->end[cpu], (uint64_t)LOG_RECORDS);
		uint64_t tsc = 0;
		while (ring && replay->back[cpu] < limit) {
			if (time_of(ring, replay->end[cpu], replay->back[cpu] + 1u, &tsc))
				break;
			replay->back[cpu]++;
		}
		if (ring && replay->back[cpu] < limit &&
		    (newest_cpu == CPU_MAX || tsc > newest_tsc)) {
			newest_tsc = tsc;
			newest_cpu = cpu;
		}
	}
	if (newest_cpu == CPU_MAX)
		return false;
	replay->back[newest_cpu]++;
	return true;
}

/* One step towards the present. Gives the ring and ticket of the line passed. */
static const struct log_ring *step_forward(struct replay *replay, uint64_t *ticket)
{
	uint64_t oldest_tsc = 0;
	unsigned oldest_cpu = CPU_MAX;
	for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
		uint64_t tsc = 0;
		while (replay->back[cpu] &&
		       !time_of(ring_of(cpu), replay->end[cpu], replay->back[cpu], &tsc))
			replay->back[cpu]--;
		if (replay->back[cpu] && (oldest_cpu == CPU_MAX || tsc < oldest_tsc)) {
			oldest_tsc = tsc;
			oldest_cpu = cpu;
		}
	}
	if (oldest_cpu == CPU_MAX)
		return NULL;
	*ticket = replay->end[oldest_cpu] - replay->back[oldest_cpu]--;
	return ring_of(oldest_cpu);
}

static NOINLINE void replay_line(
    const struct log_ring *ring, uint64_t ticket, fmt_sink_t sink, void *ctx)
{
	struct log_record record;
	char text[LOG_LINE_MAX];
	if (read_record(ring, ticket, &record))
		sink(ctx, text, format_line(text, &record));
}

void log_replay(fmt_sink_t sink, void *ctx, size_t count)
{
	struct replay replay = {0};
	for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
		const struct log_ring *ring = ring_of(cpu);
		if (ring)
			replay.end[cpu] = atomic_load_acquire(&ring->next);
	}
	while (count > 0 && step_back(&replay))
		count--;

	const struct log_ring *ring;
	uint64_t ticket = 0;
	while ((ring = step_forward(&replay, &ticket)))
		replay_line(ring, ticket, sink, ctx);
}

void log_get_stats(struct log_stats *stats)
{
	*stats = (struct log_stats){0};
	for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
		const struct log_ring *ring = ring_of(cpu);
		if (ring) {
			stats->lines += atomic_load(&ring->next);
			stats->dropped += atomic_load(&ring->dropped);
		}
	}
}
