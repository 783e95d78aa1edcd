/* Names by address: between, at and outside the symbols of a table. */
#include <debug/symbol.h>
#include <test/test.h>

static const uint32_t addresses[] = {0x100, 0x180, 0x400};
static const uint32_t names[] = {0, 6, 10};
static const struct symbol_table table = {3, addresses, names, "first\0two\0last"};

/* What kernel/debug/backtrace.c does with the kernel's own table. */
bool symbol_lookup(uintptr_t address, struct symbol *symbol)
{
	return symbol_find(&table, address, symbol);
}

static void check(uint64_t offset, const char *name, uint64_t into, uint64_t size)
{
	struct symbol symbol;
	CHECK(symbol_find(&table, offset, &symbol));
	CHECK_STR(symbol.name, name);
	CHECK_EQ(symbol.offset, into);
	CHECK_EQ(symbol.size, size);
}

TEST(an_address_belongs_to_the_symbol_at_or_below_it)
{
	check(0x100, "first", 0, 0x80);
	check(0x17f, "first", 0x7f, 0x80);
	check(0x180, "two", 0, 0x280);
	check(0x3ff, "two", 0x27f, 0x280);
	check(0x400, "last", 0, 0);
	check(0x12345, "last", 0x11f45, 0);
}

TEST(below_the_first_symbol_and_in_an_empty_table_is_nothing)
{
	struct symbol symbol;
	struct symbol_table empty = {0, NULL, NULL, NULL};
	CHECK(!symbol_find(&table, 0xff, &symbol));
	CHECK(!symbol_find(&table, 0, &symbol));
	CHECK(!symbol_find(&empty, 0x100, &symbol));
}

TEST(symbols_are_shown_with_offset_and_size)
{
	char text[SYMBOL_TEXT_MAX];
	CHECK_STR(symbol_format(text, 0x184), "two+0x4/0x280");
	CHECK_STR(symbol_format(text, 1), "?");
}
