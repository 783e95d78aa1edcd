/* The argument and environment strings of an execve, copied out of the old program before it goes: one buffer, string after string. */
#include "exec_impl.h"

#include <abi/errno.h>
#include <abi/linux/process.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <vm/address_space.h>

#define STRING_MAX  (32 * PAGE_SIZE) /* Linux's MAX_ARG_STRLEN */
#define TOTAL_LEAST (32 * PAGE_SIZE)
#define TOTAL_MOST  (6 * MiB)
#define FIRST_SIZE  1024

size_t exec_strings_limit(void)
{
	return min(
	    max(current_limit(RLIMIT_STACK) / 4, (uint64_t)TOTAL_LEAST), (uint64_t)TOTAL_MOST);
}

static struct exec_strings *create(void)
{
	struct exec_strings *strings = kzalloc(sizeof(*strings));
	char *text = kmalloc(FIRST_SIZE);
	if (!strings || !text) {
		kfree(strings);
		kfree(text);
		return NULL;
	}
	strings->text = text;
	strings->room = FIRST_SIZE;
	return strings;
}

void exec_strings_destroy(struct exec_strings *strings)
{
	if (!strings)
		return;
	kfree(strings->text);
	kfree(strings);
}

static int reserve(struct exec_strings *strings, size_t more)
{
	if (strings->len + more + (strings->count + 1) * sizeof(uint64_t) > exec_strings_limit())
		return -E2BIG;
	size_t room = strings->room;
	while (room < strings->len + more)
		room *= 2;
	if (room == strings->room)
		return 0;
	char *text = krealloc(strings->text, room);
	if (!text)
		return -ENOMEM;
	strings->text = text;
	strings->room = room;
	return 0;
}

int exec_strings_append(struct exec_strings *strings, const char *text)
{
	size_t len = strlen(text) + 1;
	int err = reserve(strings, len);
	if (err)
		return err;
	memcpy(strings->text + strings->len, text, len);
	strings->len += len;
	strings->count++;
	return 0;
}

/* Into what room there is; when it is too little, more room and again. */
static int append_user(struct exec_strings *strings, uaddr_t text)
{
	for (;;) {
		size_t room = strings->room - strings->len;
		int64_t len = room ? strncpy_from_user(strings->text + strings->len, text,
					 min(room, (size_t)STRING_MAX))
				   : -ENAMETOOLONG;
		if (len >= 0) {
			strings->len += (size_t)len + 1;
			strings->count++;
			return reserve(strings, 0);
		}
		if (len != -ENAMETOOLONG)
			return (int)len;
		if (room >= STRING_MAX)
			return -E2BIG;
		int err = reserve(strings, room + 1);
		if (err)
			return err;
	}
}

int exec_strings_from_user(uaddr_t vector, struct exec_strings **result)
{
	struct exec_strings *strings = create();
	if (!strings)
		return -ENOMEM;
	int err = 0;
	/* A NULL vector is an empty one, as on Linux. */
	for (size_t i = 0; !err && !uaddr_is_null(vector); i++) {
		uint64_t text;
		err = get_user_u64(&text, uaddr_add(vector, i * sizeof(text)));
		if (!err && !text)
			break;
		if (!err)
			err = append_user(strings, (uaddr_t){text});
	}
	if (err) {
		exec_strings_destroy(strings);
		return err;
	}
	*result = strings;
	return 0;
}

int exec_strings_from_kernel(const char *const *vector, struct exec_strings **result)
{
	struct exec_strings *strings = create();
	if (!strings)
		return -ENOMEM;
	int err = 0;
	for (size_t i = 0; !err && vector[i]; i++)
		err = exec_strings_append(strings, vector[i]);
	if (err) {
		exec_strings_destroy(strings);
		return err;
	}
	*result = strings;
	return 0;
}

int exec_strings_append_all(struct exec_strings *to, const struct exec_strings *from, size_t skip)
{
	const char *text = from->text;
	for (size_t i = 0; i < from->count; i++, text += strlen(text) + 1) {
		int err = i < skip ? 0 : exec_strings_append(to, text);
		if (err)
			return err;
	}
	return 0;
}
