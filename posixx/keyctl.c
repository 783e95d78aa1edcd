/* keyctl(2): what can be done with keys that are there. */
#include <abi/errno.h>
#include <arch/user_copy.h>
#include <credentials/credentials.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <posixx/syscalls.h>
#include <time/clock.h>

#include "keys_impl.h"

#define PERMISSION_BITS 0x3f3f3f3fu

enum {
	GET_KEYRING_ID,
	JOIN_SESSION_KEYRING,
	UPDATE,
	REVOKE,
	CHOWN,
	SET_PERMISSIONS,
	DESCRIBE,
	CLEAR,
	LINK,
	UNLINK,
	SEARCH,
	READ,
	SET_REQUEST_KEYRING = 14,
	SET_TIMEOUT,
	INVALIDATE = 21,
};

static int64_t join_session(uaddr_t name_at)
{
	char *name = NULL;
	int err = uaddr_is_null(name_at) ? 0 : key_copy_text(name_at, &name);
	if (!err && name && (*name == '.' || !*name))
		err = *name ? -EPERM : -EINVAL;
	int64_t result = err;
	if (!err) {
		keys_lock();
		result = keys_join_session(name);
		keys_unlock();
	}
	kfree(name);
	return result;
}

static int64_t update(int number, uaddr_t from, size_t len)
{
	void *payload;
	if (len > PAGE_SIZE * 8)
		return -EINVAL;
	int64_t result = key_copy_payload(from, len, &payload);
	if (result)
		return result;
	keys_lock();
	struct key_ref ref = key_get_for(number, false, KEY_WRITE);
	result = ref.err;
	if (ref.key) {
		result = ref.key->type == KEY_IS_KEYRING
			     ? -EOPNOTSUPP
			     : key_check_content((int)ref.key->type, ref.key->description, len);
		if (!result)
			result = key_replace_payload(ref.key, payload, len);
		key_put(ref.key);
	}
	keys_unlock();
	if (result)
		kfree(payload);
	return result;
}

/* What KEYCTL_READ tells, as a copy to be freed; its length or -errno. */
static int64_t read_locked(const struct key *key, void **copy)
{
	size_t len = key->len;
	if (key->type == KEY_IS_LOGON)
		return -EOPNOTSUPP;
	if (key->is_negative)
		return -ENOKEY;
	if (key->type == KEY_IS_KEYRING)
		len = keyring_count(key) * sizeof(int);
	*copy = kmalloc(max(len, (size_t)1));
	if (!*copy)
		return -ENOMEM;
	if (key->type == KEY_IS_KEYRING) {
		const struct key_link *link;
		int *serial = *copy;
		list_for_each(link, &key->links, link)
			*serial++ = link->key->serial;
	} else {
		memcpy(*copy, key->payload, len);
	}
	return (int64_t)len;
}

static int64_t read(int number, uaddr_t to, size_t size)
{
	void *copy = NULL;
	keys_lock();
	struct key_ref ref = key_lookup(number, false);
	int64_t len = ref.err;
	if (ref.key) {
		/* Who possesses a key that can be found may read it. */
		len = key_permission(&ref, KEY_READ);
		if (len == -EACCES && ref.is_possessed &&
		    key_permissions_allow(ref.key, true, KEY_SEARCH))
			len = 0;
		if (!len)
			len = read_locked(ref.key, &copy);
		key_put(ref.key);
	}
	keys_unlock();
	if (len >= 0 && !uaddr_is_null(to) && copy_to_user(to, copy, min((size_t)len, size)))
		len = -EFAULT;
	kfree(copy);
	return len;
}

static int64_t describe(int number, uaddr_t to, size_t size)
{
	char *text = kmalloc(KEY_NAME_MAX + 64);
	if (!text)
		return -ENOMEM;
	keys_lock();
	struct key_ref ref = key_get_for(number, false, KEY_VIEW);
	int64_t len = ref.err;
	if (ref.key) {
		len = snprintf(text, KEY_NAME_MAX + 64, "%s;%d;%d;%08x;%s",
			  key_type_names[ref.key->type], (int)ref.key->uid, (int)ref.key->gid,
			  ref.key->permissions, ref.key->description) +
		      1;
		key_put(ref.key);
	}
	keys_unlock();
	if (len > 0 && !uaddr_is_null(to) && (size_t)len <= size &&
	    copy_to_user(to, text, (size_t)len))
		len = -EFAULT;
	kfree(text);
	return len;
}

static int64_t search(int keyring, uaddr_t type_at, uaddr_t name_at, int destination)
{
	char type_name[KEY_TYPE_NAME_MAX], *name;
	int err = key_copy_type(type_at, type_name), type = key_find_type(type_name);
	if (!err)
		err = key_copy_text(name_at, &name);
	if (err)
		return err;
	struct key_ref target = {0}, ref = {0};
	struct key *found = NULL;
	keys_lock();
	ref = key_get_keyring(keyring, false, KEY_SEARCH);
	int64_t result = ref.err;
	if (!result && destination) {
		target = key_get_keyring(destination, true, KEY_WRITE);
		result = target.err;
	}
	if (!result)
		result = type < 0 ? type
				  : keyring_search(ref.key, ref.is_possessed, (enum key_type)type,
					name, &found);
	if (!result && target.key)
		result = keyring_link(target.key, found);
	if (!result)
		result = found->serial;
	key_put(target.key);
	key_put(ref.key);
	keys_unlock();
	kfree(name);
	return result;
}

static int change_owner(struct key *key, uint32_t uid, uint32_t gid)
{
	bool is_root = has_power(POWER_SYS_ADMIN);
	if (uid != UINT32_MAX && uid != key->uid && !is_root)
		return -EACCES;
	if (gid != UINT32_MAX && gid != key->gid && !is_root &&
	    !credentials_in_group(current_credentials(), gid))
		return -EACCES;
	if (uid != UINT32_MAX)
		key->uid = uid;
	if (gid != UINT32_MAX)
		key->gid = gid;
	return 0;
}

static int set_permissions(struct key *key, uint32_t permissions)
{
	if (key->uid != current_credentials()->fsuid && !has_power(POWER_SYS_ADMIN))
		return -EACCES;
	key->permissions = permissions;
	return 0;
}

/* What is done to one key that is looked up for it. */
static int64_t change(int command, struct key *key, uint64_t arg3, uint64_t arg4)
{
	switch (command) {
	case GET_KEYRING_ID: return key->serial;
	case REVOKE: key->is_revoked = true; return 0;
	case CHOWN: return change_owner(key, (uint32_t)arg3, (uint32_t)arg4);
	case SET_PERMISSIONS: return set_permissions(key, (uint32_t)arg3);
	case CLEAR: keyring_clear(key); return 0;
	case SET_TIMEOUT: key->expiry = arg3 ? unix_timestamp() + (uint32_t)arg3 : 0; return 0;
	default: key_invalidate(key); return 0;
	}
}

static struct key_ref get_to_change(int command, int number, uint64_t arg3)
{
	switch (command) {
	case GET_KEYRING_ID: return key_get_for(number, arg3, KEY_SEARCH);
	case CLEAR: return key_get_keyring(number, true, KEY_WRITE);
	case INVALIDATE: return key_get_for(number, false, KEY_SEARCH);
	case REVOKE: {
		struct key_ref ref = key_get_for(number, false, KEY_WRITE);
		return ref.err == -EACCES ? key_get_for(number, false, KEY_SET_ATTRIBUTES) : ref;
	}
	default: return key_get_for(number, true, KEY_SET_ATTRIBUTES);
	}
}

static int64_t look_up_and_change(int command, int number, uint64_t arg3, uint64_t arg4)
{
	if (command == SET_PERMISSIONS && arg3 & ~(uint64_t)PERMISSION_BITS)
		return -EINVAL;
	keys_lock();
	struct key_ref ref = get_to_change(command, number, arg3);
	int64_t result = ref.err;
	if (ref.key) {
		result = change(command, ref.key, arg3, arg4);
		key_put(ref.key);
	}
	keys_unlock();
	return result;
}

static int64_t link(bool is_unlink, int number, int keyring)
{
	keys_lock();
	struct key_ref ref = key_get_keyring(keyring, !is_unlink, KEY_WRITE), key = {0};
	int64_t result = ref.err;
	if (!result) {
		/* Whatever has become of a key, it can be taken out. */
		key = is_unlink ? key_lookup(number, false) : key_get_for(number, true, KEY_LINK);
		result = key.err;
	}
	if (!result)
		result =
		    is_unlink ? keyring_unlink(ref.key, key.key) : keyring_link(ref.key, key.key);
	key_put(key.key);
	key_put(ref.key);
	keys_unlock();
	return result;
}

static int64_t set_request_keyring(int kind)
{
	enum { NO_CHANGE = -1, GROUP = 6, REQUESTOR };
	if (kind < NO_CHANGE || kind == GROUP || kind > REQUESTOR)
		return -EINVAL;
	keys_lock();
	struct keyrings *keyrings = keyrings_of_current();
	int64_t old = keyrings ? keyrings->request_destination : -ENOMEM;
	if (keyrings && kind != NO_CHANGE)
		keyrings->request_destination = kind;
	keys_unlock();
	return old;
}

int64_t sys_keyctl(int command, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	int number = (int)arg2;
	switch (command) {
	case JOIN_SESSION_KEYRING: return join_session((uaddr_t){arg2});
	case UPDATE: return update(number, (uaddr_t){arg3}, arg4);
	case DESCRIBE: return describe(number, (uaddr_t){arg3}, arg4);
	case LINK:
	case UNLINK: return link(command == UNLINK, number, (int)arg3);
	case SEARCH: return search(number, (uaddr_t){arg3}, (uaddr_t){arg4}, (int)arg5);
	case READ: return read(number, (uaddr_t){arg3}, arg4);
	case SET_REQUEST_KEYRING: return set_request_keyring(number);
	case GET_KEYRING_ID:
	case REVOKE:
	case CHOWN:
	case SET_PERMISSIONS:
	case CLEAR:
	case SET_TIMEOUT:
	case INVALIDATE: return look_up_and_change(command, number, arg3, arg4);
	default: return -EOPNOTSUPP;
	}
}
