/*
 * Keys: small secrets that programs leave with the kernel, found by type and description in keyrings, which are keys themselves. See keyrings(7).
 * There are the types "keyring", "user" and "logon"; nobody is asked for keys that are not there.
 *
 * Life cycle: a key lives as long as a keyring, a thread or a process refers to it. Locking: everything here is done with keys_lock held; user
 * memory is not touched under it.
 */
#pragma once

#include <lib/list.h>
#include <process/process.h>

/* Permissions: of whom? Possessor, owner, group, others: from the top byte down. */
enum {
	KEY_VIEW = 1,
	KEY_READ = 2,
	KEY_WRITE = 4,
	KEY_SEARCH = 8,
	KEY_LINK = 16,
	KEY_SET_ATTRIBUTES = 32,
	KEY_ALL = 63
};

/* What special numbers stand for. */
enum {
	KEY_THREAD_KEYRING = -1,
	KEY_PROCESS_KEYRING = -2,
	KEY_SESSION_KEYRING = -3,
	KEY_USER_KEYRING = -4,
	KEY_USER_SESSION_KEYRING = -5,
	KEY_REQUEST_DESTINATION = 8 /* how many kinds KEYCTL_SET_REQKEY_KEYRING knows */
};

#define KEY_PAYLOAD_MAX 32767
#define KEY_NAME_MAX    4096

enum key_type { KEY_IS_KEYRING, KEY_IS_USER, KEY_IS_LOGON, KEY_TYPE_COUNT };
extern const char *const key_type_names[KEY_TYPE_COUNT];

struct key {
	struct list hash_link;
	uint32_t refs;
	int serial;
	enum key_type type;
	char *description;
	uint32_t uid, gid, permissions;
	bool is_revoked, is_negative;
	int64_t expiry; /* seconds since 1970; 0: never */
	void *payload;
	size_t len;
	struct list links; /* a keyring's */
};

struct key_link {
	struct list link;
	struct key *key; /* reference */
};

/* What a process has: process->keyrings. */
struct keyrings {
	struct key *process, *session; /* references, or NULL */
	int request_destination;
};

/* A key with its reference and whether the caller possesses it. */
struct key_ref {
	struct key *key; /* NULL: see err */
	bool is_possessed;
	int err;
};

void keys_init(void); /* boot */
void keys_lock(void);
void keys_unlock(void);

/* key.c */
struct key_quota {
	uint64_t keys, bytes;
};
extern struct key_quota key_quotas[2]; /* a: of users, and of root */
/* With a reference. -ENOMEM, -EDQUOT. payload is taken over on success. */
MUST_USE int key_create(enum key_type type, const char *description, uint32_t permissions,
    void *payload, size_t len, struct key **key);
MUST_USE int key_replace_payload(struct key *key, void *payload, size_t len);
struct key *key_get(struct key *key);
void key_put(struct key *key);
struct key *key_find(int serial); /* no reference */
/* 0, -EACCES; -EKEYREVOKED, -EKEYEXPIRED, -ENOKEY for what is of no use any more. */
MUST_USE int key_permission(const struct key_ref *ref, unsigned need);
MUST_USE int key_validate(const struct key *key);
bool key_permissions_allow(const struct key *key, bool is_possessed, unsigned need);
void key_invalidate(struct key *key); /* out of all keyrings */
struct key *keyring_by_name(const char *name);

/* keyring.c */
/* Replaces one of the same type and description. -ENOMEM, -EDEADLK: a circle. */
MUST_USE int keyring_link(struct key *keyring, struct key *key);
MUST_USE int keyring_unlink(struct key *keyring, struct key *key); /* -ENOENT */
void keyring_clear(struct key *keyring);
size_t keyring_count(const struct key *keyring);
struct key *keyring_find(const struct key *keyring, enum key_type type, const char *description);
/* Into keyrings in it, too. -ENOKEY, -EKEYEXPIRED, -EKEYREVOKED, -EACCES. */
MUST_USE int keyring_search(struct key *keyring, bool is_possessed, enum key_type type,
    const char *description, struct key **found);
bool keyring_holds(const struct key *keyring, const struct key *key);

/* owners.c: the keyrings of threads, processes, sessions and users. */
/* By number or special number; the caller then asks for permission. `create`: special ones are made. */
struct key_ref key_lookup(int number, bool create);
/* In all that the current thread has. */
MUST_USE int keys_search(enum key_type type, const char *description, struct key **found);
MUST_USE int64_t keys_join_session(const char *name); /* NULL: a new one; its number */
/* Where a requested key goes by default: with NULL there is nowhere. */
struct key *keys_request_destination(void);
MUST_USE struct keyrings *keyrings_of_current(void); /* made at first; NULL: no memory */
