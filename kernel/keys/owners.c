/* Whose keyrings are whose: threads, processes, sessions, users. */
#include <keys/keys.h>

#include <abi/errno.h>
#include <credentials/credentials.h>
#include <lib/fmt.h>
#include <lib/string.h>
#include <mm/slab.h>

#define OWN_KEYRING     (KEY_ALL << 24 | KEY_VIEW << 16)
#define SESSION_KEYRING (KEY_ALL << 24 | (KEY_VIEW | KEY_READ) << 16)
#define USER_KEYRING    ((KEY_ALL & ~KEY_SET_ATTRIBUTES) << 24 | KEY_ALL << 16)

/* A user's, made when they are first asked for, and kept. */
struct user_keyrings {
	struct list link;
	uint32_t uid;
	struct key *user, *session;
};
static struct list users = LIST_INIT(users);

static int create(const char *name, uint32_t permissions, struct key **keyring)
{
	return key_create(KEY_IS_KEYRING, name, permissions, NULL, 0, keyring);
}

struct keyrings *keyrings_of_current(void)
{
	struct process *process = current_process();
	if (!process->keyrings)
		process->keyrings = kzalloc(sizeof(struct keyrings));
	return process->keyrings;
}

static int make_user(struct user_keyrings *user)
{
	char name[32];
	user->uid = current_credentials()->uid;
	snprintf(name, sizeof(name), "_uid.%u", user->uid);
	int err = create(name, USER_KEYRING, &user->user);
	if (err)
		return err;
	snprintf(name, sizeof(name), "_uid_ses.%u", user->uid);
	err = create(name, USER_KEYRING, &user->session);
	if (!err && (err = keyring_link(user->session, user->user)))
		key_put(user->session);
	if (err)
		key_put(user->user);
	return err;
}

static struct user_keyrings *user_keyrings(void)
{
	struct user_keyrings *user;
	list_for_each(user, &users, link)
		if (user->uid == current_credentials()->uid)
			return user;
	user = kzalloc(sizeof(*user));
	if (user && make_user(user)) {
		kfree(user);
		user = NULL;
	}
	if (user)
		list_push_back(&users, &user->link);
	return user;
}

/* *place: a keyring, which is made when there is none and `create_it`. */
static struct key_ref own(
    struct key **place, const char *name, uint32_t permissions, bool create_it)
{
	if (!*place && create_it) {
		int err = create(name, permissions, place);
		if (err)
			return (struct key_ref){.err = err};
	}
	return *place ? (struct key_ref){.key = key_get(*place), .is_possessed = true}
		      : (struct key_ref){.err = -ENOKEY};
}

static struct key_ref of_session(struct keyrings *keyrings, bool create_it)
{
	struct user_keyrings *user;
	if (!keyrings->session && !create_it && (user = user_keyrings()))
		keyrings->session = key_get(user->session);
	return own(&keyrings->session, "_ses", SESSION_KEYRING, create_it);
}

/* What one could not find by a search is not possessed. */
static bool possesses(const struct key *key)
{
	const struct task *task = current_task();
	const struct keyrings *keyrings = task->process->keyrings;
	const struct key *places[] = {task->keyring, keyrings ? keyrings->process : NULL,
	    keyrings ? keyrings->session : NULL};
	if (!key_permissions_allow(key, true, KEY_SEARCH))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (places[i] && keyring_holds(places[i], key))
			return true;
	return false;
}

struct key_ref key_lookup(int number, bool create_it)
{
	struct keyrings *keyrings = keyrings_of_current();
	struct user_keyrings *user;
	if (!keyrings)
		return (struct key_ref){.err = -ENOMEM};
	switch (number) {
	case KEY_THREAD_KEYRING:
		return own(&current_task()->keyring, "_tid", OWN_KEYRING, create_it);
	case KEY_PROCESS_KEYRING: return own(&keyrings->process, "_pid", OWN_KEYRING, create_it);
	case KEY_SESSION_KEYRING: return of_session(keyrings, create_it);
	case KEY_USER_KEYRING:
	case KEY_USER_SESSION_KEYRING:
		user = user_keyrings();
		if (!user)
			return (struct key_ref){.err = -ENOMEM};
		return (struct key_ref){
		    .key = key_get(number == KEY_USER_KEYRING ? user->user : user->session),
		    .is_possessed = true};
	default: break;
	}
	if (number < 1)
		return (struct key_ref){.err = number == -7 || number == -8 ? -ENOKEY : -EINVAL};
	struct key *key = key_find(number);
	return key ? (struct key_ref){.key = key_get(key), .is_possessed = possesses(key)}
		   : (struct key_ref){.err = -ENOKEY};
}

int keys_search(enum key_type type, const char *description, struct key **found)
{
	const struct task *task = current_task();
	const struct keyrings *keyrings = task->process->keyrings;
	const struct user_keyrings *user = user_keyrings();
	struct key *session = keyrings && keyrings->session ? keyrings->session
			      : user                        ? user->session
							    : NULL;
	struct key *places[] = {task->keyring, keyrings ? keyrings->process : NULL, session};
	int result = -ENOKEY;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (!places[i])
			continue;
		int err = keyring_search(places[i], true, type, description, found);
		if (!err)
			return 0;
		if (result == -ENOKEY)
			result = err;
	}
	return result;
}

int64_t keys_join_session(const char *name)
{
	struct keyrings *keyrings = keyrings_of_current();
	if (!keyrings)
		return -ENOMEM;
	struct key *keyring = name ? keyring_by_name(name) : NULL;
	int err = 0;
	if (keyring)
		key_get(keyring);
	else
		err = create(
		    name ? name : "_ses", SESSION_KEYRING | (name ? KEY_LINK << 16 : 0u), &keyring);
	if (err)
		return err;
	key_put(keyrings->session);
	keyrings->session = keyring;
	return keyring->serial;
}

struct key *keys_request_destination(void)
{
	enum { DEFAULT, THREAD, PROCESS, SESSION, USER, USER_SESSION };
	struct keyrings *keyrings = keyrings_of_current();
	const struct task *task = current_task();
	struct user_keyrings *user = user_keyrings();
	if (!keyrings || !user)
		return NULL;
	switch (keyrings->request_destination) {
	case DEFAULT:
	case THREAD:
		if (task->keyring)
			return task->keyring;
		FALLTHROUGH;
	case PROCESS:
		if (keyrings->process)
			return keyrings->process;
		FALLTHROUGH;
	case SESSION:
		if (keyrings->session)
			return keyrings->session;
		FALLTHROUGH;
	case USER_SESSION: return user->session;
	default: return user->user;
	}
}

/* Hooks of the process module. */
int keys_fork(struct process *child, const struct process *parent)
{
	keys_lock();
	struct key *session = parent->keyrings->session;
	child->keyrings = kzalloc(sizeof(struct keyrings));
	if (child->keyrings && session)
		child->keyrings->session = key_get(session);
	keys_unlock();
	return child->keyrings ? 0 : -ENOMEM;
}

void keys_exit_task(struct task *task)
{
	keys_lock();
	key_put(task->keyring);
	task->keyring = NULL;
	keys_unlock();
}

void keys_exec(struct process *process)
{
	keys_lock();
	key_put(process->keyrings->process);
	process->keyrings->process = NULL;
	keys_unlock();
}

void keys_exit_process(struct process *process)
{
	keys_lock();
	key_put(process->keyrings->process);
	key_put(process->keyrings->session);
	kfree(process->keyrings);
	process->keyrings = NULL;
	keys_unlock();
}
