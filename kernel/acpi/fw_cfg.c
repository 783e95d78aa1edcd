/*
 * QEMU's configuration device: write a key to the selector, read the value byte by byte.
 * docs/specs/fw_cfg of QEMU.
 */
#include <x86/cpuid.h>
#include <x86/io.h>

#include "platform.h"

#define PORT_SELECTOR 0x510
#define PORT_DATA     0x511
#define KEY_SIGNATURE 0x00
#define KEY_CPU_COUNT 0x05

#define CPUID_HYPERVISOR (1u << 31)

/* Little-endian, `len` bytes. */
static uint32_t read_key(uint16_t key, unsigned len)
{
	uint32_t value = 0;
	io_out16(PORT_SELECTOR, key);
	for (unsigned i = 0; i < len; i++)
		value |= (uint32_t)io_in8(PORT_DATA) << (8 * i);
	return value;
}

uint32_t fw_cfg_cpu_count(void)
{
	/* On real machines these ports may be anything's. */
	if (!(cpuid(1, 0).ecx & CPUID_HYPERVISOR) ||
	    read_key(KEY_SIGNATURE, 4) != 0x554d4551 /* QEMU */)
		return 0;
	return read_key(KEY_CPU_COUNT, 2);
}
