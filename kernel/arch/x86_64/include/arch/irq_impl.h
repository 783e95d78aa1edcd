/* x86_64's half of <arch/irq.h>: who owns which of the 256 vectors. A higher number has the higher priority. */
#pragma once

#define IRQ_VECTOR_FIRST 32
#define IRQ_VECTOR_LAST  255
#define IRQ_VECTOR_COUNT (IRQ_VECTOR_LAST - IRQ_VECTOR_FIRST + 1)

#define VECTOR_PIC 32 /* 16 of them: where the legacy controllers point, masked */
/* Below the devices, so that a CPU that answers a call has taken what devices sent before: releasing relies on it. */
#define VECTOR_CALL      48
#define IRQ_DEVICE_FIRST 49
#define IRQ_DEVICE_LAST  239
#define IRQ_DEVICE_COUNT (IRQ_DEVICE_LAST - IRQ_DEVICE_FIRST + 1)

#define VECTOR_TIMER      240
#define VECTOR_RESCHEDULE 241
#define VECTOR_TLB        242
#define VECTOR_APIC_ERROR 254
#define VECTOR_SPURIOUS   255 /* never acknowledged (Intel SDM vol. 3A §10.9) */
