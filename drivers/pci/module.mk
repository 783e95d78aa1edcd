MODULE := drivers/pci
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/irq kernel/acpi drivers
X86 := io.h
SRCS := access.c config.c scan.c bar.c msi.c bus.c
HOST_SRCS := config.c scan.c bar.c msi.c
TESTS := pci
SELFTEST := pci_selftest.c
