/*
 * NUMA nodes: which memory and which CPUs are near one another. Filled by what reads the firmware's tables, before
 * page_init; constant afterwards. Without such tables everything is node 0.
 */
#include "mm_impl.h"

#include <log/assert.h>
#include <log/log.h>

#define NODE_RANGES_MAX  64
#define DISTANCE_LOCAL   10 /* ACPI's scale, SLIT */
#define DISTANCE_UNKNOWN 20

/* Constant after page_init. */
unsigned node_count = 1;
static struct node_range node_ranges[NODE_RANGES_MAX];
static size_t node_range_count;
static uint8_t cpu_nodes[CPU_MAX];
static uint8_t distances[NODE_MAX][NODE_MAX]; /* 0: not told */
static uint8_t fallbacks[NODE_MAX][NODE_MAX];
static bool has_memory[NODE_MAX];

void page_set_nodes(const struct node_range *ranges, size_t count)
{
	node_count = 1;
	node_range_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (ranges[i].node >= NODE_MAX || node_range_count == NODE_RANGES_MAX) {
			log_warn("mm", "node %u is one too many: its memory counts as node 0's",
			    ranges[i].node);
			continue;
		}
		node_ranges[node_range_count++] = ranges[i];
		node_count = max(node_count, ranges[i].node + 1);
	}
}

void node_set_cpu(unsigned cpu, unsigned node)
{
	assert(cpu < CPU_MAX);
	if (node >= NODE_MAX)
		return;
	cpu_nodes[cpu] = (uint8_t)node;
	node_count = max(node_count, node + 1);
}

void node_set_distance(unsigned from, unsigned to, unsigned distance)
{
	if (from < NODE_MAX && to < NODE_MAX)
		distances[from][to] = (uint8_t)min(distance, 255u);
}

unsigned node_distance(unsigned from, unsigned to)
{
	if (distances[from][to])
		return distances[from][to];
	return from == to ? DISTANCE_LOCAL : DISTANCE_UNKNOWN;
}

unsigned node_of_cpu(unsigned cpu)
{
	return cpu_nodes[cpu];
}

void node_note_memory(unsigned node)
{
	has_memory[node] = true;
}

unsigned closest_node(unsigned cpu)
{
	for (unsigned i = 0; i < node_count; i++) {
		unsigned node = node_fallback(node_of_cpu(cpu), i);
		if (has_memory[node])
			return node;
	}
	return 0;
}

unsigned node_fallback(unsigned node, unsigned i)
{
	return fallbacks[node][i];
}

unsigned node_of_range(paddr_t start, paddr_t *end)
{
	unsigned node = 0;
	for (size_t i = 0; i < node_range_count; i++) {
		const struct node_range *range = &node_ranges[i];
		if (range->start <= start && start < range->end) {
			node = range->node;
			*end = min(*end, range->end);
		} else if (start < range->start) {
			*end = min(*end, range->start);
		}
	}
	return node;
}

/* Insertion sort of all nodes by distance; equally far ones stay in order of number. */
static void sort_fallbacks(unsigned from)
{
	uint8_t *order = fallbacks[from];
	unsigned count = 0;
	order[count++] = (uint8_t)from;
	for (unsigned node = 0; node < node_count; node++) {
		if (node == from)
			continue;
		unsigned i = count++;
		for (; i > 1 && node_distance(from, order[i - 1]) > node_distance(from, node); i--)
			order[i] = order[i - 1];
		order[i] = (uint8_t)node;
	}
}

void nodes_init(void)
{
	for (unsigned node = 0; node < NODE_MAX; node++)
		has_memory[node] = false;
	for (unsigned node = 0; node < node_count; node++)
		sort_fallbacks(node);
}
