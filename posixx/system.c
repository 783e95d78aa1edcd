/* Calls about the system as a whole and about the calling thread's odds and ends: uname, sysinfo, getrandom, arch_prctl, reboot. */
#include <abi/errno.h>
#include <abi/linux/structs.h>
#include <acpi/power.h>
#include <arch/user.h>
#include <lib/string.h>
#include <mm/page_alloc.h>
#include <posixx/syscalls.h>
#include <process/process.h>
#include <procfs/procfs.h>
#include <random/random.h>
#include <sched/load.h>
#include <sync/seqcount.h>
#include <sync/spinlock.h>
#include <time/clock.h>
#include <vm/page_cache.h>

#define SYSINFO_LOAD_SHIFT 16 /* sysinfo(2) tells loads in 1/65536 */

static struct linux_utsname names = {.system = "Linux", /* node and domain: names_seq */
    .node = "exo",
    .release = SYSTEM_RELEASE,
    .version = SYSTEM_VERSION,
    .machine = "x86_64",
    .domain = "(none)"};
static struct seqcount names_seq;
static struct spinlock names_lock = SPINLOCK_INIT("names of the system", RANK_HOST_NAME);

/* Straight into the caller's memory, and again when a name changed meanwhile: no lock is held while that may fault. */
int64_t sys_uname(uaddr_t buf)
{
	uint32_t seq;
	do {
		seq = seq_read_begin(&names_seq);
		if (copy_to_user(buf, &names, sizeof(names)))
			return -EFAULT;
	} while (unlikely(seq_read_retry(&names_seq, seq)));
	return 0;
}

void system_name(bool domain, char *buf, size_t size)
{
	uint32_t seq;
	do {
		seq = seq_read_begin(&names_seq);
		str_copy(buf, size, domain ? names.domain : names.node);
	} while (unlikely(seq_read_retry(&names_seq, seq)));
}

void process_host_name(char *buf, size_t size)
{
	system_name(false, buf, size);
}

static void store_name(char *target, const char *name)
{
	spin_lock(&names_lock);
	seq_write_begin(&names_seq);
	memcpy(target, name, SYSTEM_NAME_MAX);
	seq_write_end(&names_seq);
	spin_unlock(&names_lock);
}

/* A name that is too long is cut, as Linux does. */
void system_set_name(bool domain, const char *name)
{
	char copy[SYSTEM_NAME_MAX] = {0};
	(void)str_copy(copy, sizeof(copy), name);
	store_name(domain ? names.domain : names.node, copy);
}

static int64_t set_name(char *target, uaddr_t name, size_t len)
{
	char copy[SYSTEM_NAME_MAX] = {0};
	if (!has_power(POWER_SYS_ADMIN))
		return -EPERM;
	if (len >= SYSTEM_NAME_MAX)
		return -EINVAL;
	if (copy_from_user(copy, name, len))
		return -EFAULT;
	store_name(target, copy);
	return 0;
}

int64_t sys_sethostname(uaddr_t name, size_t len)
{
	return set_name(names.node, name, len);
}

int64_t sys_setdomainname(uaddr_t name, size_t len)
{
	return set_name(names.domain, name, len);
}

int64_t sys_sysinfo(uaddr_t info)
{
	struct page_stats pages;
	page_stats_total(&pages);
	struct linux_sysinfo result = {
	    .uptime = (int64_t)(uptime_ns() / NSEC_PER_SEC),
	    .total_ram = pages.total * PAGE_SIZE,
	    .free_ram = pages.free * PAGE_SIZE,
	    .shared_ram = page_cache_total() * PAGE_SIZE,
	    .processes = (uint16_t)min(thread_count(), 0xffffu),
	    .unit = 1,
	};
	load_averages(result.loads);
	for (unsigned i = 0; i < ARRAY_LEN(result.loads); i++)
		result.loads[i] <<= SYSINFO_LOAD_SHIFT - LOAD_SHIFT;
	return copy_to_user(info, &result, sizeof(result));
}

#define GRND_NONBLOCK 1u
#define GRND_RANDOM   2u
#define GRND_INSECURE 4u

int64_t sys_getrandom(uaddr_t buf, size_t len, unsigned flags)
{
	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) ||
	    (flags & GRND_RANDOM && flags & GRND_INSECURE))
		return -EINVAL;
	uint8_t chunk[256];
	size_t done = 0;
	int err = 0;
	len = min(len, (size_t)INT32_MAX);
	while (done < len) {
		size_t part = min(len - done, sizeof(chunk));
		random_fill(chunk, part);
		err = copy_to_user(uaddr_add(buf, done), chunk, part);
		if (err)
			break;
		done += part;
		if (signal_is_pending() && done >= 256)
			break;
	}
	memset(chunk, 0, min(len, sizeof(chunk)));
	return done ? (int64_t)done : err;
}

#define ARCH_SET_GS    0x1001
#define ARCH_SET_FS    0x1002
#define ARCH_GET_FS    0x1003
#define ARCH_GET_GS    0x1004
#define ARCH_GET_CPUID 0x1011
#define ARCH_SET_CPUID 0x1012

int64_t sys_arch_prctl(int option, uaddr_t addr)
{
	switch (option) {
	case ARCH_SET_FS:
	case ARCH_SET_GS:
		if (addr.va >= USER_END)
			return -EPERM;
		if (option == ARCH_SET_FS)
			user_set_fs_base(addr.va);
		else
			user_set_gs_base(addr.va);
		return 0;
	case ARCH_GET_FS: return put_user_u64(addr, user_fs_base());
	case ARCH_GET_GS: return put_user_u64(addr, user_gs_base());
	case ARCH_GET_CPUID: return 1; /* programs may always ask the processor */
	case ARCH_SET_CPUID: return -ENODEV;
	default: return -EINVAL;
	}
}

int64_t sys_personality(unsigned persona)
{
	struct process *process = current_process();
	unsigned old = process->personality;
	if (persona != 0xffffffff)
		process->personality = persona;
	return old;
}

#define REBOOT_MAGIC1    0xfee1dead
#define REBOOT_RESTART   0x01234567
#define REBOOT_HALT      0xcdef0123
#define REBOOT_POWER_OFF 0x4321fedc
#define REBOOT_CAD_ON    0x89abcdef
#define REBOOT_CAD_OFF   0

static bool reboot_magic_ok(unsigned magic1, unsigned magic2)
{
	/* The second: birthdays of Torvalds' family, any of them. */
	return magic1 == REBOOT_MAGIC1 && (magic2 == 672274793 || magic2 == 85072278 ||
					      magic2 == 369367448 || magic2 == 537993216);
}

int64_t sys_reboot(unsigned magic1, unsigned magic2, unsigned command, uaddr_t arg)
{
	(void)arg;
	if (!has_power(POWER_SYS_BOOT))
		return -EPERM;
	if (!reboot_magic_ok(magic1, magic2))
		return -EINVAL;
	switch (command) {
	case REBOOT_RESTART: machine_reset();
	case REBOOT_HALT:
	case REBOOT_POWER_OFF: machine_power_off();
	case REBOOT_CAD_ON:
	case REBOOT_CAD_OFF: return 0; /* there is no Ctrl-Alt-Del on a serial line */
	default: return -EINVAL;
	}
}
