/* The MP table: what it tells, where it may lie, and how it may be damaged. */
#include "fake_firmware.h"

#define POINTER 0xf6000
#define TABLE   0x9fd00

static struct machine m;
static uint32_t len;

static void append(const void *data, size_t size)
{
	put_bytes(TABLE + len, data, size);
	len += (uint32_t)size;
}

#define APPEND(...) append((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void finish(void)
{
	put16(TABLE + 4, (uint16_t)len);
	fix_sum(TABLE, len, TABLE + 7);
}

static void put_pointer(paddr_t at)
{
	put_bytes(at, "_MP_", 4);
	put32(at + 4, TABLE);
	put8(at + 8, 1);
	put8(at + 9, 4);
	fix_sum(at, 16, at + 10);
}

static void begin_table(void)
{
	firmware_unmap_all();
	memset(firmware, 0, sizeof firmware);
	put_bytes(TABLE, "PCMP", 4);
	put32(TABLE + 36, 0xfee00000);
	len = 44;
}

static void make_table(void)
{
	begin_table();
	APPEND(0, 3, 0x14, 3, [19] = 0);
	APPEND(0, 1, 0x14, 1, [19] = 0);
	APPEND(0, 2, 0x14, 0, [19] = 0); /* disabled */
	APPEND(1, 0, 'P', 'C', 'I', ' ', ' ', ' ');
	APPEND(1, 5, 'I', 'S', 'A', ' ', ' ', ' ');
	APPEND(3, 0, 0, 0, 5, 0, 9, 2);     /* ISA 0 at pin 2 */
	APPEND(3, 0, 0x0f, 0, 5, 9, 10, 9); /* ISA 9 at pin 9 of the second, level, low */
	APPEND(3, 0, 0, 0, 0, 3, 9, 20);    /* PCI's */
	APPEND(3, 0, 0, 0, 5, 4, 77, 4);    /* no such I/O APIC */
	APPEND(3, 1, 0, 0, 5, 0, 9, 23);    /* NMI */
	APPEND(2, 9, 0x11, 1, 0, 0, 0xc0, 0xfe);
	APPEND(2, 11, 0x11, 0, 0, 0, 0xc2, 0xfe); /* disabled */
	APPEND(2, 10, 0x11, 1, 0, 0, 0xc1, 0xfe);
	APPEND(4, 3, 0, 0, 5, 0, 0, 0); /* ExtINT: not an NMI */
	APPEND(4, 1, 0, 0, 5, 0, 0xff, 1);
	APPEND(4, 1, 0x0d, 0, 5, 0, 1, 0);
	finish();
	put_pointer(POINTER);
}

static int read_table(void)
{
	machine_reset_facts(&m);
	int result = mp_read(&m, firmware_map);
	firmware_unmap_all();
	return result;
}

TEST(mp_every_fact_arrives)
{
	make_table();
	CHECK_EQ(read_table(), 0);
	CHECK_EQ(m.cpu_count, 2);
	CHECK_EQ(m.cpus[0].apic_id, 3);
	CHECK_EQ(m.cpus[1].apic_id, 1);
	CHECK_EQ(m.ioapic_count, 2);
	CHECK_EQ(m.ioapics[0].address, 0xfec00000);
	CHECK_EQ(m.ioapics[1].id, 10);
	CHECK_EQ(m.ioapics[1].gsi_base, 24);
	CHECK_EQ(m.isa_irqs[0].gsi, 2);
	CHECK(!m.isa_irqs[0].level);
	CHECK_EQ(m.isa_irqs[9].gsi, 33);
	CHECK(m.isa_irqs[9].level && m.isa_irqs[9].active_low);
	CHECK_EQ(m.isa_irqs[3].gsi, 3);
	CHECK_EQ(m.isa_irqs[4].gsi, 4);
	CHECK_EQ(m.nmi_count, 1);
	CHECK_EQ(m.nmis[0].gsi, 23);
	CHECK_EQ(m.local_nmi_count, 2);
	CHECK_EQ(m.local_nmis[0].apic_id, MACHINE_ALL_CPUS);
	CHECK_EQ(m.local_nmis[1].apic_id, 1);
	CHECK(m.local_nmis[1].level && !m.local_nmis[1].active_low);
}

TEST(mp_pointer_is_found_everywhere)
{
	static const paddr_t places[] = {0xf0000, 0xffff0, 0xe0000, 0x9fc00, 0x80000, 0x803f0};
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		make_table();
		memset(firmware + POINTER, 0, 16);
		put16(0x40e, 0x8000);
		CHECK_EQ(read_table(), -ENOENT);
		put_pointer(places[i]);
		CHECK_EQ(read_table(), 0);
		put8(places[i] + 9, 5);
		CHECK_EQ(read_table(), -ENOENT);
	}
}

TEST(mp_damage)
{
	make_table();
	for (uint32_t at = 0; at < len; at++) {
		firmware[TABLE + at] ^= 0x80;
		CHECK(read_table() < 0);
		CHECK_EQ(m.cpu_count, 0);
		CHECK_EQ(m.ioapic_count, 0);
		firmware[TABLE + at] ^= 0x80;
	}
	for (uint32_t cut = 0; cut < len; cut++) { /* under a good checksum */
		put16(TABLE + 4, (uint16_t)cut);
		fix_sum(TABLE, max(cut, 8u), TABLE + 7);
		int result = read_table();
		CHECK(result == 0 || m.cpu_count == 0);
		CHECK(cut >= 64 || result < 0);
	}
	make_table();
	put32(POINTER + 4, FIRMWARE_LEN - 20);
	fix_sum(POINTER, 16, POINTER + 10);
	CHECK_EQ(read_table(), -ENOENT);
	put32(POINTER + 4, 0);
	fix_sum(POINTER, 16, POINTER + 10);
	CHECK_EQ(read_table(), -ENOENT);
}

TEST(mp_unknown_entries_are_refused)
{
	make_table();
	APPEND(5, 0, 0, 0, 0, 0, 0, 0); /* of unknown length */
	finish();
	CHECK_EQ(read_table(), -EINVAL);
	begin_table(); /* no processor */
	APPEND(2, 9, 0x11, 1, 0, 0, 0xc0, 0xfe);
	finish();
	put_pointer(POINTER);
	CHECK_EQ(read_table(), -EINVAL);
	CHECK_EQ(m.ioapic_count, 0);
}
