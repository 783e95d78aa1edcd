/* Keys and keyrings: add_key(2), request_key(2), keyctl(2). */
#include "check.h"

#ifndef ENOKEY
#define ENOKEY      126
#define EKEYEXPIRED 127
#define EKEYREVOKED 128
#endif

enum {
	GET_ID,
	JOIN,
	UPDATE,
	REVOKE,
	CHOWN,
	SETPERM,
	DESCRIBE,
	CLEAR,
	LINK,
	UNLINK,
	SEARCH,
	READ,
	SET_TIMEOUT = 15,
	INVALIDATE = 21
};
enum { THREAD = -1, PROCESS = -2, SESSION = -3, USER = -4 };

static int add(const char *type, const char *name, const char *payload, size_t len, int keyring)
{
	return (int)syscall(SYS_add_key, type, name, payload, len, keyring);
}

static long control(int command, long a, long b, long c, long d)
{
	return syscall(SYS_keyctl, command, a, b, c, d);
}

static int request(const char *type, const char *name, const char *callout, int keyring)
{
	return (int)syscall(SYS_request_key, type, name, callout, keyring);
}

/* Some places (containers) have the calls, and forbid them. */
static int session(void)
{
	long id = control(JOIN, 0, 0, 0, 0);
	if (id < 0 && (errno == ENOSYS || errno == EPERM || errno == EACCES))
		_exit(CASE_SKIPPED);
	CHECK(id > 0);
	return (int)id;
}

TEST(a_key_is_kept_and_read)
{
	session();
	char buf[32] = {0};
	int key = add("user", "a name", "secret", 6, SESSION);
	CHECK(key > 0);
	CHECK_EQ(control(READ, key, (long)buf, sizeof(buf), 0), 6);
	CHECK(!memcmp(buf, "secret", 7));
	CHECK_EQ(control(READ, key, (long)buf, 0, 0), 6);
	CHECK_EQ(add("user", "a name", "other", 5, SESSION), key); /* updated */
	CHECK_EQ(control(READ, key, (long)buf, sizeof(buf), 0), 5);
	CHECK_OK(control(UPDATE, key, (long)"third one", 9, 0));
	CHECK_EQ(control(READ, key, (long)buf, sizeof(buf), 0), 9);
	CHECK_EQ(request("user", "a name", NULL, 0), key);
	CHECK_ERR(request("user", "another", NULL, 0), ENOKEY);
	CHECK_EQ(control(SEARCH, SESSION, (long)"user", (long)"a name", 0), key);
	char text[128] = {0};
	CHECK(control(DESCRIBE, key, (long)text, sizeof(text), 0) > 0);
	CHECK(!strncmp(text, "user;", 5) && strstr(text, ";3f010000;a name"));
}

TEST(what_makes_no_sense_is_refused)
{
	session();
	char much[32768];
	memset(much, 'x', sizeof(much));
	CHECK(add("user", "much", much, 32767, SESSION) > 0);
	CHECK_ERR(add("user", "more", much, 32768, SESSION), EINVAL);
	CHECK_ERR(add("user", "none", NULL, 0, SESSION), EINVAL);
	CHECK_ERR(add("user", "fault", NULL, 5, SESSION), EFAULT);
	CHECK_ERR(add("keyring", "some", "a", 1, SESSION), EINVAL);
	CHECK_ERR(add("logon", "nocolon", "a", 1, SESSION), EINVAL);
	CHECK_ERR(add(".type", "a", "a", 1, SESSION), EPERM);
	CHECK_ERR(add("keyring", ".name", NULL, 0, SESSION), EPERM);
	CHECK_ERR(add("no such type", "a", "a", 1, SESSION), ENODEV);
	CHECK_ERR(add((void *)1, "a", "a", 1, SESSION), EFAULT);
	CHECK_ERR(control(99, 0, 0, 0, 0), EOPNOTSUPP);
	CHECK_ERR(control(JOIN, (long)".builtin_trusted_keys", 0, 0, 0), EPERM);
	int logon = add("logon", "pass:word", "a", 1, SESSION);
	CHECK(logon > 0);
	CHECK_ERR(control(READ, logon, 0, 0, 0), EOPNOTSUPP);
}

TEST(keyrings_hold_keys_and_keyrings)
{
	session();
	int ring = add("keyring", "ring", NULL, 0, SESSION),
	    inner = add("keyring", "inner", NULL, 0, ring);
	int key = add("user", "deep", "x", 1, inner);
	CHECK(ring > 0 && inner > 0 && key > 0);
	CHECK_EQ(control(SEARCH, ring, (long)"user", (long)"deep", 0), key);
	CHECK_EQ(request("user", "deep", NULL, 0), key);
	int list[2] = {0};
	CHECK_EQ(control(READ, ring, (long)list, sizeof(list), 0), 4);
	CHECK_EQ(list[0], inner);
	CHECK_ERR(control(LINK, ring, inner, 0, 0), EDEADLK);
	CHECK_OK(control(LINK, key, ring, 0, 0));
	CHECK_EQ(control(READ, ring, (long)list, sizeof(list), 0), 8);
	CHECK_OK(control(UNLINK, key, inner, 0, 0));
	CHECK_ERR(control(UNLINK, key, inner, 0, 0), ENOENT);
	CHECK_OK(control(CLEAR, ring, 0, 0, 0));
	CHECK_EQ(control(READ, ring, (long)list, sizeof(list), 0), 0);
	CHECK_ERR(request("user", "deep", NULL, 0), ENOKEY);
	CHECK_ERR(add("user", "a", "a", 1, 0x7ffffff0), ENOKEY);
}

TEST(keys_end)
{
	session();
	int key = add("user", "revoked", "x", 1, SESSION);
	CHECK_OK(control(REVOKE, key, 0, 0, 0));
	CHECK_ERR(control(READ, key, 0, 0, 0), EKEYREVOKED);
	CHECK_ERR(request("user", "revoked", NULL, 0), EKEYREVOKED);
	key = add("user", "expired", "x", 1, SESSION);
	CHECK_OK(control(SET_TIMEOUT, key, 1, 0, 0));
	CHECK_EQ(control(READ, key, 0, 0, 0), 1);
	sleep_ms(2100);
	CHECK_ERR(control(READ, key, 0, 0, 0), EKEYEXPIRED);
	CHECK_EQ(request("user", "expired", NULL, 0), -1);
	CHECK(errno == EKEYEXPIRED || errno == ENOKEY); /* it may be swept out by then */
	key = add("user", "gone", "x", 1, SESSION);
	CHECK_OK(control(INVALIDATE, key, 0, 0, 0));
	CHECK_EQ(request("user", "gone", NULL, 0), -1);
	CHECK(errno == EKEYREVOKED || errno == ENOKEY);
}

TEST(permissions_are_asked_for)
{
	session();
	int key = add("user", "mine", "x", 1, SESSION);
	CHECK_ERR(control(SETPERM, key, 0xff, 0, 0), EINVAL);
	CHECK_OK(control(
	    SETPERM, key, 0x28000000, 0, 0));     /* the possessor may find it and set attributes */
	CHECK_EQ(control(READ, key, 0, 0, 0), 1); /* whoever finds what is his may read it */
	CHECK_ERR(control(UPDATE, key, (long)"y", 1, 0), EACCES);
	CHECK_ERR(control(DESCRIBE, key, 0, 0, 0), EACCES);
	CHECK_OK(control(SETPERM, key, 0x3f000000, 0, 0));
	CHECK_EQ(control(READ, key, 0, 0, 0), 1);
	if (geteuid())
		return;
	pid_t child = forked();
	if (!child) {
		CHECK_OK(setuid(1234));
		CHECK_OK(control(JOIN, 0, 0, 0, 0)); /* no longer possessed */
		CHECK_ERR(control(READ, key, 0, 0, 0), EACCES);
		_exit(0);
	}
	CHECK_EQ(ended(child), 0);
}

TEST(children_share_the_session_only)
{
	session();
	CHECK(control(GET_ID, PROCESS, 0, 0, 0) == -1);
	int process = (int)control(GET_ID, PROCESS, 1, 0, 0),
	    thread = (int)control(GET_ID, THREAD, 1, 0, 0);
	CHECK(process > 0 && thread > 0 && process != thread);
	CHECK_EQ(control(GET_ID, PROCESS, 0, 0, 0), process);
	int key = add("user", "shared", "x", 1, SESSION);
	pid_t child = forked();
	if (!child) {
		CHECK_EQ(request("user", "shared", NULL, 0), key);
		CHECK_ERR(control(GET_ID, PROCESS, 0, 0, 0), ENOKEY);
		CHECK_ERR(control(GET_ID, THREAD, 0, 0, 0), ENOKEY);
		_exit(0);
	}
	CHECK_EQ(ended(child), 0);
	CHECK(control(GET_ID, USER, 0, 0, 0) > 0);
}

TEST(an_absent_key_is_remembered)
{
	session();
	int ring = add("keyring", "ring", NULL, 0, SESSION), id = 0;
	CHECK_EQ(request("user", "nobody has it", "info", ring), -1);
	CHECK(errno == ENOKEY || errno == ENOENT);
	CHECK_EQ(control(READ, ring, (long)&id, sizeof(id), 0), 4);
	CHECK_ERR(control(READ, id, 0, 0, 0), ENOKEY);
	CHECK_EQ(add("user", "nobody has it", "now", 3, ring), id);
	CHECK_EQ(control(READ, id, 0, 0, 0), 3);
}
