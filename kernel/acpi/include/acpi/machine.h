/*
 * What the machine consists of: processors, interrupt controllers, memory nodes, and the registers
 * that switch it off. Read once at boot from the firmware's tables (ACPI, else the older MP table,
 * else what QEMU's fw_cfg tells), then never written.
 *
 * These are plain facts in plain arrays; the interrupt, processor, memory and time code reads them.
 * Nothing here is to be believed further than it was checked: counts are within the arrays, node
 * numbers below node_count.
 */
#pragma once

#include <boot/boot_info.h>
#include <lib/types.h>

#define MACHINE_CPUS_MAX          64
#define MACHINE_IOAPICS_MAX       16
#define MACHINE_ISA_IRQS          16
#define MACHINE_NMIS_MAX          16
#define MACHINE_NODES_MAX         8
#define MACHINE_MEMORY_RANGES_MAX 64
#define MACHINE_ECAM_MAX          16

/* A processor that may be started. cpus[0] is the one that we booted on. */
struct machine_cpu {
	uint32_t apic_id;
	uint32_t firmware_id; /* what ACPI's tables call it */
	unsigned node;
};

struct machine_ioapic {
	uint32_t id;
	uint32_t
	    gsi_base; /* the first interrupt of its pins; how many pins is read from the device */
	paddr_t address;
};

/* How a line is wired. */
struct machine_irq {
	uint32_t gsi;
	bool level;      /* else edge */
	bool active_low; /* else high */
};

#define MACHINE_ALL_CPUS UINT32_MAX

/* A pin of a local APIC that carries a non-maskable interrupt. */
struct machine_local_nmi {
	uint32_t apic_id; /* or MACHINE_ALL_CPUS */
	uint8_t lint;     /* 0 or 1 */
	bool level, active_low;
};

struct machine_memory_range {
	paddr_t start, end;
	unsigned node;
};

/* PCI configuration space in memory. */
struct machine_ecam {
	paddr_t address; /* of bus 0, even when bus_first is not 0 */
	uint16_t segment;
	uint8_t bus_first, bus_last;
};

enum machine_space {
	MACHINE_SPACE_MEMORY = 0, /* ACPI's numbers */
	MACHINE_SPACE_PORT = 1,
};

/* A register wherever it lies (ACPI's generic address). address 0: there is none. */
struct machine_register {
	enum machine_space space;
	uint8_t bits;
	uint64_t address;
};

/* From the FADT. */
struct machine_fixed {
	bool present;
	bool hardware_reduced;            /* no PM1 registers: sleep_control takes their place */
	bool has_vga, has_8042, has_cmos; /* true when nobody says otherwise */
	uint8_t century_index;            /* in the CMOS; 0: none */
	uint16_t sci;                     /* the interrupt of ACPI events */
	uint16_t smi_command;             /* port; 0: ACPI mode is always on */
	uint8_t acpi_enable;              /* to be written there */
	struct machine_register pm1a_control, pm1b_control, sleep_control, reset;
	struct machine_register pm_timer; /* 3.579545 MHz */
	uint8_t reset_value;
	bool has_s5; /* the values that mean "off" were found in the DSDT */
	uint8_t s5_type_a, s5_type_b;
};

struct machine {
	const char
	    *source; /* "ACPI", "MP table", "fw_cfg" or "CPUID": where the processors come from */

	size_t cpu_count;   /* at least 1 */
	size_t cpu_ignored; /* usable, but beyond MACHINE_CPUS_MAX */
	struct machine_cpu cpus[MACHINE_CPUS_MAX];

	paddr_t lapic_address;
	bool has_pics; /* the two 8259s exist and must be masked */
	size_t ioapic_count;
	struct machine_ioapic ioapics[MACHINE_IOAPICS_MAX];
	struct machine_irq
	    isa_irqs[MACHINE_ISA_IRQS]; /* identity, edge, high where nothing overrides it */
	size_t nmi_count;
	struct machine_irq nmis[MACHINE_NMIS_MAX]; /* at I/O APICs */
	size_t local_nmi_count;
	struct machine_local_nmi local_nmis[MACHINE_NMIS_MAX];

	unsigned node_count;       /* at least 1 */
	size_t memory_range_count; /* 0: all memory is node 0's */
	struct machine_memory_range memory_ranges[MACHINE_MEMORY_RANGES_MAX];
	uint8_t distances[MACHINE_NODES_MAX][MACHINE_NODES_MAX]; /* [from][to], 10 is local */

	paddr_t hpet_address; /* 0: none */
	size_t ecam_count;
	struct machine_ecam ecams[MACHINE_ECAM_MAX];
	struct machine_fixed fixed;
};

extern struct machine machine;

/*
 * Fills `machine`. `map` turns a physical range into a pointer, or NULL when it is not memory that
 * may be read. A damaged table is skipped with a message. Context: boot, one CPU.
 */
void machine_describe(const struct boot_info *info, boot_map_t map);
