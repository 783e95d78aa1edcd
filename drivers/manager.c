/* The list of drivers, made of the table, and the list of devices. */
#include <abi/errno.h>
#include <driver/driver.h>
#include <lib/atomic.h>
#include <log/log.h>
#include <mm/slab.h>
#include <sync/preempt.h>
#include <sync/spinlock.h>

#define DRIVER(name) extern const struct driver name##_driver;
#include "drivers.tbl.h"
#undef DRIVER

#define DRIVER(name) &name##_driver,
static const struct driver *const drivers[] = {
#include "drivers.tbl.h"
};
#undef DRIVER

static struct spinlock devices_lock = SPINLOCK_INIT("devices", RANK_DEVICES);
static struct device *devices[DEVICES_MAX]; /* devices_lock to write, a to read; no gaps */
static unsigned device_count;               /* the same */

static int enter(struct device *device)
{
	int err = -ENOSPC;

	spin_lock(&devices_lock);
	if (device_count < DEVICES_MAX) {
		device->id = device_count;
		atomic_store_release(&devices[device_count], device);
		atomic_store_release(&device_count, device_count + 1);
		err = 0;
	}
	spin_unlock(&devices_lock);
	return err;
}

int device_start(const struct driver *driver, void *bus_device)
{
	struct device *device = kzalloc(sizeof(*device));
	if (!device)
		return -ENOMEM;

	device->driver = driver;
	device->bus_device = bus_device;
	int err = driver->init(device);
	if (err)
		goto out_free;
	err = enter(device);
	if (err)
		goto out_shutdown;
	return 0;

out_shutdown:
	if (driver->shutdown)
		driver->shutdown(device);
out_free:
	kfree(device);
	if (err != -ENODEV)
		log_err("device", "%s: cannot be started (error %d)", driver->name, err);
	return err;
}

struct device *device_by_id(unsigned id)
{
	return id < atomic_load_acquire(&device_count) ? atomic_load_acquire(&devices[id]) : NULL;
}

struct device *device_next(enum device_type type, unsigned id)
{
	for (struct device *device; (device = device_by_id(id)); id++)
		if (device->driver->type == type)
			return device;
	return NULL;
}

bool device_is_ready(const struct device *device)
{
	return !device->driver->is_ready || device->driver->is_ready(device);
}

const char *device_type_name(enum device_type type)
{
	static const char *const names[DEVICE_TYPE_COUNT] = {
	    "bus", "block", "character", "network", "display", "input", "clock", "random"};
	return type < DEVICE_TYPE_COUNT ? names[type] : "unknown";
}

void driver_for_each(void (*fn)(const struct driver *driver, void *ctx), void *ctx)
{
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		fn(drivers[i], ctx);
}

static void start_without_bus(const struct driver *driver, void *ctx)
{
	(void)ctx;
	/* An error was logged, and the machine goes on without that device. */
	if (!driver->pci)
		(void)!device_start(driver, NULL);
}

void drivers_init(void)
{
	driver_for_each(start_without_bus, NULL);
}

void devices_shutdown(void)
{
	for (;;) {
		spin_lock(&devices_lock);
		struct device *device = device_count ? devices[device_count - 1] : NULL;
		if (device)
			atomic_store(&device_count, device_count - 1);
		spin_unlock(&devices_lock);
		if (!device)
			return;
		if (device->driver->shutdown)
			device->driver->shutdown(device);
		kfree(device);
	}
}
