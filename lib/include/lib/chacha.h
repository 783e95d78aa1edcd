/*
 * The ChaCha20 key stream (RFC 8439 §2.4): blocks of 64 bytes from a key, a counter and a nonce. Uses vector registers: in the kernel, call
 * it between vector_begin and vector_end (<arch/vector.h>). The key is read before anything is written, so `out` may lie over it.
 */
#pragma once

#include <lib/types.h>

#define CHACHA_KEY_LEN   32
#define CHACHA_NONCE_LEN 12
#define CHACHA_BLOCK_LEN 64

void chacha20_stream(const uint8_t key[CHACHA_KEY_LEN], uint32_t counter,
    const uint8_t nonce[CHACHA_NONCE_LEN], uint8_t *out, size_t blocks);
