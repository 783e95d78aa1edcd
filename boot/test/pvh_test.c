/* The PVH decoder: good data of both versions, and each way in which it can be bad. */
#include <abi/errno.h>

#include "fake_memory.h"

struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp, memory_map;
	uint32_t memory_count, reserved;
};

struct memory {
	uint64_t start, len;
	uint32_t type, reserved;
};

#define INFO    FAKE_BASE
#define MODULES (FAKE_BASE + 0x100)
#define MEMORY  (FAKE_BASE + 0x200)
#define CMDLINE (FAKE_BASE + 0x1ff0) /* across a page boundary */

static struct boot_info info;
static struct start_info good;
static const struct memory memory[] = {
    {0x100000, 0x7f00000, 1, 0},
    {0, 0x9fc00, 1, 0},
    {0x9fc00, 0x400, 2, 0},
    {0x7ff0000, 0x10000, 3, 0},
};
static uint64_t module[4] = {0x4000000, 0x12345, 0, 0};

static void prepare(void)
{
	fake_free();
	memset(fake_memory, 0, sizeof fake_memory);
	good = (struct start_info){
	    .magic = 0x336ec578,
	    .version = 1,
	    .module_count = 1,
	    .modules = MODULES,
	    .cmdline = CMDLINE,
	    .rsdp = 0xf5ba0,
	    .memory_map = MEMORY,
	    .memory_count = ARRAY_LEN(memory),
	};
	module[0] = 0x4000000;
	module[1] = 0x12345;
	fake_write(MEMORY, memory, sizeof memory);
	fake_write(CMDLINE, "console=ttyS0 selftest=slab_*", 30);
}

static int decode(void)
{
	fake_write(INFO, &good, sizeof good);
	fake_write(MODULES, module, sizeof module);
	int result = boot_decode_pvh(&info, INFO, fake_map);
	fake_free();
	return result;
}

TEST(pvh_good_data)
{
	prepare();
	CHECK_EQ(decode(), 0);
	CHECK_STR(info.protocol, "PVH");
	CHECK_STR(info.cmdline, "console=ttyS0 selftest=slab_*");
	CHECK_EQ(info.rsdp, 0xf5ba0);
	CHECK_EQ(info.initrd_start, 0x4000000);
	CHECK_EQ(info.initrd_end, 0x4012345);
	CHECK_EQ(info.range_count, 4);
	check_range(&info, 0, 0, 0x9f000, BOOT_MEMORY_RAM);
	check_range(&info, 1, 0x9f000, 0xa0000, BOOT_MEMORY_RESERVED);
	check_range(&info, 2, 0x100000, 0x7ff0000, BOOT_MEMORY_RAM);
	check_range(&info, 3, 0x7ff0000, 0x8000000, BOOT_MEMORY_ACPI);
}

TEST(pvh_without_the_optional_parts)
{
	prepare();
	good.module_count = 0;
	good.cmdline = 0;
	good.rsdp = 0;
	strcpy(info.cmdline, "old");
	info.initrd_end = 5;
	CHECK_EQ(decode(), 0);
	CHECK_STR(info.cmdline, "");
	CHECK_EQ(info.initrd_end, 0);
	CHECK_EQ(info.rsdp, 0);
}

TEST(pvh_refuses_bad_data)
{
	prepare();
	good.magic++;
	CHECK_EQ(decode(), -EINVAL);
	prepare();
	good.version = 0; /* no memory map */
	CHECK_EQ(decode(), -EINVAL);
	prepare();
	good.memory_map = 0;
	CHECK_EQ(decode(), -EINVAL);
	prepare();
	good.memory_count = 0;
	CHECK_EQ(decode(), -EINVAL);
	prepare();
	good.memory_count = UINT32_MAX;
	CHECK_EQ(decode(), -EINVAL);
	prepare();
	good.memory_count = 700; /* beyond what is mapped */
	CHECK_EQ(decode(), -EINVAL);
	prepare();
	good.memory_map = 3; /* not mapped */
	CHECK_EQ(decode(), -EINVAL);
	prepare();
	good.modules = UINT64_MAX - 3;
	CHECK_EQ(decode(), -EINVAL);
	prepare();
	good.module_count = 1000000;
	CHECK_EQ(decode(), -EINVAL);
	prepare();
	good.cmdline = UINT64_MAX;
	CHECK_EQ(decode(), -EINVAL);
	prepare();
	memset(fake_memory + (CMDLINE - FAKE_BASE), 'x',
	    FAKE_LEN - (CMDLINE - FAKE_BASE)); /* no end */
	CHECK_EQ(decode(), -EINVAL);
	CHECK_STR(info.cmdline, "");
	prepare();
	CHECK_EQ(boot_decode_pvh(&info, FAKE_BASE + FAKE_LEN - 20, fake_map), -EINVAL);
	CHECK_EQ(boot_decode_pvh(&info, 0, fake_map), -EINVAL);
}

TEST(pvh_refuses_an_initrd_outside_memory)
{
	prepare();
	module[0] = 0x8000000 - 0x1000;
	CHECK_EQ(decode(), -EINVAL);
	prepare();
	module[0] = 0x7ff0000 - 0x1000; /* half in what the firmware has reserved, as on microvm */
	module[1] = 0x2000;
	CHECK_EQ(decode(), 0);
	prepare();
	module[0] = UINT64_MAX - 3;
	CHECK_EQ(decode(), -EINVAL);
	prepare();
	module[1] = 0; /* empty: as if there were none */
	CHECK_EQ(decode(), 0);
	CHECK_EQ(info.initrd_start, info.initrd_end);
}

TEST(pvh_cmdline_at_the_end_of_memory)
{
	prepare();
	good.cmdline = FAKE_BASE + FAKE_LEN - 4;
	fake_write(good.cmdline, "end", 4);
	CHECK_EQ(decode(), 0);
	CHECK_STR(info.cmdline, "end");
}
