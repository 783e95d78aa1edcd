/* Backtraces of the kernel's own stacks. */
#include <debug/backtrace.h>
#include <debug/symbol.h>
#include <lib/string.h>
#include <log/log.h>
#include <mm/page.h>
#include <x86/probe.h>
#include <x86/registers.h>

extern const char __text_start[], __text_end[];

/* From tools/symbols.sh. Absent in the first of the two links, hence weak. */
extern const uint32_t kernel_symbol_count WEAK;
extern const uint32_t kernel_symbol_addresses[] WEAK;
extern const uint32_t kernel_symbol_names[] WEAK;
extern const char kernel_symbol_strings[] WEAK;

bool address_is_code(uintptr_t address)
{
	return address >= (uintptr_t)__text_start && address < (uintptr_t)__text_end;
}

bool symbol_lookup(uintptr_t address, struct symbol *symbol)
{
	if (!&kernel_symbol_count || !address_is_code(address))
		return false;
	struct symbol_table table = {kernel_symbol_count, kernel_symbol_addresses,
	    kernel_symbol_names, kernel_symbol_strings};
	return symbol_find(&table, address - KERNEL_IMAGE_BASE, symbol);
}

/* By reading: the page tables, which would tell as well, may be what is damaged, or the map that shows them. */
bool address_is_readable(uintptr_t address)
{
	uint64_t ignored;
	return address >= DIRECT_MAP_BASE && IS_ALIGNED(address, sizeof(ignored)) &&
	       probe_read_u64(address, &ignored);
}

/* By name, so that the assembly need not know of us. */
static bool is_trap_entry(uintptr_t return_address)
{
	static const char *const entries[] = {
	    "exception_common", "interrupt_common", "paranoid_common"};
	struct symbol symbol;
	if (!symbol_lookup(return_address - 1, &symbol))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		if (strcmp(symbol.name, entries[i]) == 0)
			return true;
	return false;
}

unsigned backtrace_from(uintptr_t frame, uintptr_t *addresses, unsigned max)
{
	static const struct frame_checks checks = {.is_readable = address_is_readable,
	    .is_code = address_is_code,
	    .is_trap_entry = is_trap_entry,
	    .interrupted_ip = offsetof(struct registers, rip)};
	return frame_walk(frame, &checks, addresses, max);
}

/* A return address is behind its call, which may be the last instruction of a function that does not return: the
 * name is that of the call. */
static void print_frame(unsigned number, uintptr_t address, uintptr_t named)
{
	char text[SYMBOL_TEXT_MAX];
	console_printf("  #%-2u %#018lx %s\n", number, address, symbol_format(text, named));
}

void backtrace_print(uintptr_t ip, uintptr_t frame)
{
	uintptr_t addresses[BACKTRACE_MAX];
	unsigned count = backtrace_from(frame, addresses, BACKTRACE_MAX);
	unsigned number = 0;
	if (ip)
		print_frame(number++, ip, ip);
	for (unsigned i = 0; i < count; i++, number++) {
		/* A recursion is shown by its first and last frame. */
		bool repeats = i > 0 && i + 1 < count && addresses[i] == addresses[i - 1] &&
			       addresses[i] == addresses[i + 1];
		if (!repeats)
			print_frame(number, addresses[i], addresses[i] - 1);
	}
	if (count == BACKTRACE_MAX)
		console_printf("  ...\n");
}
