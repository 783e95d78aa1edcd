/* The harness itself: a test that does something wrong must be seen to fail, whichever way it does it. */
#include <log/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <test/test.h>
#include <unistd.h>

static void wrong_check(void)
{
	CHECK_EQ(1 + 1, 3);
}

static void wrong_string(void)
{
	CHECK_STR("a", "b");
}

static void wrong_leak(void)
{
	char *volatile lost = malloc(10);
	CHECK(lost);
	lost = NULL;
}

static void wrong_overrun(void)
{
	volatile size_t len = 10;
	volatile char *text = malloc(len);
	text[len] = 0;
	free((void *)(uintptr_t)text);
}

static void wrong_shift(void)
{
	volatile int bits = 40;
	CHECK((1 << bits) != 1);
}

static void wrong_pointer(void)
{
	CHECK(*(volatile int *)8 == 0);
}

static void wrong_hang(void)
{
	for (;;)
		pause();
}

static void panic_now(void *arg)
{
	panic("as told, %s", (const char *)arg);
}

static void fail_now(void *arg)
{
	(void)arg;
	CHECK(false);
}

static void do_nothing(void *arg)
{
	(void)arg;
}

static void wrong_panic(void)
{
	panic_now((void *)(uintptr_t) "twice");
}

static void wrong_calm(void)
{
	CHECK_PANICS(do_nothing, NULL);
}

static void wrong_failure_instead_of_panic(void)
{
	CHECK_PANICS(fail_now, NULL);
}

#define WRONG(function)                                                                            \
	{                                                                                          \
		.name = #function, .file = __FILE__, .run = function                               \
	}
static struct test wrong_tests[] = {
    WRONG(wrong_check),
    WRONG(wrong_string),
    WRONG(wrong_leak),
    WRONG(wrong_overrun),
    WRONG(wrong_shift),
    WRONG(wrong_pointer),
    WRONG(wrong_hang),
    WRONG(wrong_panic),
    WRONG(wrong_calm),
    WRONG(wrong_failure_instead_of_panic),
};

/* Only in the second run of this program, below. */
__attribute__((constructor)) static void register_wrong_tests(void)
{
	if (!getenv("HARNESS_WRONG"))
		return;
	for (size_t i = 0; i < ARRAY_LEN(wrong_tests); i++)
		test_register(&wrong_tests[i]);
}

TEST(bad_tests_fail)
{
	char program[256], command[400], output[32768];
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
	CHECK(len > 0);
	program[len] = '\0';
	sprintf(command, "HARNESS_WRONG=1 TEST_SECONDS=2 '%s' wrong_ 2>&1", program);

	FILE *pipe = popen(command, "r"); /* NOLINT: our own program, by its own name */
	CHECK(pipe);
	size_t got = fread(output, 1, sizeof(output) - 1, pipe);
	output[got] = '\0';
	CHECK(pclose(pipe) != 0);

	char line[80];
	for (size_t i = 0; i < ARRAY_LEN(wrong_tests); i++) {
		sprintf(line, "FAIL %s: ", wrong_tests[i].name);
		if (!strstr(output, line))
			test_fail(__FILE__, __LINE__, "%s did not fail:\n%s", wrong_tests[i].name,
			    output);
	}
	CHECK(!strstr(output, "ok wrong_"));
	sprintf(line, "0 passed, %zu failed\n", ARRAY_LEN(wrong_tests));
	CHECK(strstr(output, line));
}

TEST(panic_is_expected_where_told)
{
	CHECK_PANICS(panic_now, (void *)(uintptr_t) "once");
	CHECK(!test_panics(do_nothing, NULL));
}
