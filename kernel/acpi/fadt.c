/*
 * FADT and _S5_: the registers that switch the machine off or reset it. ACPI 6.5, 5.2.9 and 7.4.2.
 */
#include <lib/string.h>

#include "acpi.h"

#define FADT_LEN_MIN 116 /* ACPI 1.0 */

#define FLAG_PM_TIMER_32      (1u << 8)
#define FLAG_RESET_REGISTER   (1u << 10)
#define FLAG_HARDWARE_REDUCED (1u << 20)

#define BOOT_HAS_8042 (1u << 1)
#define BOOT_NO_VGA   (1u << 2)
#define BOOT_NO_CMOS  (1u << 5)

/* A field that the table may be too short to have. */
static bool has_field(const struct acpi_table *table, size_t offset, size_t len)
{
	return table->len >= offset + len;
}

/*
 * A generic address of twelve bytes. Address 0 where it is absent, or in a space that we do not
 * reach.
 */
static struct machine_register read_register(const struct acpi_table *table, size_t offset)
{
	struct machine_register none = {0};
	if (!has_field(table, offset, 12))
		return none;
	const uint8_t *p = table->data + offset;
	uint64_t address = read64(p + 4);
	bool is_port = p[0] == MACHINE_SPACE_PORT && address <= UINT16_MAX;
	if (!is_port && p[0] != MACHINE_SPACE_MEMORY)
		return none;
	return (struct machine_register){
	    .space = (enum machine_space)p[0], .bits = p[1], .address = address};
}

/* The newer generic address, else the older port number. */
static struct machine_register read_either(
    const struct acpi_table *fadt, size_t generic, size_t port)
{
	struct machine_register reg = read_register(fadt, generic);
	uint32_t number = read32(fadt->data + port);
	if (!reg.address && number && number <= UINT16_MAX)
		reg = (struct machine_register){
		    .space = MACHINE_SPACE_PORT, .bits = 16, .address = number};
	return reg;
}

int acpi_read_fadt(struct machine *m, const struct acpi_table *fadt, paddr_t *dsdt)
{
	if (fadt->len < FADT_LEN_MIN)
		return acpi_refuse(fadt, "too short");
	struct machine_fixed *fixed = &m->fixed;
	const uint8_t *p = fadt->data;
	uint32_t flags = read32(p + 112), smi_command = read32(p + 48);
	uint16_t boot = read16(p + 109);
	bool has_boot_flags = p[8] >= 2; /* revision */

	fixed->present = true;
	fixed->hardware_reduced = flags & FLAG_HARDWARE_REDUCED;
	fixed->has_8042 = !has_boot_flags || boot & BOOT_HAS_8042;
	fixed->has_vga = !has_boot_flags || !(boot & BOOT_NO_VGA);
	fixed->has_cmos = !has_boot_flags || !(boot & BOOT_NO_CMOS);
	fixed->century_index = p[108] < 128 ? p[108] : 0;
	fixed->sci = read16(p + 46);
	fixed->smi_command = smi_command <= UINT16_MAX ? (uint16_t)smi_command : 0;
	fixed->acpi_enable = p[52];
	fixed->pm1a_control = read_either(fadt, 172, 64);
	fixed->pm1b_control = read_either(fadt, 184, 68);
	fixed->pm_timer = read_either(fadt, 208, 76);
	fixed->pm_timer.bits = flags & FLAG_PM_TIMER_32 ? 32 : 24;
	fixed->sleep_control = read_register(fadt, 244);
	if (flags & FLAG_RESET_REGISTER && has_field(fadt, 116, 13)) {
		fixed->reset = read_register(fadt, 116);
		fixed->reset_value = p[128];
	}
	*dsdt = has_field(fadt, 140, 8) ? read64(p + 140) : 0;
	if (!*dsdt)
		*dsdt = read32(p + 40);
	return 0;
}

/* An AML constant that fits a byte; the number of bytes it takes, or 0. */
static size_t read_constant(const uint8_t *p, size_t len, uint8_t *value)
{
	if (len >= 1 && (p[0] == 0x00 || p[0] == 0x01)) { /* ZeroOp, OneOp */
		*value = p[0];
		return 1;
	}
	if (len >= 2 && p[0] == 0x0a) { /* BytePrefix */
		*value = p[1];
		return 2;
	}
	if (len >= 3 && p[0] == 0x0b && p[2] == 0) { /* WordPrefix */
		*value = p[1];
		return 3;
	}
	return 0;
}

/*
 * Name (_S5_, Package (n) {a, b, …}), from behind the name: PackageOp, length of one to four bytes,
 * count, constants.
 */
static bool read_package(struct machine *m, const uint8_t *p, size_t len)
{
	if (len < 2 || p[0] != 0x12)
		return false;
	size_t pos = 2 + (size_t)(p[1] >> 6);
	uint8_t a, b = 0;
	if (pos >= len || p[pos] < 1)
		return false;
	uint8_t count = p[pos++];
	size_t used = read_constant(p + pos, len - pos, &a);
	if (!used || a > 7)
		return false;
	pos += used;
	if (count > 1 && (!read_constant(p + pos, len - pos, &b) || b > 7))
		return false;
	m->fixed.has_s5 = true;
	m->fixed.s5_type_a = a;
	m->fixed.s5_type_b = b;
	return true;
}

/*
 * We interpret no AML: the name is looked for as bytes, with a NameOp before it, perhaps with a
 * root prefix between.
 */
bool acpi_read_s5(struct machine *m, const struct acpi_table *aml)
{
	uint32_t name;
	memcpy(&name, "_S5_", 4);
	for (size_t pos = ACPI_HEADER_LEN + 1; pos + 4 <= aml->len; pos++) {
		const uint8_t *p = aml->data + pos;
		if (read32(p) != name)
			continue;
		bool is_named = p[-1] == 0x08 || (p[-1] == '\\' && p[-2] == 0x08);
		if (is_named && read_package(m, p + 4, aml->len - pos - 4))
			return true;
	}
	return false;
}
