#include <lib/chacha.h>
#include <string.h>
#include <test/test.h>

static const uint8_t first[16] = {
    0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3, 0x20, 0x71, 0xc4};
static const uint8_t last[4] = {0xa2, 0x50, 0x3c, 0x4e};
static const uint8_t nonce[CHACHA_NONCE_LEN] = {0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0};

static void set_key(uint8_t key[CHACHA_KEY_LEN])
{
	for (unsigned i = 0; i < CHACHA_KEY_LEN; i++)
		key[i] = (uint8_t)i;
}

/* RFC 8439 §2.3.2. */
TEST(chacha20_block_of_the_rfc)
{
	uint8_t key[CHACHA_KEY_LEN], out[CHACHA_BLOCK_LEN];
	set_key(key);
	chacha20_stream(key, 1, nonce, out, 1);
	CHECK(!memcmp(out, first, sizeof(first)));
	CHECK(!memcmp(out + 60, last, sizeof(last)));
}

TEST(a_stream_is_its_blocks_one_by_one)
{
	enum { BLOCKS = 5 };
	uint8_t key[CHACHA_KEY_LEN], stream[BLOCKS * CHACHA_BLOCK_LEN + 1], block[CHACHA_BLOCK_LEN];
	set_key(key);
	chacha20_stream(key, 0xffffffff, nonce, stream + 1, BLOCKS);
	for (unsigned i = 0; i < BLOCKS; i++) {
		chacha20_stream(key, i - 1, nonce, block, 1);
		CHECK(!memcmp(stream + 1 + i * CHACHA_BLOCK_LEN, block, sizeof(block)));
	}
}

TEST(the_stream_may_replace_its_key)
{
	uint8_t key[CHACHA_KEY_LEN], apart[2 * CHACHA_BLOCK_LEN], over[2 * CHACHA_BLOCK_LEN];
	set_key(key);
	set_key(over);
	chacha20_stream(key, 0, nonce, apart, 2);
	chacha20_stream(over, 0, nonce, over, 2);
	CHECK(!memcmp(apart, over, sizeof(over)));
}
