/* Making and counting credentials. Who has which is the process module's affair. */
#include <credentials/credentials.h>
#include <lib/atomic.h>
#include <lib/string.h>
#include <mm/slab.h>

struct credentials *credentials_copy(const struct credentials *from, size_t group_count)
{
	struct credentials *copy = kmalloc(sizeof(*copy) + group_count * sizeof(copy->groups[0]));
	if (!copy)
		return NULL;
	size_t kept = min(group_count, from->group_count);
	memcpy(copy, from, sizeof(*copy) + kept * sizeof(copy->groups[0]));
	copy->refs = 1;
	copy->group_count = group_count;
	return copy;
}

struct credentials *credentials_get(struct credentials *creds)
{
	atomic_fetch_add(&creds->refs, 1);
	return creds;
}

bool credentials_try_get(struct credentials *creds)
{
	uint32_t refs = atomic_load(&creds->refs);
	while (refs)
		if (atomic_cas(&creds->refs, &refs, refs + 1))
			return true;
	return false;
}

static void free_credentials(struct rcu_head *head)
{
	kfree(container_of(head, struct credentials, rcu));
}

void credentials_put(struct credentials *creds)
{
	if (atomic_fetch_sub(&creds->refs, 1) == 1)
		rcu_call(&creds->rcu, free_credentials);
}

bool credentials_in_group(const struct credentials *creds, uint32_t gid)
{
	if (creds->fsgid == gid)
		return true;
	size_t low = 0, high = creds->group_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (creds->groups[middle] == gid)
			return true;
		if (creds->groups[middle] < gid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

bool has_power(enum root_power power)
{
	return current_credentials()->cap_effective >> power & 1;
}

void credentials_exec_powers(struct credentials *creds)
{
	enum { NO_ROOT = 1 }; /* SECBIT_NOROOT */
	bool is_root = (creds->uid == 0 || creds->euid == 0) && !(creds->securebits & NO_ROOT);
	if (is_root) {
		creds->cap_permitted = creds->cap_bounding | creds->cap_inheritable;
		creds->cap_effective = creds->euid == 0 ? creds->cap_permitted : creds->cap_ambient;
	} else {
		creds->cap_permitted = creds->cap_effective = creds->cap_ambient;
	}
	creds->keep_caps = false;
}
