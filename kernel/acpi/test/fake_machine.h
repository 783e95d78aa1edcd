/* A made-up machine's tables, each complete and right; tests damage them. */
#pragma once

#include "fake_firmware.h"

#define RSDP 0xf5a00
#define XSDT 0x20000
#define RSDT 0x21000
#define MADT 0x22000
#define SRAT 0x23000
#define SLIT 0x24000
#define FADT 0x25000
#define DSDT 0x26000
#define HPET 0x27000
#define MCFG 0x28000

static struct machine m;
static struct boot_info info;

static void begin_table(paddr_t at, const char *signature, uint8_t revision)
{
	memset(firmware + at, 0, 0x1000);
	put_bytes(at, signature, 4);
	put32(at + 4, ACPI_HEADER_LEN);
	put8(at + 8, revision);
}

/* Adds bytes at the end of the table. */
static void append(paddr_t at, const void *data, size_t len)
{
	uint32_t old = read32(firmware + at + 4);
	put_bytes(at + old, data, len);
	put32(at + 4, old + (uint32_t)len);
}

#define APPEND(at, ...)                                                                            \
	append(at, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
#define LE32(x) (x) & 0xff, (x) >> 8 & 0xff, (x) >> 16 & 0xff, (x) >> 24 & 0xff
#define LE64(x) LE32((x)&0xffffffff), LE32((x) >> 32)

static void end_table(paddr_t at)
{
	fix_sum(at, read32(firmware + at + 4), at + 9);
}

static void make_root(void)
{
	static const uint64_t tables[] = {
	    0xdead000 /* nowhere */, FADT, MADT, HPET, MCFG, SRAT, SLIT};
	begin_table(XSDT, "XSDT", 1);
	begin_table(RSDT, "RSDT", 1);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		append(XSDT, &tables[i], 8);
		append(RSDT, &tables[i], 4);
	}
	end_table(XSDT);
	end_table(RSDT);

	put_bytes(RSDP, "RSD PTR ", 8);
	put8(RSDP + 15, 2);
	put32(RSDP + 16, RSDT);
	put32(RSDP + 20, 36);
	put64(RSDP + 24, XSDT);
	fix_sum(RSDP, 20, RSDP + 8);
	fix_sum(RSDP, 36, RSDP + 32);
}

static void make_madt(void)
{
	begin_table(MADT, "APIC", 3);
	APPEND(MADT, LE32(0xfee00000), LE32(1));
	APPEND(MADT, 0, 8, 10, 0, LE32(1));                      /* APIC 0, firmware's 10 */
	APPEND(MADT, 0, 8, 11, 2, LE32(1));                      /* APIC 2 */
	APPEND(MADT, 0, 8, 12, 4, LE32(0));                      /* disabled */
	APPEND(MADT, 0, 8, 13, 5, LE32(2));                      /* could be plugged in */
	APPEND(MADT, 0, 8, 14, 0xff, LE32(1));                   /* no such APIC */
	APPEND(MADT, 9, 16, 0, 0, LE32(300), LE32(1), LE32(20)); /* x2APIC 300 */
	APPEND(MADT, 9, 16, 0, 0, LE32(2), LE32(1), LE32(11));   /* again */
	APPEND(MADT, 1, 12, 7, 0, LE32(0xfec00000), LE32(0));
	APPEND(MADT, 1, 12, 8, 0, LE32(0xfec10000), LE32(24));
	APPEND(MADT, 2, 10, 0, 0, LE32(2), 0, 0);      /* ISA 0 is GSI 2 */
	APPEND(MADT, 2, 10, 0, 9, LE32(9), 0x0d, 0);   /* level, high */
	APPEND(MADT, 2, 10, 0, 10, LE32(20), 0x0f, 0); /* level, low */
	APPEND(MADT, 2, 10, 0, 77, LE32(20), 0, 0);    /* no such line */
	APPEND(MADT, 2, 10, 1, 3, LE32(20), 0, 0);     /* not the ISA bus */
	APPEND(MADT, 3, 8, 0x0f, 0, LE32(17));         /* NMI at GSI 17 */
	APPEND(MADT, 4, 6, 0xff, 0, 0, 1);             /* all: LINT1 */
	APPEND(MADT, 4, 6, 11, 0x0f, 0, 0);            /* firmware's 11: LINT0 */
	APPEND(MADT, 4, 6, 99, 0, 0, 1);               /* nobody's */
	APPEND(MADT, 10, 12, 5, 0, LE32(20), 1, 0, 0, 0);
	APPEND(MADT, 5, 12, 0, 0, LE64(0xfee10000ull));
	APPEND(MADT, 0x80, 4, 1, 2); /* unknown: skipped */
	end_table(MADT);
}

static void put_srat_memory(uint32_t domain, uint64_t start, uint64_t len, uint32_t flags)
{
	APPEND(SRAT, 1, 40, LE32(domain), 0, 0, LE64(start), LE64(len), LE32(0), LE32(flags),
	    LE64(0ull));
}

static void make_numa(void)
{
	begin_table(SRAT, "SRAT", 2);
	APPEND(SRAT, LE32(1), LE64(0ull));
	APPEND(SRAT, 0, 16, 1, 0, LE32(1), 0, 0, 0, 0, LE32(0)); /* APIC 0 in domain 1 */
	APPEND(SRAT, 0, 16, 0, 2, LE32(1), 0, 0, 1, 0, LE32(0)); /* APIC 2 in domain 0x10000 */
	APPEND(SRAT, 0, 16, 5, 2, LE32(0), 0, 0, 0, 0, LE32(0)); /* not enabled */
	APPEND(SRAT, 2, 24, 0, 0, LE32(0x10000), LE32(300), LE32(1), LE32(0), LE32(0));
	put_srat_memory(0x10000, 0x8000000, 0x8000000, 1);
	put_srat_memory(1, 0, 0xa0000, 1);
	put_srat_memory(1, 0x100000, 0x7f00000, 1);
	put_srat_memory(9, 0x100000000, 0x100000, 0); /* not enabled */
	put_srat_memory(1, 0x10000000, 0, 1);         /* empty */
	end_table(SRAT);

	begin_table(SLIT, "SLIT", 1);
	APPEND(SLIT, LE64(2ull), 10, 21, 22, 10);
	end_table(SLIT);
}

static void put_register(paddr_t at, uint8_t space, uint8_t bits, uint64_t address)
{
	put8(at, space);
	put8(at + 1, bits);
	put64(at + 4, address);
}

static void make_fadt(void)
{
	begin_table(FADT, "FACP", 6);
	put32(FADT + 4, 276);
	put32(FADT + 40, 0x1234); /* the older pointer, not to be used */
	put16(FADT + 46, 9);
	put32(FADT + 48, 0xb2);
	put8(FADT + 52, 2);
	put32(FADT + 64, 0x604);
	put32(FADT + 68, 0x704);
	put32(FADT + 76, 0x608);
	put8(FADT + 108, 0x32);
	put16(FADT + 109, 0x06); /* 8042, no VGA */
	put32(FADT + 112, 1 << 8 | 1 << 10);
	put_register(FADT + 116, 1, 8, 0xcf9);
	put8(FADT + 128, 0x0f);
	put64(FADT + 140, DSDT);
	put_register(FADT + 172, 1, 16, 0x614);
	put_register(FADT + 244, 0, 8, 0xfea00200);
	end_table(FADT);

	begin_table(DSDT, "DSDT", 2);
	APPEND(DSDT, 0x10, 0x20, '_', 'S', 'B', '_', '_', 'S', '5',
	    '_'); /* a mention without a definition */
	APPEND(DSDT, 0x08, '_', 'S', '5', '_', 0x12, 0x08, 0x04, 0x0a, 0x05, 0x01, 0x00, 0x00);
	end_table(DSDT);
}

static void make_devices(void)
{
	begin_table(HPET, "HPET", 1);
	APPEND(HPET, LE32(0x8086a201), 0, 0, 0, 0, LE64(0xfed00000ull), 0, LE32(0));
	put32(HPET + 4, 56);
	end_table(HPET);
	begin_table(MCFG, "MCFG", 1);
	APPEND(MCFG, LE64(0ull));
	APPEND(MCFG, LE64(0xb0000000ull), 0, 0, 0, 255, LE32(0));
	APPEND(MCFG, LE64(0x400000000ull), 1, 0, 16, 31, LE32(0));
	end_table(MCFG);
}

static void make_machine(void)
{
	firmware_unmap_all();
	memset(firmware, 0, sizeof firmware);
	memset(&info, 0, sizeof info);
	make_root();
	make_madt();
	make_numa();
	make_fadt();
	make_devices();
}
