/* Feeds the PVH decoder arbitrary memory. */
#include "decoder_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct boot_info info;
	memory = data;
	memory_len = size;
	if (boot_decode_pvh(&info, BASE, map) == 0)
		check_info(&info);
	return 0;
}
