# Reads tables before there is an allocator, so physical memory is reached through a callback.
MODULE := kernel/acpi
DEPS := abi lib boot kernel/arch kernel/log kernel/mm
X86 := cpuid.h io.h
SRCS := root.c madt.c numa.c fadt.c devices.c mp.c machine.c describe.c fw_cfg.c power.c
HOST_SRCS := root.c madt.c numa.c fadt.c devices.c mp.c machine.c
TESTS := acpi mp
FUZZ := acpi
SELFTEST := machine_selftest.c
