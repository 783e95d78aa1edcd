/* Users and groups: who a thread acts as. */
#include <abi/errno.h>
#include <posixx/syscalls.h>
#include <process/process.h>

#define ID_KEEP    UINT32_MAX
#define GROUPS_MAX 65536

/* securebits */
#define NO_SETUID_FIXUP 4u

int64_t sys_getuid(void)
{
	return current_credentials()->uid;
}

int64_t sys_geteuid(void)
{
	return current_credentials()->euid;
}

int64_t sys_getgid(void)
{
	return current_credentials()->gid;
}

int64_t sys_getegid(void)
{
	return current_credentials()->egid;
}

static struct credentials *copy_current(void)
{
	const struct credentials *old = current_credentials();
	return credentials_copy(old, old->group_count);
}

static int drop(struct credentials *creds, int err)
{
	credentials_put(creds);
	return err;
}

/* Leaving uid 0 gives the powers up, coming back takes the permitted ones into effect: capabilities(7). */
static void fix_powers(struct credentials *new, const struct credentials *old)
{
	if (new->securebits & NO_SETUID_FIXUP)
		return;
	bool was_root = !old->uid || !old->euid || !old->suid,
	     is_root = !new->uid || !new->euid || !new->suid;
	if (was_root && !is_root) {
		if (!new->keep_caps)
			new->cap_permitted = new->cap_effective = 0;
		new->cap_ambient = 0;
	}
	if (!old->euid && new->euid)
		new->cap_effective = 0;
	if (old->euid && !new->euid)
		new->cap_effective = new->cap_permitted;
}

/* A program that changed its identity is nobody else's to look into. */
static int commit_uids(struct credentials *new)
{
	const struct credentials *old = current_credentials();
	new->fsuid = new->euid;
	fix_powers(new, old);
	if (new->euid != old->euid || new->egid != old->egid)
		current_process()->dumpable = 0;
	credentials_commit(new);
	return 0;
}

static int commit_gids(struct credentials *new)
{
	new->fsgid = new->egid;
	if (new->egid != current_credentials()->egid)
		current_process()->dumpable = 0;
	credentials_commit(new);
	return 0;
}

int64_t sys_setuid(unsigned uid)
{
	if (uid == ID_KEEP)
		return -EINVAL;
	struct credentials *new = copy_current();
	if (!new)
		return -ENOMEM;
	if (has_power(POWER_SETUID))
		new->uid = new->suid = uid;
	else if (uid != new->uid && uid != new->suid)
		return drop(new, -EPERM);
	new->euid = uid;
	return commit_uids(new);
}

int64_t sys_setgid(unsigned gid)
{
	if (gid == ID_KEEP)
		return -EINVAL;
	struct credentials *new = copy_current();
	if (!new)
		return -ENOMEM;
	if (has_power(POWER_SETGID))
		new->gid = new->sgid = gid;
	else if (gid != new->gid && gid != new->sgid)
		return drop(new, -EPERM);
	new->egid = gid;
	return commit_gids(new);
}

int64_t sys_setreuid(unsigned ruid, unsigned euid)
{
	struct credentials *new = copy_current();
	if (!new)
		return -ENOMEM;
	const struct credentials *old = current_credentials();
	if (!has_power(POWER_SETUID) &&
	    ((ruid != ID_KEEP && ruid != old->uid && ruid != old->euid) ||
		(euid != ID_KEEP && euid != old->uid && euid != old->euid && euid != old->suid)))
		return drop(new, -EPERM);
	if (ruid != ID_KEEP)
		new->uid = ruid;
	if (euid != ID_KEEP)
		new->euid = euid;
	if (ruid != ID_KEEP || (euid != ID_KEEP && euid != old->uid))
		new->suid = new->euid;
	return commit_uids(new);
}

int64_t sys_setregid(unsigned rgid, unsigned egid)
{
	struct credentials *new = copy_current();
	if (!new)
		return -ENOMEM;
	const struct credentials *old = current_credentials();
	if (!has_power(POWER_SETGID) &&
	    ((rgid != ID_KEEP && rgid != old->gid && rgid != old->egid) ||
		(egid != ID_KEEP && egid != old->gid && egid != old->egid && egid != old->sgid)))
		return drop(new, -EPERM);
	if (rgid != ID_KEEP)
		new->gid = rgid;
	if (egid != ID_KEEP)
		new->egid = egid;
	if (rgid != ID_KEEP || (egid != ID_KEEP && egid != old->gid))
		new->sgid = new->egid;
	return commit_gids(new);
}

static bool is_one_of(uint32_t id, uint32_t a, uint32_t b, uint32_t c)
{
	return id == ID_KEEP || id == a || id == b || id == c;
}

int64_t sys_setresuid(unsigned ruid, unsigned euid, unsigned suid)
{
	struct credentials *new = copy_current();
	if (!new)
		return -ENOMEM;
	const struct credentials *old = current_credentials();
	if (!has_power(POWER_SETUID) && !(is_one_of(ruid, old->uid, old->euid, old->suid) &&
					    is_one_of(euid, old->uid, old->euid, old->suid) &&
					    is_one_of(suid, old->uid, old->euid, old->suid)))
		return drop(new, -EPERM);
	new->uid = ruid == ID_KEEP ? new->uid : ruid;
	new->euid = euid == ID_KEEP ? new->euid : euid;
	new->suid = suid == ID_KEEP ? new->suid : suid;
	return commit_uids(new);
}

int64_t sys_setresgid(unsigned rgid, unsigned egid, unsigned sgid)
{
	struct credentials *new = copy_current();
	if (!new)
		return -ENOMEM;
	const struct credentials *old = current_credentials();
	if (!has_power(POWER_SETGID) && !(is_one_of(rgid, old->gid, old->egid, old->sgid) &&
					    is_one_of(egid, old->gid, old->egid, old->sgid) &&
					    is_one_of(sgid, old->gid, old->egid, old->sgid)))
		return drop(new, -EPERM);
	new->gid = rgid == ID_KEEP ? new->gid : rgid;
	new->egid = egid == ID_KEEP ? new->egid : egid;
	new->sgid = sgid == ID_KEEP ? new->sgid : sgid;
	return commit_gids(new);
}

static int64_t put_three(uaddr_t a, uint32_t va, uaddr_t b, uint32_t vb, uaddr_t c, uint32_t vc)
{
	return put_user_u32(a, va) || put_user_u32(b, vb) || put_user_u32(c, vc) ? -EFAULT : 0;
}

int64_t sys_getresuid(uaddr_t ruid, uaddr_t euid, uaddr_t suid)
{
	const struct credentials *creds = current_credentials();
	return put_three(ruid, creds->uid, euid, creds->euid, suid, creds->suid);
}

int64_t sys_getresgid(uaddr_t rgid, uaddr_t egid, uaddr_t sgid)
{
	const struct credentials *creds = current_credentials();
	return put_three(rgid, creds->gid, egid, creds->egid, sgid, creds->sgid);
}

/* What uid 0 may do to files follows the file system's uid. */
#define FILE_POWERS                                                                                \
	(1ull << POWER_CHOWN | 1ull << POWER_DAC_OVERRIDE | 1ull << POWER_DAC_READ_SEARCH |        \
	    1ull << POWER_FOWNER | 1ull << POWER_FSETID | 1ull << POWER_MKNOD)

/* These never fail: they tell the old value, and the caller sees whether it changed. */
int64_t sys_setfsuid(unsigned uid)
{
	const struct credentials *old = current_credentials();
	uint32_t before = old->fsuid;
	if (uid == ID_KEEP || uid == before ||
	    !(is_one_of(uid, old->uid, old->euid, old->suid) || has_power(POWER_SETUID)))
		return before;
	struct credentials *new = copy_current();
	if (!new)
		return before;
	new->fsuid = uid;
	if (!(new->securebits &NO_SETUID_FIXUP)) {
		if (!before && uid)
			new->cap_effective &= ~FILE_POWERS;
		if (before && !uid)
			new->cap_effective |= new->cap_permitted &FILE_POWERS;
	}
	credentials_commit(new);
	return before;
}

int64_t sys_setfsgid(unsigned gid)
{
	const struct credentials *old = current_credentials();
	uint32_t before = old->fsgid;
	if (gid == ID_KEEP || gid == before ||
	    !(is_one_of(gid, old->gid, old->egid, old->sgid) || has_power(POWER_SETGID)))
		return before;
	struct credentials *new = copy_current();
	if (!new)
		return before;
	new->fsgid = gid;
	credentials_commit(new);
	return before;
}

int64_t sys_getgroups(int size, uaddr_t list)
{
	const struct credentials *creds = current_credentials();
	if (size < 0 || (size && (size_t)size < creds->group_count))
		return -EINVAL;
	if (size &&
	    copy_to_user(list, creds->groups, creds->group_count * sizeof(creds->groups[0])))
		return -EFAULT;
	return (int64_t)creds->group_count;
}

/* Heap sort: no recursion, no worst case. Look-ups search by halves. */
static void sift_down(uint32_t *ids, size_t root, size_t end)
{
	for (size_t child; (child = 2 * root + 1) < end; root = child) {
		if (child + 1 < end && ids[child] < ids[child + 1])
			child++;
		if (ids[root] >= ids[child])
			return;
		uint32_t moved = ids[root];
		ids[root] = ids[child];
		ids[child] = moved;
	}
}

static void sort_groups(uint32_t *ids, size_t count)
{
	for (size_t i = count / 2; i-- > 0;)
		sift_down(ids, i, count);
	for (size_t end = count; end > 1;) {
		uint32_t last = ids[--end];
		ids[end] = ids[0];
		ids[0] = last;
		sift_down(ids, 0, end);
	}
}

int64_t sys_setgroups(size_t size, uaddr_t list)
{
	if (!has_power(POWER_SETGID))
		return -EPERM;
	if (size > GROUPS_MAX)
		return -EINVAL;
	struct credentials *new = credentials_copy(current_credentials(), size);
	if (!new)
		return -ENOMEM;
	if (size && copy_from_user(new->groups, list, size * sizeof(new->groups[0])))
		return drop(new, -EFAULT);
	sort_groups(new->groups, size);
	credentials_commit(new);
	return 0;
}
