/* Keys by their numbers: life, quotas, permissions. */
#include <keys/keys.h>

#include <abi/errno.h>
#include <credentials/credentials.h>
#include <lib/string.h>
#include <log/assert.h>
#include <mm/slab.h>
#include <random/random.h>
#include <time/clock.h>

#define BUCKETS 256

const char *const key_type_names[KEY_TYPE_COUNT] = {
    [KEY_IS_KEYRING] = "keyring", [KEY_IS_USER] = "user", [KEY_IS_LOGON] = "logon"};

struct key_quota key_quotas[2] = {{200, 20000}, {1000000, 25000000}};

static struct mutex lock;
static struct list buckets[BUCKETS];

void keys_init(void)
{
	mutex_init(&lock, "keys", RANK_KEYS);
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&buckets[i]);
}

void keys_lock(void)
{
	mutex_lock(&lock);
}

void keys_unlock(void)
{
	mutex_unlock(&lock);
}

static struct list *bucket_of(int serial)
{
	return &buckets[(unsigned)serial % BUCKETS];
}

struct key *key_find(int serial)
{
	struct key *key;
	list_for_each(key, bucket_of(serial), hash_link)
		if (key->serial == serial)
			return key;
	return NULL;
}

/* Not to be guessed, and never a special one. */
static int free_serial(void)
{
	int serial;
	do {
		uint32_t number;
		random_fill(&number, sizeof(number));
		serial = (int)(number & INT32_MAX);
	} while (serial < 3 || key_find(serial));
	return serial;
}

static size_t size_of(const struct key *key)
{
	return strlen(key->description) + 1 + key->len;
}

/* What the user has with `bytes` more. */
static int check_quota(uint32_t uid, size_t bytes, unsigned keys)
{
	const struct key_quota *quota = &key_quotas[uid == 0];
	uint64_t used_bytes = bytes, used_keys = keys;
	const struct key *key;
	for (unsigned i = 0; i < BUCKETS; i++)
		list_for_each(key, &buckets[i], hash_link)
			if (key->uid == uid) {
				used_bytes += size_of(key);
				used_keys++;
			}
	return used_bytes > atomic_load(&quota->bytes) || used_keys > atomic_load(&quota->keys)
		   ? -EDQUOT
		   : 0;
}

int key_create(enum key_type type, const char *description, uint32_t permissions, void *payload,
    size_t len, struct key **result)
{
	const struct credentials *creds = current_credentials();
	size_t name_len = strlen(description) + 1;
	int err = check_quota(creds->fsuid, name_len + len, 1);
	if (err)
		return err;
	struct key *key = kzalloc(sizeof(*key));
	char *copy = kmalloc(name_len);
	if (!key || !copy) {
		kfree(key);
		kfree(copy);
		return -ENOMEM;
	}
	memcpy(copy, description, name_len);
	*key = (struct key){.refs = 1,
	    .serial = free_serial(),
	    .type = type,
	    .description = copy,
	    .uid = creds->fsuid,
	    .gid = creds->fsgid,
	    .permissions = permissions,
	    .payload = payload,
	    .len = len};
	list_init(&key->links);
	list_push_back(bucket_of(key->serial), &key->hash_link);
	*result = key;
	return 0;
}

int key_replace_payload(struct key *key, void *payload, size_t len)
{
	int err = len > key->len ? check_quota(key->uid, len - key->len, 0) : 0;
	if (err)
		return err;
	kfree(key->payload);
	key->payload = payload;
	key->len = len;
	key->is_negative = false;
	key->expiry = 0;
	return 0;
}

struct key *key_get(struct key *key)
{
	key->refs++;
	return key;
}

/* Keyrings in keyrings go one after the other: how deep they are is the program's choice. */
void key_put(struct key *key)
{
	static struct list doomed = LIST_INIT(doomed); /* empty between calls */
	if (!key || --key->refs)
		return;
	list_remove(&key->hash_link);
	list_push_back(&doomed, &key->hash_link);
	while (!list_is_empty(&doomed)) {
		key = list_first(&doomed, struct key, hash_link);
		struct key_link *link, *next;
		list_for_each_safe(link, next, &key->links, link) {
			if (!--link->key->refs) {
				list_remove(&link->key->hash_link);
				list_push_back(&doomed, &link->key->hash_link);
			}
			kfree(link);
		}
		list_remove(&key->hash_link);
		if (key->payload)
			memset(key->payload, 0, key->len);
		kfree(key->payload);
		kfree(key->description);
		kfree(key);
	}
}

int key_validate(const struct key *key)
{
	if (key->is_revoked)
		return -EKEYREVOKED;
	if (key->expiry && unix_timestamp() >= key->expiry)
		return -EKEYEXPIRED;
	return 0;
}

bool key_permissions_allow(const struct key *key, bool is_possessed, unsigned need)
{
	const struct credentials *creds = current_credentials();
	uint32_t granted;
	if (key->uid == creds->fsuid)
		granted = key->permissions >> 16;
	else if (credentials_in_group(creds, key->gid))
		granted = key->permissions >> 8;
	else
		granted = key->permissions;
	if (is_possessed)
		granted |= key->permissions >> 24;
	return (granted & need) == need;
}

int key_permission(const struct key_ref *ref, unsigned need)
{
	int err = key_validate(ref->key);
	if (err)
		return err;
	return key_permissions_allow(ref->key, ref->is_possessed, need) ? 0 : -EACCES;
}

void key_invalidate(struct key *key)
{
	struct key *holder, *next;
	key_get(key);
	key->is_revoked = true;
	for (unsigned i = 0; i < BUCKETS; i++)
		list_for_each_safe(holder, next, &buckets[i], hash_link) {
			int ignored = keyring_unlink(holder, key);
			(void)ignored;
		}
	key_put(key);
}

struct key *keyring_by_name(const char *name)
{
	struct key *key;
	for (unsigned i = 0; i < BUCKETS; i++)
		list_for_each(key, &buckets[i], hash_link)
			if (key->type == KEY_IS_KEYRING && strcmp(key->description, name) == 0 &&
			    !key_validate(key) && key_permissions_allow(key, false, KEY_SEARCH))
				return key;
	return NULL;
}
