# The platform devices of a PC: interrupt controllers, counters, the real-time clock.
MODULE := drivers/pc
DEPS := abi lib boot kernel/arch kernel/arch/x86_64 kernel/log kernel/sync kernel/mm kernel/irq kernel/time kernel/acpi
SRCS := pc.c pic.c ioapic.c hpet.c pm_timer.c pit.c rtc.c rtc_decode.c
HOST_SRCS := rtc_decode.c
TESTS := rtc_decode ioapic_entry
SELFTEST := pc_selftest.c
