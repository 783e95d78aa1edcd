/*
 * The ACPI reader on a made-up machine: every fact arrives; every damage is refused and costs only
 * the table it is in.
 */
#include "fake_machine.h"

static int read_all(void)
{
	machine_reset_facts(&m);
	int result = acpi_read(&m, &info, firmware_map);
	firmware_unmap_all();
	machine_finish(&m, 0);
	return result;
}

static void check_irq(const struct machine_irq *irq, uint32_t gsi, bool level, bool active_low)
{
	CHECK_EQ(irq->gsi, gsi);
	CHECK_EQ(irq->level, level);
	CHECK_EQ(irq->active_low, active_low);
}

static void check_madt_facts(void)
{
	CHECK_EQ(m.cpu_count, 3);
	CHECK_EQ(m.cpus[0].apic_id, 0);
	CHECK_EQ(m.cpus[0].firmware_id, 10);
	CHECK_EQ(m.cpus[1].apic_id, 2);
	CHECK_EQ(m.cpus[2].apic_id, 300);
	CHECK_EQ(m.lapic_address, 0xfee10000);
	CHECK(m.has_pics);
	CHECK_EQ(m.ioapic_count, 2);
	CHECK_EQ(m.ioapics[1].id, 8);
	CHECK_EQ(m.ioapics[1].address, 0xfec10000);
	CHECK_EQ(m.ioapics[1].gsi_base, 24);
	check_irq(&m.isa_irqs[0], 2, false, false);
	check_irq(&m.isa_irqs[1], 1, false, false);
	check_irq(&m.isa_irqs[3], 3, false, false);
	check_irq(&m.isa_irqs[9], 9, true, false);
	check_irq(&m.isa_irqs[10], 20, true, true);
	CHECK_EQ(m.nmi_count, 1);
	check_irq(&m.nmis[0], 17, true, true);
	CHECK_EQ(m.local_nmi_count, 3);
	CHECK_EQ(m.local_nmis[0].apic_id, MACHINE_ALL_CPUS);
	CHECK_EQ(m.local_nmis[0].lint, 1);
	CHECK_EQ(m.local_nmis[1].apic_id, 2);
	CHECK_EQ(m.local_nmis[1].lint, 0);
	CHECK_EQ(m.local_nmis[2].apic_id, 300);
}

static void check_numa_facts(void)
{
	CHECK_EQ(m.node_count, 2);
	CHECK_EQ(m.cpus[0].node, 0); /* domain 1 */
	CHECK_EQ(m.cpus[1].node, 1); /* domain 0x10000 */
	CHECK_EQ(m.cpus[2].node, 1);
	CHECK_EQ(m.memory_range_count, 3);
	CHECK_EQ(m.memory_ranges[0].node, 1);
	CHECK_EQ(m.memory_ranges[0].start, 0x8000000);
	CHECK_EQ(m.memory_ranges[2].node, 0);
	CHECK_EQ(m.memory_ranges[2].end, 0x8000000);
	CHECK_EQ(m.distances[0][0], 10);
	CHECK_EQ(m.distances[0][1], 20); /* the SLIT ends before domain 0x10000 */
}

static void check_other_facts(void)
{
	const struct machine_fixed *f = &m.fixed;
	CHECK(f->present && !f->hardware_reduced);
	CHECK(f->has_8042 && !f->has_vga && f->has_cmos);
	CHECK_EQ(f->century_index, 0x32);
	CHECK_EQ(f->sci, 9);
	CHECK_EQ(f->smi_command, 0xb2);
	CHECK_EQ(f->acpi_enable, 2);
	CHECK_EQ(f->pm1a_control.address, 0x614); /* the newer field */
	CHECK_EQ(f->pm1a_control.space, MACHINE_SPACE_PORT);
	CHECK_EQ(f->pm1b_control.address, 0x704);
	CHECK_EQ(f->sleep_control.address, 0xfea00200);
	CHECK_EQ(f->sleep_control.space, MACHINE_SPACE_MEMORY);
	CHECK_EQ(f->reset.address, 0xcf9);
	CHECK_EQ(f->reset_value, 0x0f);
	CHECK_EQ(f->pm_timer.address, 0x608);
	CHECK_EQ(f->pm_timer.bits, 32);
	CHECK(f->has_s5);
	CHECK_EQ(f->s5_type_a, 5);
	CHECK_EQ(f->s5_type_b, 1);
	CHECK_EQ(m.hpet_address, 0xfed00000);
	CHECK_EQ(m.ecam_count, 2);
	CHECK_EQ(m.ecams[1].address, 0x400000000);
	CHECK_EQ(m.ecams[1].segment, 1);
	CHECK_EQ(m.ecams[1].bus_first, 16);
	CHECK_EQ(m.ecams[1].bus_last, 31);
}

TEST(acpi_every_fact_arrives)
{
	make_machine();
	CHECK_EQ(read_all(), 0);
	check_madt_facts();
	check_numa_facts();
	check_other_facts();
}

TEST(acpi_rsdp_is_found_everywhere)
{
	make_machine();
	info.rsdp = RSDP;
	CHECK_EQ(read_all(), 0);

	memcpy(info.rsdp_copy, firmware + RSDP, 36);
	info.rsdp_copy_len = 36;
	info.rsdp = 0;
	memset(firmware + RSDP, 0, 36);
	CHECK_EQ(read_all(), 0);
	info.rsdp_copy_len = 20; /* the old kind: through the RSDT */
	CHECK_EQ(read_all(), 0);
	check_madt_facts();

	/* In the extended BIOS data area. */
	memcpy(firmware + 0x9fc40, info.rsdp_copy, 36);
	put16(0x40e, 0x9fc0);
	info.rsdp_copy_len = 0;
	CHECK_EQ(read_all(), 0);
	put16(0x40e, 0);
	CHECK_EQ(read_all(), -ENOENT);
	CHECK_EQ(m.cpu_count, 1); /* machine_finish knows of one */
}

TEST(acpi_rsdp_damage)
{
	make_machine();
	info.rsdp = RSDP;
	put8(RSDP + 33, 1); /* second half: the RSDT serves */
	CHECK_EQ(read_all(), 0);
	check_madt_facts();
	put8(RSDP + 9, 1);
	CHECK_EQ(read_all(), -ENOENT);
	make_machine();
	put8(RSDP, 'X');
	info.rsdp = RSDP;
	CHECK_EQ(read_all(), -ENOENT);
	info.rsdp = FIRMWARE_LEN - 10;
	CHECK_EQ(read_all(), -ENOENT);
}

TEST(acpi_root_damage)
{
	make_machine();
	put8(XSDT + 20, 1); /* checksum */
	CHECK_EQ(read_all(), 0);
	check_madt_facts();
	put32(RSDT + 4, 8); /* length */
	CHECK_EQ(read_all(), -ENOENT);
	put32(RSDT + 4, UINT32_MAX);
	CHECK_EQ(read_all(), -ENOENT);
}

/* A flipped bit anywhere in a table makes its checksum wrong. */
TEST(acpi_damaged_table_is_left_out)
{
	static const paddr_t tables[] = {MADT, SRAT, SLIT, FADT, DSDT, HPET, MCFG};
	for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
		make_machine();
		uint32_t len = read32(firmware + tables[t] + 4);
		for (uint32_t at = 0; at < len; at++) {
			firmware[tables[t] + at] ^= 0x40;
			CHECK_EQ(read_all(), tables[t] == MADT ? -ENOENT : 0);
			CHECK_EQ(m.cpu_count, tables[t] == MADT ? 1 : 3);
			CHECK_EQ(m.node_count, tables[t] == SRAT ? 1 : 2);
			CHECK_EQ(m.fixed.present, tables[t] != FADT);
			CHECK_EQ(m.fixed.has_s5, tables[t] != FADT && tables[t] != DSDT);
			CHECK_EQ(m.hpet_address != 0, tables[t] != HPET);
			CHECK_EQ(m.ecam_count, tables[t] == MCFG ? 0 : 2);
			firmware[tables[t] + at] ^= 0x40;
		}
	}
}

/* Entries whose lengths lie, under a good checksum. */
TEST(acpi_lying_entry_lengths)
{
	make_machine();
	for (unsigned len = 0; len < 256; len++) {
		put8(MADT + 45, (uint8_t)len);
		end_table(MADT);
		int result = read_all();
		CHECK(len >= 8 || result < 0);
	}
	make_machine();
	for (unsigned len = 0; len < 40; len++) {
		put8(SRAT + 49, (uint8_t)len);
		end_table(SRAT);
		CHECK_EQ(read_all(), 0);
		CHECK(len >= 16 || (m.node_count == 1 && m.memory_range_count == 0));
	}
	for (uint32_t len = ACPI_HEADER_LEN; len < 44 + 8; len++) { /* cut in the first entry */
		make_machine();
		put32(MADT + 4, len);
		end_table(MADT);
		CHECK(read_all() < 0);
	}
}

TEST(acpi_too_many_of_everything)
{
	make_machine();
	begin_table(MADT, "APIC", 3);
	APPEND(MADT, LE32(0xfee00000), LE32(0));
	for (unsigned i = 0; i < 100; i++) {
		APPEND(MADT, 9, 16, 0, 0, LE32(1000 + i), LE32(1), LE32(i));
		if (i < 40) {
			APPEND(MADT, 1, 12, 7, 0, LE32(0xfec00000), LE32(24 * i));
			APPEND(MADT, 3, 8, 0, 0, LE32(i));
			APPEND(MADT, 4, 6, 0xff, 0, 0, 1);
		}
	}
	end_table(MADT);
	begin_table(SRAT, "SRAT", 2);
	APPEND(SRAT, LE32(1), LE64(0ull));
	for (uint32_t i = 0; i < 20; i++)
		put_srat_memory(i * 3, i * 0x1000000, 0x1000000, 1);
	end_table(SRAT);
	machine_reset_facts(&m);
	CHECK_EQ(acpi_read(&m, &info, firmware_map), 0);
	firmware_unmap_all();
	CHECK_EQ(m.cpu_count, MACHINE_CPUS_MAX);
	CHECK_EQ(m.cpu_ignored, 100 - MACHINE_CPUS_MAX);
	CHECK_EQ(m.ioapic_count, MACHINE_IOAPICS_MAX);
	CHECK_EQ(m.nmi_count, MACHINE_NMIS_MAX);
	CHECK_EQ(m.node_count, MACHINE_NODES_MAX);
	CHECK_EQ(m.memory_ranges[7].node, 7);
	CHECK_EQ(m.memory_ranges[19].node, 0);

	/* The processor that we run on comes first even when it was not among the 64. */
	machine_finish(&m, 1099);
	CHECK_EQ(m.cpu_count, MACHINE_CPUS_MAX);
	CHECK_EQ(m.cpus[0].apic_id, 1099);
	CHECK_EQ(m.cpus[1].apic_id, 1000);
	machine_finish(&m, 1005);
	CHECK_EQ(m.cpus[0].apic_id, 1005);
	CHECK_EQ(m.cpus[1].apic_id, 1099);
}

TEST(acpi_impossible_memory)
{
	for (int kind = 0; kind < 3; kind++) {
		make_machine();
		if (kind == 0)
			put_srat_memory(1, UINT64_MAX - 5, 10, 1); /* wraps */
		if (kind == 1)
			put_srat_memory(1, 0x8100000, 0x1000, 1); /* the other node's */
		for (unsigned i = 0; kind == 2 && i < 70; i++)
			put_srat_memory(1, 0x100000000 + i * 0x1000, 0x1000, 1);
		end_table(SRAT);
		CHECK_EQ(read_all(), 0);
		CHECK_EQ(m.node_count, 1);
		CHECK_EQ(m.memory_range_count, 0);
		CHECK_EQ(m.cpus[1].node, 0);
	}
}

TEST(acpi_slit)
{
	/* Domains 1 and 3. */
	make_machine();
	begin_table(SRAT, "SRAT", 1);
	APPEND(SRAT, LE32(1), LE64(0ull));
	put_srat_memory(3, 0, 0x1000, 1);
	put_srat_memory(0xff01, 0x1000, 0x1000, 1); /* revision 1: eight bits count */
	end_table(SRAT);
	begin_table(SLIT, "SLIT", 1);
	APPEND(SLIT, LE64(4ull), 10, 11, 12, 13, 11, 10, 14, 15, 12, 14, 10, 16, 13, 17, 16, 10);
	end_table(SLIT);
	CHECK_EQ(read_all(), 0);
	CHECK_EQ(m.node_count, 2);
	CHECK_EQ(m.distances[0][1], 15);
	CHECK_EQ(m.distances[1][0], 17);
	CHECK_EQ(m.distances[1][1], 10);

	put8(SLIT + 44, 11); /* a node far from itself */
	end_table(SLIT);
	CHECK_EQ(read_all(), 0);
	CHECK_EQ(m.distances[0][1], 20);
	put8(SLIT + 44, 10);
	put8(SLIT + 45, 9); /* another nearer than itself */
	end_table(SLIT);
	CHECK_EQ(read_all(), 0);
	CHECK_EQ(m.distances[0][1], 20);
	static const uint64_t sizes[] = {0, 5, 65536, 1ull << 32, UINT64_MAX};
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		put64(SLIT + 36, sizes[i]);
		end_table(SLIT);
		CHECK_EQ(read_all(), 0);
		CHECK_EQ(m.distances[0][1], 20);
	}
}

TEST(acpi_fadt_of_every_length)
{
	make_machine();
	for (uint32_t len = ACPI_HEADER_LEN; len <= 276; len++) {
		put32(FADT + 4, len);
		end_table(FADT);
		CHECK_EQ(read_all(), 0);
		CHECK_EQ(m.fixed.present, len >= 116);
		CHECK_EQ(m.fixed.reset.address, len >= 129 ? 0xcf9 : 0);
		CHECK_EQ(m.fixed.pm1a_control.address, len < 116 ? 0 : len < 184 ? 0x604 : 0x614);
		CHECK_EQ(m.fixed.has_s5, len >= 148);
		CHECK_EQ(m.fixed.sleep_control.address, len >= 256 ? 0xfea00200 : 0);
	}
	put8(FADT + 8, 1); /* first revision: no boot flags */
	end_table(FADT);
	CHECK_EQ(read_all(), 0);
	CHECK(m.fixed.has_8042 && m.fixed.has_vga);
	put8(FADT + 116, 2); /* in PCI configuration space: we do not reach it */
	put32(FADT + 112, 1 << 10 | 1 << 20);
	end_table(FADT);
	CHECK_EQ(read_all(), 0);
	CHECK_EQ(m.fixed.reset.address, 0);
	CHECK(m.fixed.hardware_reduced);
}

TEST(acpi_s5_packages)
{
	static const struct {
		uint8_t aml[16];
		size_t len;
		int a, b; /* -1: not to be found */
	} cases[] = {
	    {{8, '_', 'S', '5', '_', 0x12, 6, 4, 0, 1, 0, 0}, 12, 0, 1},
	    {{8, '\\', '_', 'S', '5', '_', 0x12, 6, 2, 0x0a, 7, 1}, 12, 7, 1},
	    {{8, '_', 'S', '5', '_', 0x12, 0x47, 0, 2, 0x0b, 3, 0, 0x0a, 4}, 14, 3, 4},
	    {{8, '_', 'S', '5', '_', 0x12, 4, 1, 0x0a, 6}, 10, 6, 0},
	    {{9, '_', 'S', '5', '_', 0x12, 6, 4, 0, 1, 0, 0}, 12, -1, 0},    /* no name */
	    {{8, '_', 'S', '5', '_', 0x13, 6, 4, 0, 1, 0, 0}, 12, -1, 0},    /* no package */
	    {{8, '_', 'S', '5', '_', 0x12, 6, 2, 0x0a, 8, 0}, 11, -1, 0},    /* type too large */
	    {{8, '_', 'S', '5', '_', 0x12, 6, 2, 0x0b, 3, 1, 0}, 12, -1, 0}, /* larger */
	    {{8, '_', 'S', '5', '_', 0x12, 6, 0}, 8, -1, 0},                 /* empty */
	    {{8, '_', 'S', '5', '_', 0x12, 6, 2, 0x0a}, 9, -1, 0},           /* cut */
	    {{8, '_', 'S', '5', '_', 0x12, 6, 2, 1}, 9, -1, 0},
	    {{8, '_', 'S', '5', '_', 0x12, 0xc0}, 7, -1, 0},
	    {{8, '_', 'S', '5', '_', 0x12}, 6, -1, 0},
	    {{8, '_', 'S', '5', '_'}, 5, -1, 0},
	    {{'_', 'S', '5', '_'}, 4, -1, 0},
	    {{'S', '5', '_'}, 3, -1, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		make_machine();
		begin_table(DSDT, "DSDT", 2);
		append(DSDT, cases[i].aml, cases[i].len);
		end_table(DSDT);
		CHECK_EQ(read_all(), 0);
		CHECK_EQ(m.fixed.has_s5, cases[i].a >= 0);
		if (cases[i].a >= 0) {
			CHECK_EQ(m.fixed.s5_type_a, cases[i].a);
			CHECK_EQ(m.fixed.s5_type_b, cases[i].b);
		}
	}
}

TEST(acpi_devices_that_make_no_sense)
{
	make_machine();
	put8(HPET + 40, 1); /* in ports */
	end_table(HPET);
	CHECK_EQ(read_all(), 0);
	CHECK_EQ(m.hpet_address, 0);
	make_machine();
	put64(HPET + 44, 0);
	end_table(HPET);
	CHECK_EQ(read_all(), 0);
	CHECK_EQ(m.hpet_address, 0);

	make_machine();
	put8(MCFG + 60 + 10, 32); /* from bus 32 to 31 */
	end_table(MCFG);
	CHECK_EQ(read_all(), 0);
	CHECK_EQ(m.ecam_count, 0);
	make_machine();
	put8(MCFG + 44, 1); /* not aligned */
	end_table(MCFG);
	CHECK_EQ(read_all(), 0);
	CHECK_EQ(m.ecam_count, 0);
	make_machine();
	put32(MCFG + 4, 75);
	end_table(MCFG);
	CHECK_EQ(read_all(), 0);
	CHECK_EQ(m.ecam_count, 0);
}

TEST(acpi_sum_is_the_sum)
{
	uint8_t data[300];
	uint8_t sum = 0;
	for (size_t i = 0; i < sizeof data; i++) {
		data[i] = (uint8_t)(0xff - i % 7);
		CHECK_EQ(acpi_sum(data, i), sum);
		sum = (uint8_t)(sum + data[i]);
	}
}
