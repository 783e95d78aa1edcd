/* Looking up names of functions. */
#include <debug/symbol.h>
#include <lib/fmt.h>

bool symbol_find(const struct symbol_table *table, uint64_t offset, struct symbol *symbol)
{
	/* Invariant: addresses before `low` are <= offset, those from `high` on are beyond it. */
	uint32_t low = 0, high = table->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (table->addresses[middle] <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	symbol->name = table->strings + table->names[low - 1];
	symbol->offset = offset - table->addresses[low - 1];
	symbol->size = low < table->count ? table->addresses[low] - table->addresses[low - 1] : 0;
	return true;
}

const char *symbol_format(char buf[SYMBOL_TEXT_MAX], uintptr_t address)
{
	struct symbol symbol;
	if (!symbol_lookup(address, &symbol))
		snprintf(buf, SYMBOL_TEXT_MAX, "?");
	else
		snprintf(buf, SYMBOL_TEXT_MAX, "%.50s+%#lx/%#lx", symbol.name, symbol.offset,
		    symbol.size);
	return buf;
}
