/* /proc/interrupts, and the sum of all in /proc/stat: lines by their numbers, then messages by their vectors, then what processors have of their own. */
#include "procfs_impl.h"

#include <abi/errno.h>
#include <irq/irq.h>
#include <lib/string.h>
#include <mm/slab.h>

#define ROWS_MAX 48

/* One interrupt, on all processors. */
struct row {
	struct irq_stats first;
	uint64_t counts[CPU_MAX];
};

struct rows {
	size_t count;
	uint64_t total;
	struct row rows[ROWS_MAX];
};

/* What each processor has, by the names that their owners give them, and Linux. */
static const struct own {
	const char *name, *key, *text;
} owns[] = {
    {"timer", "LOC", "Local timer interrupts"},
    {"spurious", "SPU", "Spurious interrupts"},
    {"reschedule", "RES", "Rescheduling interrupts"},
    {"call", "CAL", "Function call interrupts"},
    {"TLB", "TLB", "TLB shootdowns"},
    {"APIC error", "ERR", "APIC errors"},
};

static const struct own *own_of(const struct irq_stats *stats)
{
	for (size_t i = 0; stats->gsi < 0 && i < ARRAY_LEN(owns); i++)
		if (strcmp(owns[i].name, stats->name) == 0)
			return &owns[i];
	return NULL;
}

/* Messages are a processor's: another's with the same vector is another. */
static bool belongs(const struct irq_stats *first, const struct irq_stats *stats)
{
	const struct own *own = own_of(stats);
	if (own)
		return own_of(first) == own;
	return first->vector == stats->vector && first->cpu == stats->cpu;
}

static void add(const struct irq_stats *stats, void *ctx)
{
	struct rows *rows = ctx;
	size_t i = 0;
	rows->total += stats->count;
	while (i < rows->count && !belongs(&rows->rows[i].first, stats))
		i++;
	if (i == ROWS_MAX)
		return;
	if (i == rows->count)
		rows->rows[rows->count++].first = *stats;
	rows->rows[i].counts[stats->cpu] += stats->count;
}

static struct rows *gather(void)
{
	struct rows *rows = kzalloc(sizeof(*rows));
	if (rows)
		irq_for_each_stats(add, rows);
	return rows;
}

static void show_counts(struct proc_text *text, const struct row *row)
{
	for (unsigned cpu = 0; cpu < online_cpus(); cpu++)
		proc_print(text, " %10lu", row->counts[cpu]);
}

static void show_line(struct proc_text *text, const struct row *row)
{
	proc_print(text, "%3d:", row->first.gsi);
	show_counts(text, row);
	proc_print(text, "  IO-APIC %3d-%-8s  %s\n", row->first.gsi,
	    row->first.is_level ? "fasteoi" : "edge", row->first.name);
}

static void show_message(struct proc_text *text, const struct row *row)
{
	proc_print(text, "%3u:", row->first.vector);
	show_counts(text, row);
	proc_print(text, "  PCI-MSI %3u-%-8s  %s\n", row->first.vector, "edge", row->first.name);
}

/* The line with the lowest number behind `after`; NULL: none. */
static const struct row *next_line(const struct rows *rows, int after)
{
	const struct row *next = NULL;
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->rows[i];
		if (row->first.gsi > after && (!next || row->first.gsi < next->first.gsi))
			next = row;
	}
	return next;
}

int show_interrupts(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	struct rows *rows = gather();
	if (!rows)
		return -ENOMEM;
	proc_print(text, "%11s", "");
	for (unsigned cpu = 0; cpu < online_cpus(); cpu++)
		proc_print(text, "CPU%-8u", cpu);
	proc_print(text, "\n");
	for (const struct row *row = NULL; (row = next_line(rows, row ? row->first.gsi : -1));)
		show_line(text, row);
	for (size_t i = 0; i < rows->count; i++)
		if (rows->rows[i].first.gsi < 0 && !own_of(&rows->rows[i].first))
			show_message(text, &rows->rows[i]);
	for (size_t i = 0; i < rows->count; i++) {
		const struct own *own = own_of(&rows->rows[i].first);
		if (!own)
			continue;
		proc_print(text, "%3s:", own->key);
		show_counts(text, &rows->rows[i]);
		proc_print(text, "   %s\n", own->text);
	}
	kfree(rows);
	return 0;
}

/* "intr", the sum of all, and of each line. */
int show_interrupt_sums(struct proc_text *text)
{
	struct rows *rows = gather();
	if (!rows)
		return -ENOMEM;
	proc_print(text, "intr %lu", rows->total);
	int number = 0;
	for (const struct row *row = NULL; (row = next_line(rows, row ? row->first.gsi : -1));) {
		uint64_t sum = 0;
		for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
			sum += row->counts[cpu];
		for (; number < row->first.gsi; number++)
			proc_print(text, " 0");
		proc_print(text, " %lu", sum);
		number++;
	}
	proc_print(text, "\n");
	kfree(rows);
	return 0;
}
