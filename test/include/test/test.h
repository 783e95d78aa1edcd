/*
 * Host unit tests. A test is a function that checks; a file of tests is a program. Each test runs in a child of its own, so that a
 * crash is one failure; sanitizers make a leak or an overrun a crash.
 *
 *     TEST(list_splice_moves_all) { ... CHECK_EQ(list_len(&a), 3); }
 */
#pragma once

#include <lib/types.h>

struct test {
	const char *name, *file;
	void (*run)(void);
	struct test *next;
};

void test_register(struct test *test);
NORETURN void test_fail(const char *file, int line, const char *format, ...) PRINTF_LIKE(3, 4);

#define TEST(test_name)                                                                            \
	static void test_case_##test_name(void);                                                   \
	__attribute__((constructor)) static void register_##test_name(void)                        \
	{                                                                                          \
		static struct test test = {                                                        \
		    .name = #test_name, .file = __FILE__, .run = test_case_##test_name};           \
		test_register(&test);                                                              \
	}                                                                                          \
	static void test_case_##test_name(void)

/* A failed check ends the test. */
#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			test_fail(__FILE__, __LINE__, "%s", #cond);                                \
	} while (0)

#define CHECK_EQ(actual, expected)                                                                 \
	do {                                                                                       \
		__typeof__(actual) check_actual_ = (actual);                                       \
		__typeof__(actual) check_expected_ = (__typeof__(actual))(expected);               \
		if (check_actual_ != check_expected_)                                              \
			test_fail(__FILE__, __LINE__, "%s is %lld, not %s = %lld", #actual,        \
			    (long long)check_actual_, #expected, (long long)check_expected_);      \
	} while (0)

#define CHECK_STR(actual, expected)                                                                \
	do {                                                                                       \
		const char *check_actual_ = (actual), *check_expected_ = (expected);               \
		if (__builtin_strcmp(check_actual_, check_expected_) != 0)                         \
			test_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #actual,         \
			    check_actual_, check_expected_);                                       \
	} while (0)

/* panic() must be called inside the statement: it returns here instead of dying. */
bool test_panics(void (*fn)(void *arg), void *arg);
#define CHECK_PANICS(fn, arg) CHECK(test_panics(fn, arg))
