/*
 * The table behind file descriptors: against a model, growing to its limit, duplicated, closed in ranges, shared, copied; and without memory.
 * Objects, the process and grace periods are played here.
 */
#include <abi/linux/fcntl.h>
#include <arch/host.h>
#include <lib/random.h>
#include <lib/string.h>
#include <mm/alloc_fail.h>
#include <mm/kernel_map.h>
#include <mm/slab.h>
#include <object/capability.h>
#include <stdlib.h>
#include <test/test.h>

#define MACHINE_BYTES (32 * MiB)
#define FDS           300
#define OBJECTS       8

static struct thread thread;
static unsigned limit;
static int objects_room_error;
static struct object objects[OBJECTS];
static unsigned closes[OBJECTS];
static struct rcu_head *waiting;
static unsigned vmalloc_count;

PER_CPU(struct thread *, current_thread_ptr);

unsigned current_fd_limit(void)
{
	return limit;
}

int objects_check_room(void)
{
	return objects_room_error;
}

void object_put(struct object *object)
{
	CHECK(object->refs > 0);
	object->refs--;
}

void *vmalloc(size_t len)
{
	vmalloc_count++;
	return calloc(1, len);
}

void vfree(void *va)
{
	vmalloc_count--;
	free(va);
}

/* A grace period ends when a test says so: whoever still looks at what is to be freed may do so until then. */
void rcu_call(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	head->fn = fn;
	head->next = waiting;
	waiting = head;
}

static void grace_period(void)
{
	while (waiting) {
		struct rcu_head *head = waiting;
		waiting = head->next;
		head->fn(head);
	}
}

static int on_close(struct object *object, const struct cap_table *from)
{
	CHECK(from);
	closes[object - objects]++;
	return object == &objects[7] ? -EIO : 0;
}

static const struct object_ops ops = {.close = on_close};

static void start(void)
{
	host_mm_start(MACHINE_BYTES);
	limit = FDS;
	for (unsigned i = 0; i < OBJECTS; i++)
		objects[i] = (struct object){.refs = 1, .ops = &ops};
	memset(closes, 0, sizeof(closes));
	this_cpu_write(current_thread_ptr, &thread);
	thread.capabilities = cap_table_create();
	CHECK(thread.capabilities);
}

static void finish(void)
{
	cap_table_put(thread.capabilities);
	grace_period();
	for (unsigned i = 0; i < OBJECTS; i++)
		CHECK_EQ(objects[i].refs, 1);
	CHECK_EQ(vmalloc_count, 0);
	host_mm_finish();
}

static int install(unsigned object, uint32_t rights, uint32_t flags, int min)
{
	object_get(&objects[object]);
	int fd = cap_install(&objects[object], rights, flags, min);
	if (fd < 0)
		object_put(&objects[object]);
	return fd;
}

static void install_at(int fd, unsigned object)
{
	CHECK_EQ(install(object, RIGHTS_ALL, 0, fd), fd);
}

/* Which object an fd names, by a look-up; -1: none. */
static int object_at(int fd)
{
	struct cap_ref ref = cap_lookup(fd, 0);
	int which = ref.object ? (int)(ref.object - objects) : -1;
	if (ref.object)
		cap_release(ref);
	else
		CHECK_EQ(ref.err, -EBADF);
	return which;
}

TEST(the_lowest_free_index_is_given)
{
	start();
	for (int fd = 0; fd < FDS; fd++)
		CHECK_EQ(install((unsigned)fd % OBJECTS, RIGHTS_ALL, 0, 0), fd);
	CHECK_EQ(install(0, RIGHTS_ALL, 0, 0), -EMFILE);
	for (int fd = 0; fd < FDS; fd++)
		CHECK_EQ(object_at(fd), fd % OBJECTS);
	static const int holes[] = {255, 64, 3, 63, 128};
	for (size_t i = 0; i < ARRAY_LEN(holes); i++)
		CHECK_EQ(cap_close(holes[i]), holes[i] % OBJECTS == 7 ? -EIO : 0);
	CHECK_EQ(install(0, RIGHTS_ALL, 0, 100), 128);
	CHECK_EQ(install(0, RIGHTS_ALL, 0, 0), 3);
	CHECK_EQ(install(0, RIGHTS_ALL, 0, 0), 63);
	CHECK_EQ(install(0, RIGHTS_ALL, 0, 65), 255);
	CHECK_EQ(install(0, RIGHTS_ALL, 0, 65), -EMFILE);
	CHECK_EQ(install(0, RIGHTS_ALL, 0, 0), 64);
	finish();
}

TEST(the_table_grows_to_its_limit)
{
	start();
	limit = 1u << 20;
	install_at(5, 1);
	install_at((1 << 20) - 1, 2);
	CHECK_EQ(install(3, RIGHTS_ALL, 0, 1 << 20), -EMFILE);
	CHECK_EQ(object_at(5), 1);
	CHECK_EQ(object_at((1 << 20) - 1), 2);
	CHECK_EQ(object_at(1 << 20), -1);
	CHECK_EQ(object_at(-1), -1);
	CHECK_EQ(install(4, RIGHTS_ALL, 0, 0), 0);
	finish();
}

TEST(rights_are_asked_for)
{
	start();
	CHECK_EQ(install(0, cap_rights_of_open(O_RDONLY, false), 0, 0), 0);
	CHECK_EQ(install(0, cap_rights_of_open(O_WRONLY, false), 0, 0), 1);
	CHECK_EQ(install(0, cap_rights_of_open(O_RDWR, false), 0, 0), 2);
	CHECK_EQ(install(0, cap_rights_of_open(O_PATH, true), 0, 0), 3);
	CHECK_EQ(install(0, cap_rights_of_open(O_RDONLY, true), 0, 0), 4);
	static const struct {
		uint32_t rights;
		bool allowed[5];
	} rows[] = {
	    {RIGHT_READ, {true, false, true, false, true}},
	    {RIGHT_WRITE, {false, true, true, false, false}},
	    {RIGHT_READ | RIGHT_WRITE, {false, false, true, false, false}},
	    {RIGHT_STAT, {true, true, true, true, true}},
	    {RIGHT_LIST, {false, false, false, false, true}},
	    {RIGHT_LOOKUP, {false, false, false, true, true}},
	    {RIGHT_TRUNCATE, {false, true, true, false, false}},
	    {RIGHT_MAP, {true, true, true, false, true}},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int fd = 0; fd < 5; fd++) {
			struct cap_ref ref = cap_lookup(fd, rows[i].rights);
			CHECK_EQ(ref.object != NULL, rows[i].allowed[fd]);
			if (ref.object)
				cap_release(ref);
			else
				CHECK_EQ(ref.err, -EBADF);
		}
	/* A duplicate may do what the original may. */
	CHECK_EQ(cap_dup(0), 5);
	CHECK(!cap_lookup(5, RIGHT_WRITE).object);
	CHECK_EQ(cap_dup_to(1, 6, 0), 6);
	CHECK(!cap_lookup(6, RIGHT_READ).object);
	finish();
}

TEST(duplicates_name_the_same_object)
{
	start();
	install_at(0, 3);
	CHECK_EQ(cap_dup_from(0, 10, CAP_CLOEXEC), 10);
	CHECK_EQ(cap_get_flags(10), CAP_CLOEXEC);
	CHECK_EQ(cap_get_flags(0), 0);
	CHECK_EQ(objects[3].refs, 3);
	install_at(20, 4);
	CHECK_EQ(cap_dup_to(10, 20, 0), 20);
	CHECK_EQ(closes[4], 1);
	CHECK_EQ(objects[4].refs, 1);
	CHECK_EQ(object_at(20), 3);
	CHECK_EQ(cap_get_flags(20), 0);
	CHECK_EQ(cap_dup_to(0, 250, 0), 250); /* the table grows for it */
	CHECK_EQ(cap_dup_to(0, FDS, 0), -EBADF);
	CHECK_EQ(cap_dup_to(77, 5, 0), -EBADF);
	CHECK_EQ(cap_dup(77), -EBADF);
	CHECK_EQ(cap_dup(-1), -EBADF);
	CHECK_EQ(cap_close(77), -EBADF);
	CHECK_EQ(cap_get_flags(77), -EBADF);
	CHECK_EQ(cap_set_flags(77, 0), -EBADF);
	finish();
}

TEST(ranges_are_closed_or_marked)
{
	start();
	for (int fd = 0; fd < 200; fd += 2)
		install_at(fd, 2);
	CHECK_EQ(cap_close_range(50, 99, 0), 0);
	CHECK_EQ(closes[2], 25);
	CHECK_EQ(object_at(48), 2);
	CHECK_EQ(object_at(50), -1);
	CHECK_EQ(object_at(98), -1);
	CHECK_EQ(object_at(100), 2);
	CHECK_EQ(cap_close_range(150, ~0u, CLOSE_RANGE_CLOEXEC), 0);
	CHECK_EQ(cap_get_flags(148), 0);
	CHECK_EQ(cap_get_flags(150), CAP_CLOEXEC);
	CHECK_EQ(cap_get_flags(198), CAP_CLOEXEC);
	cap_table_close_on_exec(thread.capabilities);
	CHECK_EQ(closes[2], 50);
	CHECK_EQ(object_at(150), -1);
	CHECK_EQ(object_at(148), 2);
	CHECK_EQ(cap_close_range(0, ~0u, 0), 0);
	CHECK_EQ(closes[2], 100);
	CHECK_EQ(cap_close_range(1000, ~0u, 0), 0);
	CHECK_EQ(install(0, RIGHTS_ALL, 0, 0), 0);
	finish();
}

TEST(copies_and_shared_tables)
{
	start();
	install_at(0, 0);
	install_at(100, 1);
	struct cap_table *original = thread.capabilities,
			 *copy = cap_table_clone(thread.capabilities);
	CHECK(copy);
	CHECK_EQ(objects[1].refs, 3);
	CHECK_EQ(cap_close(100), 0);
	thread.capabilities = copy;
	CHECK_EQ(object_at(100), 1);
	/* Shared, a look-up counts. */
	CHECK(cap_table_get(thread.capabilities) == thread.capabilities);
	struct cap_ref ref = cap_lookup(100, RIGHT_READ);
	CHECK(ref.counted && ref.object == &objects[1] && objects[1].is_shared);
	CHECK_EQ(cap_close(100), 0);
	CHECK_EQ(objects[1].refs, 2);
	cap_release(ref);
	CHECK_EQ(objects[1].refs, 1);
	install_at(101, 5);
	CHECK(objects[5].is_shared);
	cap_table_put(thread.capabilities);
	cap_table_put(thread.capabilities);
	CHECK_EQ(closes[5], 1);
	thread.capabilities = original;
	finish();
}

static bool count_entries(void *ctx, int fd, const struct capability *cap)
{
	CHECK_EQ(object_at(fd), (int)(cap->object - objects));
	return ++*(unsigned *)ctx < 1000;
}

/* A model: which object each fd names. */
TEST(random_calls_agree_with_a_model)
{
	start();
	int model[FDS];
	for (int fd = 0; fd < FDS; fd++)
		model[fd] = -1;
	uint64_t seed = 42;
	for (unsigned step = 0; step < 20000; step++) {
		uint64_t r = random_next(&seed);
		int fd = (int)((r >> 8) % FDS), to = (int)((r >> 24) % FDS),
		    which = (int)((r >> 40) % 7);
		int lowest = to;
		while (lowest < FDS && model[lowest] >= 0)
			lowest++;
		int expected = lowest < FDS ? lowest : -EMFILE;
		switch (r % 4) {
		case 0:
			CHECK_EQ(install((unsigned)which, RIGHTS_ALL, 0, to), expected);
			if (expected >= 0)
				model[expected] = which;
			break;
		case 1:
			CHECK_EQ(cap_close(fd), model[fd] >= 0 ? 0 : -EBADF);
			model[fd] = -1;
			break;
		case 2:
			CHECK_EQ(cap_dup_from(fd, to, 0), model[fd] < 0 ? -EBADF : expected);
			if (model[fd] >= 0 && expected >= 0)
				model[expected] = model[fd];
			break;
		default:
			if (fd == to)
				break;
			CHECK_EQ(cap_dup_to(fd, to, 0), model[fd] < 0 ? -EBADF : to);
			model[to] = model[fd] < 0 ? model[to] : model[fd];
		}
		CHECK_EQ(object_at(fd), model[fd]);
		CHECK_EQ(object_at(to), model[to]);
	}
	unsigned in_model = 0, in_table = 0;
	for (int fd = 0; fd < FDS; fd++)
		in_model += model[fd] >= 0;
	cap_for_each(thread.capabilities, count_entries, &in_table);
	CHECK_EQ(in_table, in_model);
	finish();
}

/* Fails at each allocation in turn until it gets through; then nothing has changed but what it says. */
static int at_each_failure(int (*call)(void))
{
	for (uint64_t n = 1;; n++) {
		alloc_fail_after(n);
		int result = call();
		if (!alloc_fail_after(0))
			return result;
		CHECK_EQ(result, -ENOMEM);
		CHECK_EQ(objects[0].refs, 2);
		CHECK_EQ(object_at(0), 0);
		CHECK_EQ(object_at(200), -1);
	}
}

static int install_high(void)
{
	return install(0, RIGHTS_ALL, 0, 200);
}

static int dup_high(void)
{
	return cap_dup_from(0, 200, 0);
}

static int dup_to_high(void)
{
	return cap_dup_to(0, 200, 0);
}

static int copy_table(void)
{
	struct cap_table *copy = cap_table_clone(thread.capabilities);
	if (!copy)
		return -ENOMEM;
	cap_table_put(copy);
	return 0;
}

static void without_memory(int (*call)(void), int expected)
{
	start();
	install_at(0, 0);
	CHECK_EQ(at_each_failure(call), expected);
	finish();
}

TEST(install_without_memory)
{
	without_memory(install_high, 200);
}

TEST(dup_without_memory)
{
	without_memory(dup_high, 200);
}

TEST(dup_to_without_memory)
{
	without_memory(dup_to_high, 200);
}

TEST(copy_without_memory)
{
	without_memory(copy_table, 0);
}
