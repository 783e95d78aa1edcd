/* The device list: ids, types, order of shutdown, and drivers that fail. */
#include <abi/errno.h>
#include <arch/host.h>
#include <driver/driver.h>
#include <mm/alloc_fail.h>
#include <test/test.h>

static int init_result;
static unsigned inits, shutdowns;
static unsigned shutdown_ids[DEVICES_MAX + 1];
static bool ready;

static int fake_init(struct device *device)
{
	inits++;
	device->state = &init_result;
	return init_result;
}

static void fake_shutdown(struct device *device)
{
	CHECK(device->state == &init_result);
	shutdown_ids[shutdowns++] = device->id;
}

static bool fake_is_ready(const struct device *device)
{
	(void)device;
	return ready;
}

static const struct driver disk = {
    "disk", DEVICE_BLOCK, NULL, fake_init, fake_shutdown, fake_is_ready};
static const struct driver dice = {"dice", DEVICE_RANDOM, NULL, fake_init, fake_shutdown, NULL};

/* The one row of the table. */
extern const struct driver pci_driver;
const struct driver pci_driver = {"pci", DEVICE_BUS, NULL, fake_init, NULL, NULL};

TEST(devices_are_found_by_id_and_type)
{
	host_mm_start(16 * MiB);
	drivers_init();
	CHECK_EQ(device_start(&disk, NULL), 0);
	CHECK_EQ(device_start(&dice, NULL), 0);
	CHECK_EQ(device_start(&disk, &inits), 0);
	CHECK_EQ(inits, 4);
	CHECK(device_by_id(0)->driver == &pci_driver);
	CHECK(device_by_id(2)->driver == &dice);
	CHECK_EQ(device_by_id(2)->id, 2);
	CHECK(device_by_id(3)->bus_device == &inits);
	CHECK(!device_by_id(4));
	CHECK_EQ(device_next(DEVICE_BLOCK, 0)->id, 1);
	CHECK_EQ(device_next(DEVICE_BLOCK, 2)->id, 3);
	CHECK(!device_next(DEVICE_BLOCK, 4));
	CHECK(!device_next(DEVICE_NETWORK, 0));

	CHECK(!device_is_ready(device_by_id(1)));
	ready = true;
	CHECK(device_is_ready(device_by_id(1)));
	CHECK(device_is_ready(device_by_id(2)));
	CHECK_STR(device_type_name(DEVICE_BLOCK), "block");

	devices_shutdown();
	CHECK_EQ(shutdowns, 3);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(shutdown_ids[i], 3 - i);
	CHECK(!device_by_id(0));
	host_mm_finish();
}

TEST(a_device_that_fails_leaves_nothing)
{
	host_mm_start(16 * MiB);
	init_result = -ENODEV;
	CHECK_EQ(device_start(&disk, NULL), -ENODEV);
	init_result = -EIO;
	CHECK_EQ(device_start(&disk, NULL), -EIO);
	CHECK(!device_by_id(0));
	init_result = 0;
	inits = 0;
	alloc_fail_after(1);
	CHECK_EQ(device_start(&disk, NULL), -ENOMEM);
	CHECK(alloc_fail_after(0));
	CHECK_EQ(inits, 0);
	CHECK_EQ(shutdowns, 0);
	host_mm_finish();
}

TEST(the_list_of_devices_ends)
{
	host_mm_start(16 * MiB);
	for (unsigned i = 0; i < DEVICES_MAX; i++)
		CHECK_EQ(device_start(&disk, NULL), 0);
	CHECK_EQ(device_start(&disk, NULL), -ENOSPC);
	CHECK_EQ(shutdowns, 1);
	devices_shutdown();
	CHECK_EQ(shutdowns, DEVICES_MAX + 1);
	host_mm_finish();
}
