/* What add_key, request_key and keyctl share: arguments that are copied and checked, and keys that are looked up. */
#pragma once

#include <keys/keys.h>
#include <lib/types.h>

#define KEY_TYPE_NAME_MAX 32

MUST_USE int key_copy_type(uaddr_t from, char *name);
/* *copy: to be freed with kfree, as *payload below; NULL when there is none. */
MUST_USE int key_copy_text(uaddr_t from, char **copy);
MUST_USE int key_copy_payload(uaddr_t from, size_t len, void **payload);
MUST_USE int key_find_type(const char *name); /* a type, or -ENODEV */
/* Whether the type has such a description and payload. */
MUST_USE int key_check_content(int type, const char *description, size_t len);

/* With a reference and the permission, or an error. */
MUST_USE struct key_ref key_get_for(int number, bool create, unsigned need);
MUST_USE struct key_ref key_get_keyring(int number, bool create, unsigned need);
