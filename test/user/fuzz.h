/*
 * What the parts of the fuzzer share: who draws (an actor: one thread), where arguments lie (the arena), what calls have given so far (pools).
 * fuzz_args.h knows kinds of arguments, fuzz_calls.h knows the calls, fuzz_world.h what a worker finds, fuzz_folder.h where a round lives and how
 * it is cleared away, fuzz_leaks.h what the kernel has in use; fuzz.c lets storms of calls loose.
 */
#pragma once

#include "check.h"

/* Things that calls make and others want. Those before POOL_PID are descriptors. */
enum pool {
	POOL_NONE,
	POOL_FILE,
	POOL_DIR,
	POOL_PIPE,
	POOL_EPOLL,
	POOL_EVENT,
	POOL_PIDFD,
	POOL_TTY,
	POOL_MQ,
	POOL_PROC,
	POOL_PATH, /* O_PATH */
	POOL_PID,
	POOL_TID,
	POOL_SEMAPHORES,
	POOL_QUEUE,
	POOL_SEGMENT,
	POOL_TIMER,
	POOL_PAGE,
	POOL_COUNT,
	POOL_PAIR, /* only a result: two descriptors at the actor's last `pair` */
};
#define POOL_SIZE 8

/* Who the workers are, and with it what they may not do. */
enum rank {
	RANK_GUEST,  /* an ordinary user of a machine that is not ours */
	RANK_SEALED, /* a user of our own: it may signal all that it can */
	RANK_ROOT,   /* of a machine of our own, in a chroot */
};

struct actor {
	uint64_t state;
	int *pair;
	long fork_budget;
};

/* One for each worker process; its threads share it, forked children have copies. */
static struct {
	enum rank rank;
	long pools[POOL_COUNT][POOL_SIZE];
	unsigned put[POOL_COUNT];
} world;

/* Of all processes: what was called, and how often with success. */
#define CALLS_MAX 400
static struct tally {
	uint32_t tried[CALLS_MAX], done[CALLS_MAX];
} * tally;

static uint64_t draw(struct actor *actor)
{
	actor->state ^= actor->state << 13;
	actor->state ^= actor->state >> 7;
	actor->state ^= actor->state << 17;
	return actor->state * 0x2545f4914f6cdd1dull >> 16;
}

static uint64_t below(struct actor *actor, uint64_t n)
{
	return draw(actor) % n;
}

static bool chance(struct actor *actor, unsigned percent)
{
	return below(actor, 100) < percent;
}

static uint64_t mixed(uint64_t a, uint64_t b)
{
	uint64_t x = a * 0x9e3779b97f4a7c15ull + b * 0xbf58476d1ce4e5b9ull + 0x94d049bb133111ebull;
	x ^= x >> 31;
	return x * 0x94d049bb133111ebull | 1;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * The arena: memory in which arguments lie. Each part ends at a hole, so that what crosses its end is half mapped. The playground, which
 * calls may map, unmap and protect as they like, is another; the arena is hit by wild addresses only.
 */
#define ARENA            ((char *)0x100000000000)
#define ARENA_PRIVATE    (ARENA)
#define ARENA_SHARED     (ARENA + 0x20000) /* by all workers */
#define ARENA_READONLY   (ARENA + 0x40000)
#define ARENA_BEYOND     (ARENA + 0x60000) /* a file's mapping, of which the file has the first half */
#define ARENA_PART       0x10000
#define PLAYGROUND       ((char *)0x200000000000)
#define PLAYGROUND_PAGES 256
