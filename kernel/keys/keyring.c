/* What is in keyrings. */
#include <keys/keys.h>

#include <abi/errno.h>
#include <lib/string.h>
#include <mm/slab.h>

#define DEPTH_MAX 6 /* keyrings in keyrings are searched so far */

static bool is_called(const struct key *key, enum key_type type, const char *description)
{
	return key->type == type && strcmp(key->description, description) == 0;
}

struct key *keyring_find(const struct key *keyring, enum key_type type, const char *description)
{
	struct key_link *link;
	list_for_each(link, &keyring->links, link)
		if (is_called(link->key, type, description))
			return link->key;
	return NULL;
}

static bool holds(const struct key *keyring, const struct key *key, unsigned depth)
{
	const struct key_link *link;
	if (keyring == key)
		return true;
	if (depth)
		list_for_each(link, &keyring->links, link)
			if (holds(link->key, key, depth - 1))
				return true;
	return false;
}

bool keyring_holds(const struct key *keyring, const struct key *key)
{
	return holds(keyring, key, DEPTH_MAX);
}

int keyring_link(struct key *keyring, struct key *key)
{
	if (key->type == KEY_IS_KEYRING && keyring_holds(key, keyring))
		return -EDEADLK;
	struct key_link *link;
	list_for_each(link, &keyring->links, link)
		if (is_called(link->key, key->type, key->description)) {
			struct key *old = link->key;
			link->key = key_get(key);
			key_put(old);
			return 0;
		}
	link = kmalloc(sizeof(*link));
	if (!link)
		return -ENOMEM;
	link->key = key_get(key);
	list_push_back(&keyring->links, &link->link);
	return 0;
}

int keyring_unlink(struct key *keyring, struct key *key)
{
	struct key_link *link;
	list_for_each(link, &keyring->links, link)
		if (link->key == key) {
			list_remove(&link->link);
			kfree(link);
			key_put(key);
			return 0;
		}
	return -ENOENT;
}

void keyring_clear(struct key *keyring)
{
	while (!list_is_empty(&keyring->links)) {
		struct key_link *link = list_first(&keyring->links, struct key_link, link);
		struct key *key = link->key;
		list_remove(&link->link);
		kfree(link);
		key_put(key);
	}
}

size_t keyring_count(const struct key *keyring)
{
	const struct key_link *link;
	size_t count = 0;
	list_for_each(link, &keyring->links, link)
		count++;
	return count;
}

static int judge(struct key *key, bool is_possessed)
{
	int err = key_validate(key);
	if (!err && key->is_negative)
		err = -ENOKEY;
	return err ? err : key_permissions_allow(key, is_possessed, KEY_SEARCH) ? 0 : -EACCES;
}

/* The error that says most: that there was one once counts more than that there is none. Keyrings on the way that cannot be searched do not count. */
static int search(struct key *keyring, bool is_possessed, enum key_type type,
    const char *description, struct key **found, unsigned depth)
{
	int result = -ENOKEY;
	struct key_link *link;
	if (is_called(keyring, type, description)) {
		result = judge(keyring, is_possessed);
		if (!result)
			*found = keyring;
		return result;
	}
	if (!depth || keyring->type != KEY_IS_KEYRING)
		return -ENOKEY;
	int err = judge(keyring, is_possessed);
	if (err)
		return depth == DEPTH_MAX ? err : -ENOKEY;
	list_for_each(link, &keyring->links, link) {
		err = search(link->key, is_possessed, type, description, found, depth - 1);
		if (!err)
			return 0;
		result = result == -ENOKEY ? err : result;
	}
	return result;
}

int keyring_search(struct key *keyring, bool is_possessed, enum key_type type,
    const char *description, struct key **found)
{
	return search(keyring, is_possessed, type, description, found, DEPTH_MAX);
}
