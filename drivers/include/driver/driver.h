/*
 * The one interface of every driver, and the one list of devices. A driver is a constant; a row of drivers/drivers.tbl.h
 * makes it known. A device is what a driver found and runs: the manager creates it, gives it to the driver's init, and
 * enters it under an id when that succeeds.
 *
 * Life of a device: created, init (fails: gone again), registered under its id, shutdown in reverse order of registration.
 *
 * Drivers without a bus are started by drivers_init, in the order of the table; a driver of a bus is offered each device that
 * the bus finds and its `match` accepts (see <pci/pci.h>).
 */
#pragma once

#include <lib/types.h>

enum device_type {
	DEVICE_BUS,
	DEVICE_BLOCK,
	DEVICE_CHARACTER,
	DEVICE_NETWORK,
	DEVICE_DISPLAY,
	DEVICE_INPUT,
	DEVICE_CLOCK,
	DEVICE_RANDOM,
	DEVICE_TYPE_COUNT,
};

struct device;
struct pci_match;

struct driver {
	const char *name;
	enum device_type type;
	const struct pci_match *pci; /* NULL: not a driver for PCI. Ends with a row of zeroes. */
	/* 0, or a negative error; -ENODEV says that there is no such device after all. Context: thread, may sleep. */
	int (*init)(struct device *device);
	/* Quiet: no more interrupts, no more DMA. NULL: nothing to do. Context: thread, may sleep. */
	void (*shutdown)(struct device *device);
	/* Whether it takes requests now. NULL: always, once initialised. Context: any. */
	bool (*is_ready)(const struct device *device);
};

/* I: immutable once registered */
struct device {
	unsigned id;                 /* I */
	const struct driver *driver; /* I */
	void *
	    bus_device; /* I: what the bus knows about it, such as a struct pci_device; NULL without a bus */
	void *state; /* the driver's own */
};

#define DEVICES_MAX 256

/* Creates a device and runs the driver's init. Its error, -ENOMEM, or -ENOSPC when there are DEVICES_MAX already.
 * Context: thread, may sleep. */
MUST_USE int device_start(const struct driver *driver, void *bus_device);

/* NULL when there is none. Devices stay until devices_shutdown. Context: any. */
struct device *device_by_id(unsigned id);
/* The first of this type from `id` on; NULL when there is no further one. Context: any. */
struct device *device_next(enum device_type type, unsigned id);
bool device_is_ready(const struct device *device);
const char *device_type_name(enum device_type type);

/* Calls fn with each driver of the table. */
void driver_for_each(void (*fn)(const struct driver *driver, void *ctx), void *ctx);

/* Boot: starts the drivers of the table that need no bus. Context: thread. */
void drivers_init(void);
/* Shuts all devices down, the newest first. Context: thread. */
void devices_shutdown(void);
