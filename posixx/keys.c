/* Keys: add_key(2), request_key(2), and what they share with keyctl(2) (keyctl.c). The work is in kernel/keys. */
#include <abi/errno.h>
#include <arch/user_copy.h>
#include <keys/keys.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <posixx/syscalls.h>
#include <time/clock.h>

#include "keys_impl.h"

#define NEGATIVE_TIME   60 /* seconds for which a key that nobody had is known not to be there */
#define POSSESSOR(bits) ((uint32_t)(bits) << 24)
#define OWNER(bits)     ((uint32_t)(bits) << 16)
#define OWNERS_NEW      (POSSESSOR(KEY_ALL) | OWNER(KEY_VIEW))

int key_copy_type(uaddr_t from, char *name)
{
	int64_t len = strncpy_from_user(name, from, KEY_TYPE_NAME_MAX);
	if (len < 0)
		return len == -ENAMETOOLONG ? -EINVAL : (int)len;
	return !*name ? -EINVAL : *name == '.' ? -EPERM : 0;
}

int key_copy_text(uaddr_t from, char **copy)
{
	*copy = kmalloc(KEY_NAME_MAX);
	if (!*copy)
		return -ENOMEM;
	int64_t len = strncpy_from_user(*copy, from, KEY_NAME_MAX);
	if (len >= 0)
		return 0;
	kfree(*copy);
	*copy = NULL;
	return len == -ENAMETOOLONG ? -EINVAL : (int)len;
}

int key_find_type(const char *name)
{
	for (int type = 0; type < KEY_TYPE_COUNT; type++)
		if (strcmp(key_type_names[type], name) == 0)
			return type;
	return -ENODEV;
}

int key_check_content(int type, const char *description, size_t len)
{
	if (!*description)
		return -EINVAL;
	if (type == KEY_IS_KEYRING)
		return *description == '.' ? -EPERM : len ? -EINVAL : 0;
	if (type == KEY_IS_LOGON) {
		const char *colon = strchr(description, ':');
		if (!colon || colon == description)
			return -EINVAL;
	}
	return len && len <= KEY_PAYLOAD_MAX ? 0 : -EINVAL;
}

int key_copy_payload(uaddr_t from, size_t len, void **payload)
{
	*payload = NULL;
	if (!len)
		return 0;
	*payload = kmalloc(len);
	if (!*payload)
		return -ENOMEM;
	if (!copy_from_user(*payload, from, len))
		return 0;
	kfree(*payload);
	*payload = NULL;
	return -EFAULT;
}

struct key_ref key_get_for(int number, bool create, unsigned need)
{
	struct key_ref ref = key_lookup(number, create);
	if (!ref.key)
		return ref;
	ref.err = key_permission(&ref, need);
	if (ref.err) {
		key_put(ref.key);
		ref.key = NULL;
	}
	return ref;
}

struct key_ref key_get_keyring(int number, bool create, unsigned need)
{
	struct key_ref ref = key_get_for(number, create, need);
	if (!ref.key || ref.key->type == KEY_IS_KEYRING)
		return ref;
	key_put(ref.key);
	return (struct key_ref){.err = -ENOTDIR};
}

/* The payload is taken over when it answers a number. */
static int64_t add_locked(
    struct key *keyring, bool is_possessed, int type, const char *name, void *payload, size_t len)
{
	struct key *old =
	    type == KEY_IS_KEYRING ? NULL : keyring_find(keyring, (enum key_type)type, name);
	if (old && !key_validate(old)) {
		if (!key_permissions_allow(old, is_possessed, KEY_WRITE))
			return -EACCES;
		int err = key_replace_payload(old, payload, len);
		return err ? err : old->serial;
	}
	struct key *key;
	unsigned possessor = type == KEY_IS_LOGON ? KEY_ALL & ~(unsigned)KEY_READ : KEY_ALL;
	int err = key_create(
	    (enum key_type)type, name, POSSESSOR(possessor) | OWNER(KEY_VIEW), payload, len, &key);
	if (err)
		return err;
	int64_t serial = key->serial;
	err = keyring_link(keyring, key);
	if (err) {
		key->payload = NULL; /* the caller's still */
		serial = err;
	}
	key_put(key);
	return serial;
}

int64_t sys_add_key(uaddr_t type_at, uaddr_t name_at, uaddr_t payload_at, size_t len, int keyring)
{
	char type_name[KEY_TYPE_NAME_MAX], *name = NULL;
	void *payload;
	if (len > MiB - 1)
		return -EINVAL;
	int err = key_copy_type(type_at, type_name), type = key_find_type(type_name);
	if (!err)
		err = uaddr_is_null(name_at) ? -EINVAL : key_copy_text(name_at, &name);
	if (err)
		return err;
	int64_t result = key_copy_payload(payload_at, len, &payload);
	if (result)
		goto out_free;
	result = type < 0 ? type : 0;
	if (!result)
		result = key_check_content(type, name, len);
	if (!result) {
		keys_lock();
		struct key_ref ref = key_get_keyring(keyring, true, KEY_WRITE);
		result = ref.err;
		if (ref.key) {
			result = add_locked(ref.key, ref.is_possessed, type, name, payload, len);
			key_put(ref.key);
		}
		keys_unlock();
	}
	if (result < 0)
		kfree(payload);
out_free:
	kfree(name);
	return result;
}

/* There is nobody to ask: the key is known not to be there for a while. */
static int64_t note_absence(struct key *keyring, int type, const char *name)
{
	struct key *key, *target = keyring ? keyring : keys_request_destination();
	if (!target)
		return -ENOMEM;
	/* A destination of the program's own has been asked for permission. */
	if (!keyring && !key_permissions_allow(target, true, KEY_WRITE))
		return -EACCES;
	int err = key_create((enum key_type)type, name, OWNERS_NEW, NULL, 0, &key);
	if (err)
		return err;
	key->is_negative = true;
	key->expiry = unix_timestamp() + NEGATIVE_TIME;
	err = keyring_link(target, key);
	key_put(key);
	return err ? err : -ENOKEY;
}

static int64_t request_locked(struct key *keyring, int type, const char *name, bool asks)
{
	struct key *found;
	int err = keys_search((enum key_type)type, name, &found);
	if (err == -ENOKEY && asks)
		return note_absence(keyring, type, name);
	if (!err && keyring)
		err = keyring_link(keyring, found);
	return err ? err : found->serial;
}

int64_t sys_request_key(uaddr_t type_at, uaddr_t name_at, uaddr_t callout_at, int keyring)
{
	char type_name[KEY_TYPE_NAME_MAX], *name, *callout = NULL;
	bool asks = !uaddr_is_null(callout_at);
	int err = key_copy_type(type_at, type_name), type = key_find_type(type_name);
	if (!err)
		err = key_copy_text(name_at, &name);
	if (err)
		return err;
	if (asks)
		err = key_copy_text(callout_at, &callout);
	kfree(callout);
	struct key_ref ref = {0};
	int64_t result = err;
	keys_lock();
	if (!result && keyring) {
		ref = key_get_keyring(keyring, true, KEY_WRITE);
		result = ref.err;
	}
	if (!result)
		result = type < 0 ? type : request_locked(ref.key, type, name, asks);
	key_put(ref.key);
	keys_unlock();
	kfree(name);
	return result;
}
