/* Message-signalled interrupts: a vector, told to the device as an address and a value. */
#include "irq_impl.h"

#include <log/assert.h>
#include <sync/preempt.h>

int msi_request_block(unsigned cpu, unsigned count, irq_handler_t handler, void *const *args,
    const char *name, struct msi_message *message)
{
	assert_no_interrupt();
	struct msi_message result = {.cpu = cpu};
	irq_flags_t flags = spin_lock_irqsave(&irq_lock);
	int vector = irq_vectors_install_locked(cpu, count, handler, args, name);
	spin_unlock_irqrestore(&irq_lock, flags);
	if (vector < 0)
		return vector;

	result.vector = (unsigned)vector;
	int err = arch_msi_compose(cpu, result.vector, &result.address, &result.data);
	if (err)
		msi_release(&result, count);
	else
		*message = result;
	return err;
}

int msi_request(
    unsigned cpu, irq_handler_t handler, void *arg, const char *name, struct msi_message *message)
{
	return msi_request_block(cpu, 1, handler, &arg, name, message);
}

void msi_release(const struct msi_message *message, unsigned count)
{
	assert_no_interrupt();
	/* What the device sent before it was told to stop finds its handler. */
	irq_synchronize(message->cpu);
	irq_vectors_release(message->cpu, message->vector, count);
}
