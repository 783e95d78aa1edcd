/* memfd_create(2). The file, and what its seals forbid, are in kernel/vfs/memory_file.c. */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <arch/user_copy.h>
#include <object/capability.h>
#include <posixx/syscalls.h>
#include <vfs/vfs.h>

enum {
	MFD_CLOEXEC = 1,
	MFD_ALLOW_SEALING = 2,
	MFD_HUGETLB = 4,
	MFD_NOEXEC_SEAL = 8,
	MFD_EXEC = 16,
};
#define MFD_HUGE_SIZE (63u << 26)

int64_t sys_memfd_create(uaddr_t user_name, unsigned flags)
{
	unsigned known = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC;
	char name[MEMORY_FILE_NAME_MAX + 1];
	if (flags & MFD_HUGETLB)
		return flags & ~(known | MFD_HUGETLB | MFD_HUGE_SIZE) ? -EINVAL : -ENOSYS;
	if (flags & ~known || (flags & MFD_EXEC && flags & MFD_NOEXEC_SEAL))
		return -EINVAL;
	int64_t len = strncpy_from_user(name, user_name, sizeof(name));
	if (len < 0)
		return len == -ENAMETOOLONG ? -EINVAL : len;

	/* What cannot be run can always be sealed, and is so against that. */
	bool is_program = !(flags & MFD_NOEXEC_SEAL);
	unsigned seals = !is_program ? F_SEAL_EXEC : flags & MFD_ALLOW_SEALING ? 0 : F_SEAL_SEAL;
	struct object *object;
	int err = vfs_create_memory_file(name, is_program ? 0777 : 0666, seals, &object);
	if (err)
		return err;
	return cap_install_new(object, O_RDWR, flags & MFD_CLOEXEC ? CAP_CLOEXEC : 0);
}
