/*
 * Random numbers that cannot be guessed: ChaCha20 keyed from the processor's generator and whatever timing the machine offers, with the key replaced
 * after every use, so that a later look into memory tells nothing of earlier output. Each CPU has a generator of its own.
 *
 * Context: thread.
 */
#pragma once

#include <lib/types.h>

void random_fill(void *buf, size_t len);
/* Mixes in what somebody contributes (a write to /dev/random, an interrupt's timing); never makes it worse. */
void random_add(const void *buf, size_t len);
void random_init(void);
