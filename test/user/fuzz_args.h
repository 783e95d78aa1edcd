/* Kinds of arguments: each draws a value that is likely right, or wrong in a way that is likely to hurt. */
#pragma once

#include "fuzz.h"

#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <termios.h>

struct kind {
	const char *name;
	long (*draw)(struct actor *actor, const struct kind *kind);
	const long *values;
	size_t count;
};

#define LIST(...) (const long[]){__VA_ARGS__}, sizeof((const long[]){__VA_ARGS__}) / sizeof(long)

static void put_result(enum pool pool, long value)
{
	world.pools[pool][world.put[pool]++ % POOL_SIZE] = value;
}

static long from_pool(struct actor *actor, enum pool pool)
{
	unsigned filled = world.put[pool] < POOL_SIZE ? world.put[pool] : POOL_SIZE;
	return filled ? world.pools[pool][below(actor, filled)] : -1;
}

static long draw_odd(struct actor *actor)
{
	static const long odd[] = {0, 1, -1, 2, 7, 8, 64, 100, 4095, 4096, 4097, -4096, 65535,
	    65536, INT_MAX, INT_MIN, UINT_MAX, 1L << 31, 1L << 32, 1L << 47, -(1L << 47), INT64_MAX,
	    INT64_MIN, 0x00007ffffffff000, 0x0000800000000000};
	return chance(actor, 20) ? (long)(draw(actor) << 17 ^ draw(actor))
				 : odd[below(actor, COUNT(odd))];
}

/* Numbers. */

static long draw_one(struct actor *actor, const struct kind *kind)
{
	return chance(actor, 4) ? draw_odd(actor) : kind->values[below(actor, kind->count)];
}

static long draw_flags(struct actor *actor, const struct kind *kind)
{
	long flags = 0;
	if (chance(actor, 3))
		return draw_odd(actor);
	for (uint64_t n = below(actor, 4); n > 0; n--)
		flags |= kind->values[below(actor, kind->count)];
	return flags;
}

static long draw_any(struct actor *actor, const struct kind *kind)
{
	(void)kind;
	return draw_odd(actor);
}

static long draw_size(struct actor *actor, const struct kind *kind)
{
	static const long sizes[] = {0, 1, 2, 3, 7, 8, 13, 16, 24, 100, 128, 511, 512, 4095, 4096,
	    4097, 8191, 8192, 12288, 65535, 65536, 65537, 1 << 18};
	(void)kind;
	return chance(actor, 8) ? draw_odd(actor) : sizes[below(actor, COUNT(sizes))];
}

static long draw_offset(struct actor *actor, const struct kind *kind)
{
	return chance(actor, 40) ? (long)below(actor, 30000) : draw_size(actor, kind);
}

static long draw_mode(struct actor *actor, const struct kind *kind)
{
	(void)kind;
	return chance(actor, 70) ? 0755 : (long)below(actor, 0200000);
}

static long draw_signal(struct actor *actor, const struct kind *kind)
{
	(void)kind;
	if (chance(actor, 50))
		return SIGUSR1;
	return chance(actor, 95) ? (long)below(actor, 66) : draw_odd(actor);
}

static long draw_user(struct actor *actor, const struct kind *kind)
{
	(void)kind;
	static const long users[] = {0, 1, -1, 65534, 54323, 54324, INT_MAX, INT_MIN};
	return chance(actor, 40) ? (long)getuid() : users[below(actor, COUNT(users))];
}

/* Resources. */

static long draw_fd(struct actor *actor, const struct kind *kind)
{
	static const long odd[] = {-1, AT_FDCWD, 63, 64, 255, 256, 1023, 1024, INT_MAX, INT_MIN};
	(void)kind;
	unsigned way = (unsigned)below(actor, 100);
	if (way < 75)
		return from_pool(actor, POOL_FILE + below(actor, POOL_PID - POOL_FILE));
	if (way < 93)
		return (long)below(actor, 40);
	return odd[below(actor, COUNT(odd))];
}

/* Nobody's number that is not of this storm: never -1, unless that reaches ourselves only, and nothing by chance. */
static long draw_pid(struct actor *actor, const struct kind *kind)
{
	(void)kind;
	unsigned way = (unsigned)below(actor, 100);
	if (way < 60) {
		long pid = from_pool(actor, way < 45 ? POOL_PID : POOL_TID);
		return pid > 1 ? pid : getpid(); /* an empty pool gives -1 */
	}
	if (way < 85)
		return getpid();
	if (way < 88)
		return 0;
	if (way < 90)
		return -getpid();
	if (way < 91 && world.rank == RANK_SEALED)
		return -1;
	return way & 1 ? INT_MAX : INT_MIN;
}

/* Of the pool that the kind names first; a stranger now and then. */
static long draw_resource(struct actor *actor, const struct kind *kind)
{
	enum pool pool = (enum pool)kind->values[0];
	if (chance(actor, 85) && (pool != POOL_TID || from_pool(actor, pool) > 1))
		return from_pool(actor, pool);
	if (pool == POOL_TID)
		return draw_pid(actor, NULL);
	return pool < POOL_PID ? draw_fd(actor, NULL) : draw_odd(actor);
}

static long draw_dir(struct actor *actor, const struct kind *kind)
{
	(void)kind;
	if (chance(actor, 60))
		return AT_FDCWD;
	return chance(actor, 75) ? from_pool(actor, POOL_DIR) : draw_fd(actor, NULL);
}

/* Addresses. */

static long draw_bad_address(struct actor *actor)
{
	static const long bad[] = {0, 1, 4095, 0x00007ffffffff000, 0x00007fffffffffff,
	    0x0000800000000000, (long)0xffff800000000000, (long)0xffffffff80000000,
	    (long)0xffffffff80100000, (long)0xfffffffffffff000, -1, -8, (long)0xffff888000100000};
	unsigned way = (unsigned)below(actor, 100);
	if (way < 20)
		return (long)ARENA_READONLY + (long)below(actor, ARENA_PART);
	if (way < 40)
		return (long)ARENA_BEYOND + (long)below(actor, ARENA_PART);
	if (way < 55)
		return (long)ARENA_PRIVATE + ARENA_PART + (long)below(actor, 4096);
	if (way < 60)
		return (long)draw_bad_address; /* our code */
	return bad[below(actor, COUNT(bad))];
}

static char *draw_good_part(struct actor *actor)
{
	return chance(actor, 50) ? ARENA_PRIVATE : ARENA_SHARED;
}

/* Where `len` bytes have room; sometimes at the very end of it. */
static char *draw_room(struct actor *actor, size_t len)
{
	size_t last = (ARENA_PART - len) & ~7ul;
	return draw_good_part(actor) + (chance(actor, 5) ? last : below(actor, last / 64) * 64);
}

/* Memory to read or write, of any size; what is in it is left over from others. */
static long draw_buffer(struct actor *actor, const struct kind *kind)
{
	(void)kind;
	unsigned way = (unsigned)below(actor, 100);
	if (way < 75)
		return (long)draw_good_part(actor) + (long)below(actor, ARENA_PART - 4096);
	if (way < 83) /* crosses an end */
		return (long)draw_good_part(actor) + ARENA_PART - 1 - (long)below(actor, 64);
	if (way < 90)
		return (long)PLAYGROUND + (long)below(actor, PLAYGROUND_PAGES * 4096);
	return draw_bad_address(actor);
}

/* Something made up, put where the call finds it: mostly whole, sometimes half, or elsewhere. */
static long placed(struct actor *actor, const void *data, size_t len)
{
	if (chance(actor, 4))
		return draw_bad_address(actor);
	if (chance(actor, 4)) {
		size_t part = below(actor, len + 1);
		char *at = draw_good_part(actor) + ARENA_PART - part;
		memcpy(at, data, part);
		return (long)at;
	}
	char *at = draw_room(actor, len);
	memcpy(at, data, len);
	return (long)at;
}

/* A structure of small numbers, with something odd in it. */
static long draw_words(struct actor *actor, const struct kind *kind)
{
	long words[32];
	(void)kind;
	for (size_t i = 0; i < COUNT(words); i++)
		words[i] = (long)below(actor, chance(actor, 50) ? 4 : 100);
	if (chance(actor, 50))
		words[below(actor, COUNT(words))] = draw_odd(actor);
	return placed(actor, words, sizeof(words));
}

/* A page of the playground, or one that mmap gave. */
static long draw_page(struct actor *actor, const struct kind *kind)
{
	(void)kind;
	unsigned way = (unsigned)below(actor, 100);
	if (way < 80)
		return (long)PLAYGROUND + (long)below(actor, PLAYGROUND_PAGES) * 4096;
	if (way < 92 && from_pool(actor, POOL_PAGE) != -1)
		return from_pool(actor, POOL_PAGE);
	return chance(actor, 50) ? draw_bad_address(actor)
				 : (long)PLAYGROUND + (long)below(actor, 1 << 20);
}

static long draw_pages(struct actor *actor, const struct kind *kind)
{
	(void)kind;
	if (chance(actor, 7))
		return draw_odd(actor);
	return chance(actor, 85) ? (long)below(actor, 24) * 4096 : (long)below(actor, 4 << 20);
}

static long draw_maybe_null(struct actor *actor, const struct kind *kind)
{
	return chance(actor, 60) ? 0 : draw_buffer(actor, kind);
}

/* Names. */

static size_t draw_name(struct actor *actor, char text[4200])
{
	static const char *const names[] = {"a", "b", "c", "d", "d/a", "d/e", "d/e/f", "link",
	    "loop", "dangling", "fifo", "", ".", "/", "d/../a", "a/", "a/b", "./d/./e", "prog",
	    "script", "/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/ptmx",
	    "/dev/tty", "/proc", "/proc/self/stat", "/proc/self/maps", "/proc/self/status",
	    "/proc/self/comm", "/proc/self/fd", "/proc/self/task", "/proc/self/cwd",
	    "/proc/self/exe", "/proc/self/root", "/proc/self/mounts", "/proc/self/environ",
	    "/proc/self/limits", "/proc/meminfo", "/proc/sysvipc/sem", "/proc/self/oom_score_adj",
	    "\xff\xfe", "/a"};
	unsigned way = (unsigned)below(actor, 100);
	if (way < 40)
		return (size_t)snprintf(text, 4200, "%s", names[below(actor, 10)]) + 1;
	if (way < 88)
		return (size_t)snprintf(text, 4200, "%s", names[below(actor, COUNT(names))]) + 1;
	if (way < 91)
		return (size_t)snprintf(text, 4200, "/proc/self/fd/%d", (int)draw_fd(actor, NULL)) +
		       1;
	if (way < 94)
		return (size_t)snprintf(text, 4200, "/proc/%d/%s", (int)draw_pid(actor, NULL),
			   chance(actor, 50) ? "stat" : "fd") +
		       1;
	if (way < 96 && world.rank != RANK_GUEST)
		return (size_t)snprintf(text, 4200, "../%s", names[below(actor, 8)]) + 1;
	static const size_t lens[] = {254, 255, 256, 4094, 4095, 4096, 4199};
	size_t len = lens[below(actor, COUNT(lens))];
	memset(text, 'x', len);
	for (size_t i = 1; len > 256 && i < len; i += 2)
		text[i] = '/', text[i - 1] = '.';
	text[len] = 0;
	return len + 1;
}

static long draw_path(struct actor *actor, const struct kind *kind)
{
	char text[4200];
	(void)kind;
	return placed(actor, text, draw_name(actor, text));
}

static long draw_type(struct actor *actor, const struct kind *kind)
{
	static const char *const types[] = {
	    "tmpfs", "proc", "devtmpfs", "ramfs", "sysfs", "ext4", ""};
	(void)kind;
	const char *type = types[below(actor, COUNT(types))];
	return placed(actor, type, strlen(type) + 1);
}

static long draw_strings(struct actor *actor, const struct kind *kind)
{
	long strings[9];
	size_t n = below(actor, 8);
	for (size_t i = 0; i < n; i++)
		strings[i] = draw_path(actor, kind);
	strings[n] = 0;
	return chance(actor, 10) ? 0 : placed(actor, strings, (n + 1) * sizeof(long));
}

/* Structures. */

static long draw_seconds(struct actor *actor)
{
	static const long odd[] = {-1, 1, 1000000, INT_MAX, INT64_MAX, INT64_MIN};
	return chance(actor, 85) ? 0 : odd[below(actor, COUNT(odd))];
}

/* A quarter of a time, of a pair of them: mostly a few milliseconds. For nanoseconds, and fine for microseconds. */
static long draw_time(struct actor *actor, const struct kind *kind)
{
	static const long parts[] = {0, 1, 999, 1000, 20000, 999999, 1000000, 3000000, UTIME_NOW,
	    UTIME_OMIT, 999999999, 1000000000, -1, INT64_MAX};
	long times[4];
	(void)kind;
	for (size_t i = 0; i < 4; i += 2) {
		times[i] = draw_seconds(actor);
		times[i + 1] = parts[below(actor, chance(actor, 80) ? 8 : COUNT(parts))];
	}
	return chance(actor, 10) ? 0 : placed(actor, times, sizeof(times));
}

static long draw_iovecs(struct actor *actor, const struct kind *kind)
{
	struct iovec vectors[8];
	for (size_t i = 0; i < COUNT(vectors); i++) {
		vectors[i].iov_base = (void *)draw_buffer(actor, kind);
		vectors[i].iov_len = (size_t)draw_size(actor, kind);
	}
	return placed(actor, vectors, sizeof(vectors));
}

static long draw_polls(struct actor *actor, const struct kind *kind)
{
	struct pollfd polls[16];
	for (size_t i = 0; i < COUNT(polls); i++) {
		polls[i].fd = (int)draw_fd(actor, kind);
		polls[i].events = (short)draw(actor);
	}
	return placed(actor, polls, sizeof(polls));
}

static long draw_event(struct actor *actor, const struct kind *kind)
{
	static const uint32_t modes[] = {0, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE, EPOLLWAKEUP};
	(void)kind;
	struct epoll_event event = {
	    .events = (uint32_t)below(actor, 64) | modes[below(actor, 5)], .data.u64 = draw(actor)};
	return placed(actor, &event, sizeof(event));
}

static long draw_set(struct actor *actor, const struct kind *kind)
{
	uint64_t bits[16];
	(void)kind;
	for (size_t i = 0; i < COUNT(bits); i++)
		bits[i] = chance(actor, 30) ? draw(actor) & draw(actor) : 0;
	return chance(actor, 25) ? 0 : placed(actor, bits, sizeof(bits));
}

static void on_signal(int signal)
{
	(void)signal;
}

/* Comes back with a context that it has damaged. */
static void on_signal_damage(int signal, siginfo_t *info, void *context)
{
	static uint64_t turns;
	struct actor actor = {.state = mixed(++turns, (uint64_t)signal)};
	ucontext_t *user = context;
	(void)info;
	if (chance(&actor, 60))
		user->uc_mcontext.gregs[below(&actor, COUNT(user->uc_mcontext.gregs))] =
		    draw_odd(&actor);
	else if (chance(&actor, 30))
		user->uc_mcontext.fpregs = (void *)draw_bad_address(&actor);
	else if (user->uc_mcontext.fpregs)
		((uint32_t *)user->uc_mcontext.fpregs)[below(&actor, 640 / 4)] =
		    (uint32_t)draw_odd(&actor);
	if (chance(&actor, 30))
		user->uc_stack.ss_sp = (void *)draw_bad_address(&actor);
}

__asm__("fuzz_restorer: mov $15, %eax; syscall");
extern void fuzz_restorer(void);

static long draw_action(struct actor *actor, const struct kind *kind)
{
	long action[4] = {(long)on_signal, SA_RESTORER, (long)fuzz_restorer, 0};
	(void)kind;
	switch (below(actor, 8)) {
	case 0: action[0] = (long)SIG_DFL; break;
	case 1: action[0] = (long)SIG_IGN; break;
	case 2: action[0] = (long)on_signal_damage; break;
	case 3: action[0] = draw_bad_address(actor); break;
	}
	static const long flags[] = {SA_RESTART, SA_SIGINFO, SA_NODEFER, SA_RESETHAND, SA_ONSTACK,
	    SA_NOCLDSTOP, SA_NOCLDWAIT};
	for (uint64_t n = below(actor, 3); n > 0; n--)
		action[1] |= flags[below(actor, COUNT(flags))];
	if (chance(actor, 10))
		action[2] = draw_bad_address(actor);
	if (chance(actor, 30))
		action[3] = (long)draw(actor);
	return chance(actor, 15) ? 0 : placed(actor, action, sizeof(action));
}

static long draw_stack(struct actor *actor, const struct kind *kind)
{
	static const long sizes[] = {0, 100, 2047, 2048, 4096, 16384, INT64_MAX};
	(void)kind;
	long stack[3] = {(long)ARENA_SHARED + (long)below(actor, ARENA_PART), (long)below(actor, 4),
	    sizes[below(actor, COUNT(sizes))]};
	if (chance(actor, 20))
		stack[0] = draw_bad_address(actor);
	return chance(actor, 15) ? 0 : placed(actor, stack, sizeof(stack));
}

static long draw_lock(struct actor *actor, const struct kind *kind)
{
	struct flock lock = {.l_type = (short)below(actor, 4),
	    .l_whence = (short)below(actor, 4),
	    .l_start = draw_offset(actor, kind),
	    .l_len = draw_offset(actor, kind)};
	return placed(actor, &lock, sizeof(lock));
}

static long draw_limit(struct actor *actor, const struct kind *kind)
{
	static const uint64_t limits[] = {
	    0, 1, 20, 64, 1000, 1 << 20, 16 << 20, 48 << 20, RLIM_INFINITY};
	(void)kind;
	struct rlimit limit = {
	    limits[below(actor, COUNT(limits))], limits[below(actor, COUNT(limits))]};
	return chance(actor, 50) ? 0 : placed(actor, &limit, sizeof(limit));
}

/* A word that several may wait at: one of few places. */
static long draw_word(struct actor *actor, const struct kind *kind)
{
	(void)kind;
	if (chance(actor, 8))
		return draw_bad_address(actor);
	return (long)draw_good_part(actor) + (long)below(actor, 4) * 4 + (chance(actor, 3) ? 1 : 0);
}

static long draw_pair(struct actor *actor, const struct kind *kind)
{
	(void)kind;
	actor->pair = (int *)draw_room(actor, 8);
	return chance(actor, 92) ? (long)actor->pair : draw_bad_address(actor);
}

/* What has no key cannot be told from what others have, so guests make none. */
static long draw_key(struct actor *actor, const struct kind *kind)
{
	(void)kind;
	return chance(actor, 30) && world.rank != RANK_GUEST ? 0 : 0x5eed + (long)below(actor, 3);
}

static long draw_operations(struct actor *actor, const struct kind *kind)
{
	short operations[24];
	(void)kind;
	for (size_t i = 0; i < COUNT(operations); i += 3) {
		operations[i] = (short)below(actor, 5);
		operations[i + 1] = (short)(below(actor, 5) - 2);
		operations[i + 2] = chance(actor, 70) ? 04000 : (short)(draw(actor) & 0x1800);
	}
	return placed(actor, operations, sizeof(operations));
}

/* Few, so that the storm's end can take them away. */
static const char *const queue_names[] = {"fuzz-1", "fuzz-2", "fuzz-3"};

static long draw_queue_name(struct actor *actor, const struct kind *kind)
{
	const char *name = queue_names[below(actor, COUNT(queue_names))];
	return chance(actor, 5) ? draw_path(actor, kind) : placed(actor, name, strlen(name) + 1);
}

/* What io_setup has left in one of the words. */
static long draw_context(struct actor *actor, const struct kind *kind)
{
	long word = draw_word(actor, kind) & ~7l;
	bool is_ours = word >= (long)ARENA_PRIVATE && word < (long)ARENA_SHARED + ARENA_PART;
	return is_ours ? *(volatile long *)word : draw_odd(actor);
}

static long draw_requests(struct actor *actor, const struct kind *kind)
{
	long pointers[4];
	for (size_t i = 0; i < COUNT(pointers); i++) {
		struct {
			uint64_t data;
			uint32_t key, flags;
			uint16_t operation;
			int16_t priority;
			uint32_t fd;
			uint64_t buffer, size;
			int64_t offset;
			uint64_t reserved;
			uint32_t more_flags, event_fd;
		} request = {.operation = (uint16_t)below(actor, 9),
		    .fd = (uint32_t)draw_fd(actor, kind),
		    .buffer = (uint64_t)draw_buffer(actor, kind),
		    .size = (uint64_t)draw_size(actor, kind),
		    .offset = draw_offset(actor, kind),
		    .more_flags = chance(actor, 20),
		    .event_fd = (uint32_t)from_pool(actor, POOL_EVENT)};
		pointers[i] = placed(actor, &request, sizeof(request));
	}
	return placed(actor, pointers, sizeof(pointers));
}
