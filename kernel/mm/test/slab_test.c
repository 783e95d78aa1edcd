/* Object caches and kmalloc on a simulated machine: traffic across CPUs, failures, misuse, leaks. */
#include "machine.h"

#include <lib/string.h>
#include <mm/slab.h>
#include <pthread.h>

#define MACHINE_BYTES (48 * MiB)
#define SLOTS         3000

struct item {
	uint8_t *bytes;
	size_t size;
	uint8_t pattern;
};

static struct item items[SLOTS];

static void item_fill(struct item *item, uint8_t *bytes, size_t size, uint8_t pattern)
{
	*item = (struct item){bytes, size, pattern};
	memset(bytes, pattern, size);
}

static void item_check(const struct item *item)
{
	for (size_t i = 0; i < item->size; i++)
		CHECK_EQ(item->bytes[i], item->pattern);
}

static void item_free(struct item *item)
{
	item_check(item);
	kfree(item->bytes);
	item->bytes = NULL;
}

/* Mostly small, sometimes whole pages. */
static size_t random_size(uint64_t r)
{
	unsigned bits = r % 15;
	return (r >> 8) % (1ull << bits) + 1;
}

static void random_traffic(uint64_t seed, unsigned cpus, unsigned steps)
{
	for (unsigned step = 0; step < steps; step++) {
		uint64_t r = random_next(&seed);
		struct item *item = &items[(r >> 32) % SLOTS];
		host_cpu_select(r % cpus);
		if (item->bytes) {
			item_free(item);
		} else {
			size_t size = random_size(random_next(&seed));
			uint8_t *bytes = kmalloc(size);
			CHECK(bytes);
			CHECK(kmalloc_usable_size(bytes) >= size);
			item_fill(item, bytes, size, (uint8_t)r);
		}
		if (step % 4096 == 4095)
			slab_trim();
	}
	host_cpu_select(0);
	for (unsigned i = 0; i < SLOTS; i++)
		if (items[i].bytes)
			item_free(&items[i]);
}

TEST(kmalloc_random_traffic_on_one_cpu)
{
	host_mm_start(MACHINE_BYTES);
	random_traffic(1, 1, 40000);
	host_mm_finish();
}

TEST(kmalloc_random_traffic_freed_on_other_cpus)
{
	host_cpus_set(4);
	host_mm_start(MACHINE_BYTES);
	for (uint64_t seed = 2; seed < 5; seed++)
		random_traffic(seed, 4, 20000);
	host_mm_finish();
}

/* Threads that play CPUs, and pass objects to one another through mailboxes. */

#define PLAYERS   3
#define MAILBOXES 64

static uint8_t *mailboxes[MAILBOXES]; /* a */

static void *player(void *arg)
{
	uint64_t seed = (uintptr_t)arg + 77;
	host_cpu_select((unsigned)(uintptr_t)arg);
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t r = random_next(&seed);
		uint8_t size = (uint8_t)(r >> 16 | 1);
		uint8_t *mine = kmalloc(size);
		CHECK(mine);
		memset(mine, size, size);
		uint8_t *other = atomic_swap(&mailboxes[r % MAILBOXES], mine);
		if (!other)
			continue;
		for (uint8_t k = 0; k < other[0]; k++)
			CHECK_EQ(other[k], other[0]);
		kfree(other);
	}
	return NULL;
}

TEST(kmalloc_objects_travel_between_cpus)
{
	pthread_t threads[PLAYERS];
	host_cpus_set(PLAYERS + 1);
	host_mm_start(MACHINE_BYTES);
	for (uintptr_t i = 0; i < PLAYERS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, player, (void *)(i + 1)), 0);
	for (unsigned i = 0; i < PLAYERS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < MAILBOXES; i++)
		kfree(mailboxes[i]);
	host_mm_finish();
}

TEST(kmalloc_classes_fit_and_do_not_waste)
{
	host_mm_start(MACHINE_BYTES);
	for (size_t size = 1; size <= KMALLOC_CACHE_MAX; size++) {
		unsigned class = kmalloc_class(size);
		CHECK(class < KMALLOC_CLASSES);
		CHECK(class >= kmalloc_class(size - (size > 1)));
	}
	CHECK_EQ(kmalloc_class(8), 0);
	CHECK_EQ(kmalloc_class(9), 1);
	CHECK_EQ(kmalloc_class(17), 2);
	CHECK_EQ(kmalloc_class(24), 2);
	CHECK_EQ(kmalloc_class(25), 3);
	CHECK_EQ(kmalloc_class(33), 4);
	CHECK_EQ(kmalloc_class(64), 5);
	CHECK_EQ(kmalloc_class(6145), 19);
	CHECK_EQ(kmalloc_class(8192), 19);

	/* ASan watches the edges of every one of these. */
	for (size_t size = 1; size < 20000; size += size / 16 + 1) {
		uint8_t *bytes = kmalloc(size);
		CHECK(IS_ALIGNED((uintptr_t)bytes, 8));
		memset(bytes, 1, size);
		kfree(bytes);
	}
	host_mm_finish();
}

TEST(kmalloc_edges)
{
	host_mm_start(64 * MiB);
	CHECK(!kmalloc(0));
	CHECK(!kzalloc(0));
	CHECK(!kmalloc(KMALLOC_MAX + 1));
	CHECK(!kmalloc(SIZE_MAX));
	CHECK(!kmalloc_array(SIZE_MAX / 2, 3));
	CHECK(!kmalloc_array(4, 0));
	kfree(NULL);

	uint8_t *largest = kmalloc(KMALLOC_MAX);
	CHECK(largest);
	CHECK_EQ(kmalloc_usable_size(largest), KMALLOC_MAX);
	CHECK_EQ(slab_objects_used(), 1);
	kfree(largest);

	uint32_t *array = kmalloc_array(1000, sizeof(*array));
	for (unsigned i = 0; i < 1000; i++)
		CHECK_EQ(array[i], 0);
	kfree(array);
	host_mm_finish();
}

TEST(krealloc_keeps_contents)
{
	host_mm_start(MACHINE_BYTES);
	uint64_t seed = 5;
	uint8_t *bytes = NULL;
	size_t len = 0;
	for (unsigned round = 0; round < 2000; round++) {
		size_t size = random_size(random_next(&seed));
		bytes = krealloc(bytes, size);
		CHECK(bytes);
		for (size_t i = 0; i < min(len, size); i++)
			CHECK_EQ(bytes[i], (uint8_t)i);
		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)i;
		len = size;
	}
	alloc_fail_after(1);
	CHECK(!krealloc(bytes, 2 * len + 1));
	CHECK(alloc_fail_after(0));
	CHECK_EQ(bytes[len - 1], (uint8_t)(len - 1));
	kfree(bytes);
	host_mm_finish();
}

TEST(slab_objects_are_aligned_apart_and_zeroed)
{
	static const size_t sizes[] = {1, 8, 24, 100, 512, 1000, 4096, 8192};
	static uint8_t *objects[500];
	host_mm_start(MACHINE_BYTES);
	for (unsigned s = 0; s < ARRAY_LEN(sizes); s++) {
		for (size_t align = 8; align <= PAGE_SIZE; align *= 8) {
			struct slab_cache *cache = slab_cache_create("test", sizes[s], align);
			CHECK(cache);
			for (unsigned i = 0; i < ARRAY_LEN(objects); i++) {
				objects[i] = slab_alloc(cache, SLAB_ZERO);
				CHECK(objects[i]);
				CHECK(IS_ALIGNED((uintptr_t)objects[i], align));
				for (size_t k = 0; k < sizes[s]; k += 97)
					CHECK_EQ(objects[i][k], 0);
				memset(objects[i], (int)i, sizes[s]);
			}
			for (unsigned i = 0; i < ARRAY_LEN(objects); i++) {
				CHECK_EQ(objects[i][sizes[s] - 1], (uint8_t)i);
				slab_free(cache, objects[i]);
			}
			slab_cache_destroy(cache);
		}
	}
	host_mm_finish();
}

TEST(slab_caches_run_out_and_come_back)
{
	static struct slab_cache *caches[200];
	unsigned count = 0;
	host_mm_start(MACHINE_BYTES);
	while ((caches[count] = slab_cache_create("one of many", 40, 0)))
		count++;
	CHECK(count > 40);
	void *object = slab_alloc(caches[count / 2], 0);
	CHECK(object);
	slab_free(caches[count / 2], object);
	while (count)
		slab_cache_destroy(caches[--count]);
	CHECK((caches[0] = slab_cache_create("again", 40, 0)));
	slab_cache_destroy(caches[0]);
	host_mm_finish();
}

struct total {
	struct slab_stats stats;
	const char *name;
};

static void find_stats(const struct slab_stats *stats, void *ctx)
{
	struct total *total = ctx;
	if (!strcmp(stats->name, total->name))
		total->stats = *stats;
}

TEST(slab_figures_are_right)
{
	static void *objects[1000];
	struct total total = {.name = "counted"};
	host_mm_start(MACHINE_BYTES);
	host_cpus_set(2);
	uint64_t used_before = slab_objects_used();
	struct slab_cache *cache = slab_cache_create("counted", 64, 0);
	for (unsigned i = 0; i < 1000; i++)
		objects[i] = slab_alloc(cache, 0);
	host_cpu_select(1);
	for (unsigned i = 0; i < 600; i++)
		slab_free(cache, objects[i]);

	slab_for_each_stats(find_stats, &total);
	CHECK_EQ(total.stats.objects_used, 400);
	CHECK_EQ(total.stats.allocs, 1000);
	CHECK_EQ(total.stats.frees, 600);
	CHECK(total.stats.objects_total >= 1000);
	CHECK(total.stats.slabs >= 1000 * 64 / PAGE_SIZE);
	CHECK(total.stats.magazine_misses < 1000 / 10);
	CHECK_EQ(slab_objects_used() - used_before, 401); /* the cache itself too */

	for (unsigned i = 600; i < 1000; i++)
		slab_free(cache, objects[i]);
	slab_trim();
	slab_for_each_stats(find_stats, &total);
	CHECK_EQ(total.stats.slabs, 0);
	slab_cache_destroy(cache);
	host_cpu_select(0);
	host_mm_finish();
}

/* A slab with room is used again, though it was full before. */
TEST(slab_holes_are_filled_before_new_slabs)
{
	static void *objects[2000];
	struct total total = {.name = "holes"};
	host_mm_start(MACHINE_BYTES);
	struct slab_cache *cache = slab_cache_create("holes", 100, 0);
	for (unsigned i = 0; i < 2000; i++)
		CHECK((objects[i] = slab_alloc(cache, 0)));
	slab_for_each_stats(find_stats, &total);
	uint64_t slabs = total.stats.slabs;

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = round; i < 2000; i += 3)
			slab_free(cache, objects[i]);
		slab_trim();
		for (unsigned i = round; i < 2000; i += 3)
			CHECK((objects[i] = slab_alloc(cache, 0)));
		slab_for_each_stats(find_stats, &total);
		CHECK_EQ(total.stats.slabs, slabs);
	}
	for (unsigned i = 0; i < 2000; i++)
		slab_free(cache, objects[i]);
	slab_cache_destroy(cache);
	host_mm_finish();
}

/* Each allocation inside a mixed workload fails once; nothing is lost, nothing crashes. */
TEST(slab_survives_every_single_failure)
{
	host_mm_start(MACHINE_BYTES);
	for (uint64_t n = 1;; n++) {
		void *objects[60] = {0};
		CHECK(!alloc_fail_after(n));
		struct slab_cache *cache = slab_cache_create("failing", 300, 0);
		unsigned failures = !cache;
		for (unsigned i = 0; i < 60; i++) {
			objects[i] = cache && i % 2 ? slab_alloc(cache, 0) : kmalloc(i * 200 + 1);
			failures += !objects[i];
		}
		for (unsigned i = 0; i < 60; i++) {
			if (cache && i % 2 && objects[i])
				slab_free(cache, objects[i]);
			else
				kfree(objects[i]);
		}
		bool has_fired = alloc_fail_after(0);
		if (cache)
			slab_cache_destroy(cache);
		slab_trim();
		if (!has_fired)
			break;
		CHECK(failures <= 1);
		CHECK(n < 1000);
	}
	host_mm_finish();
}

TEST(slab_exhaustion_is_an_error_and_passes)
{
	static void *objects[24 * MiB / 1024];
	host_mm_start(16 * MiB);
	for (unsigned round = 0; round < 2; round++) {
		size_t count = 0;
		while ((objects[count] = kmalloc(1024)))
			count++;
		CHECK(count > 10000);
		CHECK(!kmalloc(64 * KiB));
		while (count)
			kfree(objects[--count]);
		slab_trim();
		void *again = kmalloc(MiB);
		CHECK(again);
		kfree(again);
	}
	host_mm_finish();
}

/* Misuse. */

static uint8_t *victim;
static struct slab_cache *victim_cache;

/* A store that ASan does not see, as from assembly or a device. */
static void poke(uint8_t *p)
{
	__asm__ volatile("movb $0x11, (%0)" : : "r"(p) : "memory");
}

static void free_twice(void *arg)
{
	(void)arg;
	kfree(victim);
	kfree(victim);
}

static void free_after_overrun(void *arg)
{
	poke(victim + (intptr_t)arg);
	kfree(victim);
}

static void alloc_after_late_write(void *arg)
{
	(void)arg;
	kfree(victim);
	poke(victim + 20);
	for (unsigned i = 0; i < 100; i++)
		(void)!kmalloc(40);
}

static void free_inside(void *arg)
{
	(void)arg;
	kfree(victim + 8);
}

static void free_to_wrong_cache(void *arg)
{
	(void)arg;
	slab_free(victim_cache, victim);
}

static void destroy_in_use(void *arg)
{
	(void)arg;
	(void)!slab_alloc(victim_cache, 0);
	slab_cache_destroy(victim_cache);
}

TEST(slab_misuse_is_found)
{
	host_mm_start(MACHINE_BYTES);
	victim_cache = slab_cache_create("victims", 40, 0);
	victim = kmalloc(37);
	CHECK_PANICS(free_twice, NULL);
	CHECK_PANICS(free_after_overrun, (void *)37); /* by one */
	CHECK_PANICS(free_after_overrun, (void *)48); /* the trailer */
	CHECK_PANICS(free_after_overrun, (void *)-1); /* the other way */
	CHECK_PANICS(alloc_after_late_write, NULL);
	CHECK_PANICS(free_inside, NULL);
	CHECK_PANICS(free_to_wrong_cache, NULL);
	CHECK_PANICS(destroy_in_use, NULL);
	kfree(victim);
	slab_cache_destroy(victim_cache);
	host_mm_finish();
}

static char report[4096];
static size_t report_len;

static void collect(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	CHECK(report_len + len < sizeof(report));
	memcpy(report + report_len, text, len);
	report_len += len;
	report[report_len] = '\0';
}

TEST(slab_leaks_are_named)
{
	host_mm_start(MACHINE_BYTES);
	void *old = kmalloc(100), *old_large = kmalloc(100000);
	slab_leak_mark();
	void *a = kmalloc(50), *b = kzalloc(70), *large = kmalloc(20000);
	kfree(kmalloc(30));
	slab_report_leaks(collect, NULL);
	CHECK(strstr(report, "kmalloc-64: 1 of 50 bytes, allocated at 0x"));
	CHECK(strstr(report, "kmalloc-96: 1 of 70 bytes"));
	CHECK(strstr(report, "kmalloc-large: 1 of 32768 bytes"));
	CHECK(!strstr(report, "kmalloc-128"));
	CHECK(!strstr(report, "131072"));
	CHECK(!strstr(report, "kmalloc-32:"));
	kfree(a);
	kfree(b);
	kfree(large);
	kfree(old);
	kfree(old_large);
	host_mm_finish();
}
