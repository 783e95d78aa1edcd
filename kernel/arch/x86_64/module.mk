MODULE := kernel/arch/x86_64
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/irq kernel/time kernel/sched kernel/acpi
SRCS := entry.S boot.c cpu.c cpu_flags.c mmu.c probe.c gdt.c percpu.c trap_entry.S trap.c context.S context.c \
	lapic.c lapic_timer.c ipi.c tsc.c smp.c trampoline.S \
	syscall_entry.S user.c user_special.c user_copy.S user_copy.c user_signal.c signal_vectors.c fpu.c
