/*
 * The generators: <random/random.h>. A few blocks of ChaCha20 give the next key, which replaces the one they were made with, and a store of
 * output, which is wiped as it is handed out.
 */
#include <arch/cpu.h>
#include <arch/entropy.h>
#include <arch/vector.h>
#include <lib/chacha.h>
#include <lib/string.h>
#include <random/random.h>
#include <sync/preempt.h>
#include <sync/spinlock.h>

#define BLOCKS 8

struct generator {
	/* One stream, made at once: the key of the next one, and what is not handed out yet: the last `left` bytes. */
	uint8_t key[CHACHA_KEY_LEN];
	uint8_t ready[BLOCKS * CHACHA_BLOCK_LEN - CHACHA_KEY_LEN];
	uint32_t left;
	uint32_t generation; /* the pool's, when it was last seeded */
};
static_assert(offsetof(struct generator, left) == BLOCKS * CHACHA_BLOCK_LEN, "a stream");

static PER_CPU(struct generator, generator);
static struct spinlock pool_lock = SPINLOCK_INIT("entropy pool", RANK_RANDOM);
static uint8_t pool[CHACHA_KEY_LEN]; /* pool_lock: what seeds the generators */
static uint32_t pool_generation;     /* a: counts what was added */

/* So that the compiler does not leave the wiping out. */
static void wipe(void *buf, size_t len)
{
	memset(buf, 0, len);
	__asm__ volatile("" : : "r"(buf) : "memory");
}

/* Preemption is off. */
static void make_stream(const uint8_t key[CHACHA_KEY_LEN], const uint8_t mix[CHACHA_NONCE_LEN],
    uint8_t *out, size_t blocks)
{
	struct vector_registers user;
	vector_begin(&user);
	chacha20_stream(key, 0, mix, out, blocks);
	vector_end(&user);
}

/* The first half of the block replaces the pool; the rest is what it gives. Pool lock held. */
static void step_pool_locked(const uint8_t mix[CHACHA_NONCE_LEN], uint8_t block[CHACHA_BLOCK_LEN])
{
	make_stream(pool, mix, block, 1);
	memcpy(pool, block, sizeof(pool));
}

void random_add(const void *buf, size_t len)
{
	const uint8_t *bytes = buf;
	uint8_t block[CHACHA_BLOCK_LEN];
	irq_flags_t flags = spin_lock_irqsave(&pool_lock);
	for (size_t at = 0; at < len || at == 0; at += CHACHA_NONCE_LEN) {
		uint8_t mix[CHACHA_NONCE_LEN] = {0};
		memcpy(mix, bytes + at, min(len - at, sizeof(mix)));
		step_pool_locked(mix, block);
	}
	atomic_store(&pool_generation, pool_generation + 1);
	spin_unlock_irqrestore(&pool_lock, flags);
	wipe(block, sizeof(block));
}

/* What it has of its own stays in the key. */
static void seed(struct generator *source)
{
	uint8_t mix[CHACHA_NONCE_LEN] = {0}, block[CHACHA_BLOCK_LEN];
	uint64_t now = cpu_timestamp();
	memcpy(mix, &now, sizeof(now));
	irq_flags_t flags = spin_lock_irqsave(&pool_lock);
	step_pool_locked(mix, block);
	source->generation = pool_generation;
	spin_unlock_irqrestore(&pool_lock, flags);
	for (unsigned i = 0; i < CHACHA_KEY_LEN; i++)
		source->key[i] ^= block[CHACHA_KEY_LEN + i];
	wipe(block, sizeof(block));
}

static NOINLINE void refill(struct generator *source)
{
	static const uint8_t nothing[CHACHA_NONCE_LEN];
	if (source->generation != atomic_load(&pool_generation))
		seed(source);
	make_stream(source->key, nothing, source->key, BLOCKS);
	source->left = sizeof(source->ready);
}

/* What is taken is wiped, word by word: in most cases it is two. Preemption is off. */
static ALWAYS_INLINE size_t take(struct generator *source, uint8_t *to, size_t len)
{
	if (unlikely(!source->left))
		refill(source);
	size_t part = min(len, (size_t)source->left), at = 0;
	uint8_t *from = (uint8_t *)&source->left - source->left;
	source->left -= (uint32_t)part;
	for (; at + 8 <= part; at += 8) {
		__builtin_memcpy(to + at, from + at, 8);
		__builtin_memset(from + at, 0, 8);
	}
	for (; at < part; at++) {
		to[at] = from[at];
		from[at] = 0;
	}
	compiler_barrier(); /* the wiping is not left out */
	return part;
}

void random_fill(void *buf, size_t len)
{
	uint8_t *to = buf;
	while (len) {
		preempt_disable();
		size_t part = take(this_cpu_ptr(generator), to, len);
		preempt_enable();
		to += part;
		len -= part;
	}
}

void random_init(void)
{
	enum { JITTER_ROUNDS = 64 };
	uint64_t samples[JITTER_ROUNDS];
	for (unsigned i = 0; i < JITTER_ROUNDS; i++)
		samples[i] = arch_entropy() ^ cpu_timestamp() << 32;
	random_add(samples, sizeof(samples));
}
