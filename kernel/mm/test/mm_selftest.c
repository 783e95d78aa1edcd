/*
 * The allocators under traffic from every CPU: pages and objects are allocated on one, checked and freed on another. Everything carries a
 * pattern that says what it must contain, so memory given to two owners shows.
 */
#include <arch/percpu.h>
#include <lib/atomic.h>
#include <lib/random.h>
#include <lib/string.h>
#include <mm/alloc_fail.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <sched/thread.h>
#include <test/selftest.h>
#include <time/clock.h>

#define WORKERS_MAX 16
#define MAILBOXES   128

/* Runs `work` in two threads per CPU, and waits for them. */
static void run_workers(void (*work)(void *arg))
{
	struct thread *threads[WORKERS_MAX];
	unsigned count = min(cpu_count * 2, (unsigned)WORKERS_MAX);
	for (unsigned i = 0; i < count; i++) {
		threads[i] = thread_create("worker", work, (void *)(uintptr_t)(i + 1));
		CHECK(threads[i]);
	}
	for (unsigned i = 0; i < count; i++)
		thread_start(threads[i]);
	for (unsigned i = 0; i < count; i++) {
		thread_join(threads[i]);
		thread_put(threads[i]);
	}
}

static uint64_t traffic_seed;

/* Work ends after so many rounds or so long: on a busy host, where a lock's owner may stand still while others spin for it, what
 * takes milliseconds can take a minute. */
#define TRAFFIC_NS (2 * NSEC_PER_SEC)

struct work {
	uint64_t left;
	nsec_t end;
};

static struct work work_begin(uint64_t rounds)
{
	return (struct work){selftest_rounds(rounds), uptime_ns() + selftest_rounds(TRAFFIC_NS)};
}

/* Each worker does one round at least. */
static bool work_goes_on(struct work *work)
{
	return --work->left && uptime_ns() < work->end;
}

/* The first word of an object says what the others are: the size in bytes and something random. */
static uint64_t stamp_of(const uint64_t *words)
{
	return words[0];
}

static void object_fill(uint64_t *words, size_t count, uint64_t r)
{
	words[0] = r << 16 | count;
	for (size_t i = 1; i < count; i++)
		words[i] = words[0] + i;
}

static void object_check(const uint64_t *words)
{
	uint64_t stamp = stamp_of(words);
	for (size_t i = 1; i < (stamp & 0xffff); i++)
		CHECK_EQ(words[i], stamp + i);
}

static uint64_t *object_boxes[MAILBOXES]; /* a */

/* Mostly up to 256 bytes; now and then whole pages. */
static size_t random_words(uint64_t r)
{
	return r % 64 == 0 ? r / 64 % 2500 + 1 : r / 64 % 32 + 1;
}

static void object_worker(void *arg)
{
	uint64_t seed = traffic_seed * (uintptr_t)arg;
	struct work work = work_begin(30000);
	do {
		uint64_t r = random_next(&seed);
		size_t count = random_words(r >> 16);
		uint64_t *mine = kmalloc(count * sizeof(*mine));
		CHECK(mine);
		object_fill(mine, count, r);
		uint64_t *other = atomic_swap(&object_boxes[r % MAILBOXES], mine);
		if (!other)
			continue;
		object_check(other);
		kfree(other);
	} while (work_goes_on(&work));
}

SELFTEST(mm_objects_travel_between_cpus)
{
	traffic_seed = selftest_seed();
	run_workers(object_worker);
	for (unsigned i = 0; i < MAILBOXES; i++) {
		kfree(object_boxes[i]);
		object_boxes[i] = NULL;
	}
}

static struct page *page_boxes[MAILBOXES]; /* a */

/* Both ends of every page of the block: enough to see an overlap, and cheap. */
static void block_fill(struct page *page, uint64_t stamp)
{
	page->owner_data = stamp;
	for (size_t i = 0; i < 1ull << page->order; i++) {
		uint64_t *words = page_to_virt(page + i);
		words[0] = stamp + i;
		words[PAGE_SIZE / sizeof(*words) - 1] = ~(stamp + i);
	}
}

static void block_check_and_free(struct page *page)
{
	uint64_t stamp = page->owner_data;
	for (size_t i = 0; i < 1ull << page->order; i++) {
		const uint64_t *words = page_to_virt(page + i);
		CHECK_EQ(words[0], stamp + i);
		CHECK_EQ(words[PAGE_SIZE / sizeof(*words) - 1], ~(stamp + i));
	}
	page_put(page);
}

/* Mostly single pages, which CPUs cache; one in eight is a block of up to 32, which takes a zone's lock. */
static unsigned random_order(uint64_t r)
{
	return r % 8 ? 0 : 1 + (unsigned)__builtin_ctzll(r >> 3 | 16);
}

static void page_worker(void *arg)
{
	uint64_t seed = traffic_seed * (uintptr_t)arg;
	struct work work = work_begin(15000);
	do {
		uint64_t r = random_next(&seed);
		unsigned order = random_order(r >> 16);
		struct page *mine = page_alloc(order, 0);
		CHECK(mine);
		CHECK_EQ(mine->refs, 1);
		block_fill(mine, r);
		struct page *other = atomic_swap(&page_boxes[r % MAILBOXES], mine);
		if (other)
			block_check_and_free(other);
	} while (work_goes_on(&work));
}

SELFTEST(mm_pages_travel_between_cpus)
{
	traffic_seed = selftest_seed();
	run_workers(page_worker);
	for (unsigned i = 0; i < MAILBOXES; i++) {
		if (page_boxes[i])
			page_put(page_boxes[i]);
		page_boxes[i] = NULL;
	}
}

/* Every CPU's caches go up and down by more than they hold, so they exchange with the depot and the zones all the time. */
static void burst_worker(void *arg)
{
	enum { BURST = 200 };
	uint64_t seed = traffic_seed * (uintptr_t)arg;
	void **objects = kmalloc_array(BURST, sizeof(*objects));
	struct page **pages = kmalloc_array(BURST, sizeof(*pages));
	CHECK(objects && pages);
	struct work work = work_begin(100);
	do {
		unsigned count = (unsigned)(random_next(&seed) % BURST);
		for (unsigned i = 0; i < count; i++) {
			CHECK((objects[i] = kmalloc(200)));
			CHECK((pages[i] = page_alloc(0, 0)));
			*(uint64_t *)objects[i] = *(uint64_t *)page_to_virt(pages[i]) = seed + i;
		}
		sched_yield();
		for (unsigned i = 0; i < count; i++) {
			CHECK_EQ(*(uint64_t *)objects[i], seed + i);
			CHECK_EQ(*(uint64_t *)page_to_virt(pages[i]), seed + i);
			kfree(objects[i]);
			page_free(pages[i], 0);
		}
	} while (work_goes_on(&work));
	kfree(objects);
	kfree(pages);
}

SELFTEST(mm_bursts_on_every_cpu)
{
	traffic_seed = selftest_seed();
	run_workers(burst_worker);
}

/* Takes all memory there is, the largest blocks first. */
static void take_everything(struct list *taken)
{
	for (unsigned order = PAGE_ORDERS; order-- > 0;) {
		struct page *page;
		while ((page = page_alloc(order, 0)))
			list_push_front(taken, &page->link);
	}
}

static uint64_t give_everything(struct list *taken)
{
	struct list *link;
	uint64_t pages = 0;
	while ((link = list_pop_front(taken))) {
		struct page *page = list_entry(link, struct page, link);
		pages += 1ull << page->order;
		page_free(page, page->order);
	}
	return pages;
}

SELFTEST(mm_exhaustion_is_an_error_and_passes)
{
	struct list taken = LIST_INIT(taken);
	struct page_stats before, empty, after;
	slab_trim();
	page_cache_drain_all();
	page_stats_total(&before);

	take_everything(&taken);
	void *large = kmalloc(64 * KiB), *object = NULL, *objects = NULL;
	/* What the slabs still have is little. */
	while ((object = kmalloc(1000))) {
		*(void **)object = objects;
		objects = object;
	}
	page_stats_total(&empty);
	uint64_t given = give_everything(&taken);
	while ((object = objects)) {
		objects = *(void **)object;
		kfree(object);
	}

	CHECK(!large);
	/* The odd page may have been on its way through another thread. */
	CHECK(empty.free <= 64);
	CHECK(empty.failed > before.failed);
	CHECK(given + 64 >= before.free);
	slab_trim();
	page_cache_drain_all();
	page_stats_total(&after);
	CHECK(after.free_blocks[PAGE_ORDERS - 1] + 1 >= before.free_blocks[PAGE_ORDERS - 1]);
	selftest_note(
	    "%llu MiB taken and given back", (unsigned long long)(given * PAGE_SIZE / MiB));
}

/* The result of a worker on a given CPU. */
struct locality {
	unsigned node;
	uint64_t local, wrong;
	bool is_remote_after;
};

static void locality_worker(void *arg)
{
	struct locality *seen = arg;
	struct list taken = LIST_INIT(taken);
	for (unsigned order = PAGE_ORDERS; order-- > 0;) {
		struct page *page;
		while ((page = page_alloc(order, PAGE_THIS_NODE))) {
			list_push_front(&taken, &page->link);
			seen->local += 1ull << order;
			seen->wrong += page->node != seen->node;
		}
	}
	struct page *remote = page_alloc(0, 0);
	seen->is_remote_after = remote && remote->node != seen->node;
	if (remote)
		page_free(remote, 0);
	give_everything(&taken);
}

static void check_locality(unsigned cpu)
{
	struct page_stats before;
	struct locality seen = {.node = node_of_cpu(cpu)};
	page_cache_drain_all();
	page_stats_of_node(seen.node, &before);
	struct thread *thread = thread_create("local", locality_worker, &seen);
	CHECK(thread);
	CHECK_EQ(thread_set_affinity(thread, cpumask_of(cpu)), 0);
	thread_start(thread);
	thread_join(thread);
	thread_put(thread);

	CHECK_EQ(seen.wrong, 0);
	CHECK(seen.local + 64 >= before.free);
	CHECK(seen.is_remote_after);
}

SELFTEST(mm_node_serves_its_cpus_until_it_is_empty)
{
	if (node_count < 2)
		selftest_skip("one memory node");
	bool is_checked[NODE_MAX] = {false};
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask)) {
		struct page_stats stats;
		unsigned node = node_of_cpu(cpu);
		page_stats_of_node(node, &stats);
		if (is_checked[node] || !stats.total)
			continue;
		is_checked[node] = true;
		CHECK_EQ(closest_node(cpu), node);
		check_locality(cpu);
	}
	if (!is_checked[1])
		selftest_skip("no CPU on node 1");
}

SELFTEST(mm_zeroed_means_zeroed)
{
	for (unsigned order = 0; order < 6; order++) {
		struct page *page = page_alloc(order, 0);
		CHECK(page);
		memset(page_to_virt(page), 0xa5, PAGE_SIZE << order);
		page_free(page, order);
		CHECK((page = page_alloc(order, PAGE_ZERO)));
		const uint64_t *words = page_to_virt(page);
		for (size_t i = 0; i < (PAGE_SIZE << order) / sizeof(*words); i++)
			CHECK_EQ(words[i], 0);
		page_free(page, order);
	}
	for (size_t size = 8; size <= 20000; size += size / 4) {
		uint8_t *bytes = kmalloc(size);
		CHECK(bytes);
		memset(bytes, 0xa5, size);
		kfree(bytes);
		CHECK((bytes = kzalloc(size)));
		for (size_t i = 0; i < size; i++)
			CHECK_EQ(bytes[i], 0);
		kfree(bytes);
	}
}

static void use_cache(void *arg)
{
	struct slab_cache *cache = arg;
	void *objects[40];
	for (unsigned i = 0; i < ARRAY_LEN(objects); i++)
		CHECK((objects[i] = slab_alloc(cache, 0)));
	for (unsigned i = 0; i < ARRAY_LEN(objects); i++)
		slab_free(cache, objects[i]);
}

/* Objects that lie free in the magazines of other CPUs do not keep a cache alive, nor its pages. */
SELFTEST(mm_cache_is_collected_from_every_cpu)
{
	for (uint64_t left = selftest_rounds(5); left; left--) {
		struct slab_cache *cache = slab_cache_create("collected", 500, 0);
		CHECK(cache);
		for_each_cpu_in(cpu, atomic_load(&cpu_online_mask)) {
			struct thread *thread = thread_create("user", use_cache, cache);
			CHECK(thread);
			CHECK_EQ(thread_set_affinity(thread, cpumask_of(cpu)), 0);
			thread_start(thread);
			thread_join(thread);
			thread_put(thread);
		}
		slab_cache_destroy(cache);
	}
}

SELFTEST(mm_nth_allocation_fails)
{
	/* Other threads allocate too, so which of ours fails is not ours to say; that one fails, is. */
	for (uint64_t n = 1; n <= 10; n++) {
		void *objects[60];
		unsigned failures = 0;
		alloc_fail_after(n);
		for (unsigned i = 0; i < ARRAY_LEN(objects); i++)
			failures += !(objects[i] = i % 2 ? kmalloc(100) : kmalloc(9000));
		CHECK(alloc_fail_after(0));
		CHECK(failures <= 1);
		for (unsigned i = 0; i < ARRAY_LEN(objects); i++)
			kfree(objects[i]);
	}
}
