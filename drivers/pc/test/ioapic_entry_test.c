/* Redirection entries, bit by bit. */
#include "ioapic_entry.h"

#include <test/test.h>

TEST(entries_have_the_hardware_s_layout)
{
	struct irq_route edge = {.vector = 0x31, .cpu = 0};
	CHECK_EQ(ioapic_entry(&edge, 0), 0x0000000000010031ull);
	CHECK_EQ(ioapic_entry(&edge, 254), 0xfe00000000010031ull);

	struct irq_route level_low = {.vector = 0xef, .is_level = true, .is_low = true};
	CHECK_EQ(ioapic_entry(&level_low, 3), 0x030000000001a0efull);
	struct irq_route level_high = {.vector = 0xef, .is_level = true};
	CHECK_EQ(ioapic_entry(&level_high, 3), 0x03000000000180efull);
	struct irq_route edge_low = {.vector = 0x40, .is_low = true};
	CHECK_EQ(ioapic_entry(&edge_low, 1), 0x0100000000012040ull);
}

/* What must stay clear: delivery mode (fixed), destination mode (physical), and the read-only bits. */
TEST(every_vector_and_destination_fits)
{
	for (unsigned vector = IRQ_DEVICE_FIRST; vector <= IRQ_DEVICE_LAST; vector++) {
		for (uint32_t id = 0; id <= IOAPIC_DEST_MAX; id++) {
			struct irq_route route = {
			    .vector = vector, .is_level = id & 1, .is_low = id & 2};
			uint64_t entry = ioapic_entry(&route, id);
			CHECK_EQ(entry & 0xff, vector);
			CHECK_EQ(entry >> 56, id);
			CHECK_EQ(entry & 0x00fffffffffe5f00ull, 0);
			CHECK(entry & IOAPIC_ENTRY_MASKED);
		}
	}
}
