/* Arbitrary command lines: what is found fits, and contains no quote. */
#include <lib/cmdline.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1), *value = malloc(16);
	memcpy(line, data, size);
	line[size] = '\0';
	static const char *const names[] = {"a", "console", "x", "", "--", "\"a"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int result = cmdline_get(line, names[i], value, 16);
		if (result == 1 && (strlen(value) > 15 || strchr(value, '"')))
			abort();
		if (cmdline_has(line, names[i]) && result == 0)
			abort();
		(void)cmdline_get_size(line, names[i], 1);
	}
	free(line);
	free(value);
	return 0;
}
