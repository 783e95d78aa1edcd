/*
 * HPET and MCFG: one address each, more or less. IA-PC HPET specification 3.2.4; PCI Firmware
 * specification 4.1.2.
 */

#include "acpi.h"

#define HPET_LEN       56
#define MCFG_FIRST     44
#define MCFG_ENTRY_LEN 16
#define PAGE_MASK_4K   0xfffull

int acpi_read_hpet(struct machine *m, const struct acpi_table *hpet)
{
	if (hpet->len < HPET_LEN)
		return acpi_refuse(hpet, "too short");
	paddr_t address = read64(hpet->data + 44);
	if (hpet->data[40] != MACHINE_SPACE_MEMORY || !address || address % 8)
		return acpi_refuse(hpet, "bad address");
	if (!m->hpet_address) /* the first is number 0 */
		m->hpet_address = address;
	return 0;
}

int acpi_read_mcfg(struct machine *m, const struct acpi_table *mcfg)
{
	if (mcfg->len < MCFG_FIRST || (mcfg->len - MCFG_FIRST) % MCFG_ENTRY_LEN)
		return acpi_refuse(mcfg, "bad length");
	size_t count = (mcfg->len - MCFG_FIRST) / MCFG_ENTRY_LEN;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *p = mcfg->data + MCFG_FIRST + i * MCFG_ENTRY_LEN;
		if (!read64(p) || read64(p) & PAGE_MASK_4K || p[10] > p[11])
			return acpi_refuse(mcfg, "an entry makes no sense");
	}
	for (size_t i = 0; i < count && m->ecam_count < MACHINE_ECAM_MAX; i++) {
		const uint8_t *p = mcfg->data + MCFG_FIRST + i * MCFG_ENTRY_LEN;
		m->ecams[m->ecam_count++] = (struct machine_ecam){.address = read64(p),
		    .segment = read16(p + 8),
		    .bus_first = p[10],
		    .bus_last = p[11]};
	}
	return 0;
}
