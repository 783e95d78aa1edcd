/*
 * What code compiled with -fsanitize=undefined calls when it is about to do something undefined: each kind has a function of
 * its own, whose first argument says where. Debug builds only; every report is a panic. The layouts and names are the
 * compilers' own interface, GCC's and Clang's alike.
 */
#include "ubsan.h"
#include <log/assert.h>

struct source_location {
	const char *file;
	uint32_t line, column;
};

struct type_descriptor {
	uint16_t kind, info;
	char name[]; /* quoted */
};

/* Every kind's data begins with the place, except where noted. */
struct report {
	struct source_location where;
};

struct report_type_mismatch {
	struct source_location where;
	const struct type_descriptor *type;
	uint8_t log_alignment, access;
};

struct report_out_of_bounds {
	struct source_location where;
	const struct type_descriptor *array_type, *index_type;
};

static NORETURN void report(const struct source_location *where, const char *what)
{
	panic("undefined behaviour: %s, %s:%u", what, where->file, where->line);
}

void __ubsan_handle_type_mismatch_v1(const struct report_type_mismatch *data, uintptr_t pointer)
{
	const char *what = !pointer ? "null" : "misaligned or too small an object for";
	panic("undefined behaviour: pointer %#lx is %s (%s), %s:%u", pointer, what,
	    data->type->name, data->where.file, data->where.line);
}

void __ubsan_handle_out_of_bounds(const struct report_out_of_bounds *data, uintptr_t index)
{
	panic("undefined behaviour: index %ld of %s, %s:%u", (long)index, data->array_type->name,
	    data->where.file, data->where.line);
}

void __ubsan_handle_shift_out_of_bounds(const struct report *data, uintptr_t value, uintptr_t by)
{
	panic("undefined behaviour: %#lx shifted by %ld, %s:%u", value, (long)by, data->where.file,
	    data->where.line);
}

void __ubsan_handle_divrem_overflow(const struct report *data, uintptr_t left, uintptr_t right)
{
	panic("undefined behaviour: %ld divided by %ld, %s:%u", (long)left, (long)right,
	    data->where.file, data->where.line);
}

void __ubsan_handle_load_invalid_value(const struct report *data, uintptr_t value)
{
	panic("undefined behaviour: %#lx is no value of a bool or enum, %s:%u", value,
	    data->where.file, data->where.line);
}

void __ubsan_handle_pointer_overflow(const struct report *data, uintptr_t base, uintptr_t result)
{
	panic("undefined behaviour: pointer %#lx overflows to %#lx, %s:%u", base, result,
	    data->where.file, data->where.line);
}

void __ubsan_handle_vla_bound_not_positive(const struct report *data, uintptr_t bound)
{
	panic("undefined behaviour: array of %ld elements, %s:%u", (long)bound, data->where.file,
	    data->where.line);
}

void __ubsan_handle_builtin_unreachable(const struct report *data)
{
	report(&data->where, "an unreachable place was reached");
}

void __ubsan_handle_missing_return(const struct report *data)
{
	report(&data->where, "a function ends without a value");
}

void __ubsan_handle_nonnull_arg(const struct report *data)
{
	report(&data->where, "null passed where it may not be");
}

void __ubsan_handle_nonnull_return_v1(
    const struct report *data, const struct source_location *where)
{
	(void)data;
	report(where, "null returned where it may not be");
}

void __ubsan_handle_invalid_builtin(const struct report *data)
{
	report(&data->where, "zero passed to a bit count");
}
