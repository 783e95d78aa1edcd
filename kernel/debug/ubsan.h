/* The functions that -fsanitize=undefined makes the compiler call; see ubsan.c. Nobody else does. */
#pragma once

#include <lib/types.h>

struct report;
struct report_type_mismatch;
struct report_out_of_bounds;
struct source_location;

void __ubsan_handle_type_mismatch_v1(const struct report_type_mismatch *data, uintptr_t pointer);
void __ubsan_handle_out_of_bounds(const struct report_out_of_bounds *data, uintptr_t index);
void __ubsan_handle_shift_out_of_bounds(const struct report *data, uintptr_t value, uintptr_t by);
void __ubsan_handle_divrem_overflow(const struct report *data, uintptr_t left, uintptr_t right);
void __ubsan_handle_load_invalid_value(const struct report *data, uintptr_t value);
void __ubsan_handle_pointer_overflow(const struct report *data, uintptr_t base, uintptr_t result);
void __ubsan_handle_vla_bound_not_positive(const struct report *data, uintptr_t bound);
void __ubsan_handle_builtin_unreachable(const struct report *data);
void __ubsan_handle_missing_return(const struct report *data);
void __ubsan_handle_nonnull_arg(const struct report *data);
void __ubsan_handle_nonnull_return_v1(
    const struct report *data, const struct source_location *where);
void __ubsan_handle_invalid_builtin(const struct report *data);
