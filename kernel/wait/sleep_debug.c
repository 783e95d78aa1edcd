/* The checked mutex and reader-writer lock of debug builds: the same locks, between a check and a note. */
#include <log/assert.h>
#include <wait/mutex.h>
#include <wait/rwlock.h>

void sleep_debug_init(struct sleep_debug *debug, const char *name, enum lock_rank rank)
{
	*debug = (struct sleep_debug){.name = name, .rank = (uint8_t)rank};
}

static void check(const struct sleep_debug *debug, const void *lock, uint8_t rank, uintptr_t ip)
{
	if (atomic_load(&locks_are_broken))
		return;
	assert_may_sleep();
	if (unlikely(!debug->name))
		panic("sleeping lock %p taken at %s was never initialised", lock, PLACE(ip));
	const struct lock_stack *held = &current_thread()->held_locks;
	if (unlikely(lock_stack_has(held, lock)))
		panic("%s taken at %s by thread %s, which holds it", debug->name, PLACE(ip),
		    current_thread()->name);
	lock_stack_check(held, debug->name, rank, ip);
}

void sleep_debug_check(const struct sleep_debug *debug, const void *lock, uintptr_t ip)
{
	check(debug, lock, debug->rank, ip);
}

void sleep_debug_check_second(const struct sleep_debug *debug, const void *lock, uintptr_t ip)
{
	check(debug, lock, debug->rank == RANK_NONE ? RANK_NONE : (uint8_t)(debug->rank + 1), ip);
}

void sleep_debug_taken(const struct sleep_debug *debug, const void *lock, uintptr_t ip)
{
	if (!atomic_load(&locks_are_broken))
		lock_stack_push(&current_thread()->held_locks, lock, debug->name, debug->rank, ip);
}

void sleep_debug_release(const struct sleep_debug *debug, const void *lock, uintptr_t ip)
{
	if (!atomic_load(&locks_are_broken))
		lock_stack_remove(&current_thread()->held_locks, lock, debug->name, ip);
}

static void acquire(struct mutex *mutex, uintptr_t ip)
{
	if (!mutex_try_acquire(mutex)) {
		int result = mutex_wait(mutex, NSEC_MAX, NULL);
		assert(result == 0);
	}
	sleep_debug_taken(&mutex->debug, mutex, ip);
}

void mutex_lock(struct mutex *mutex)
{
	sleep_debug_check(&mutex->debug, mutex, CALLER_IP());
	acquire(mutex, CALLER_IP());
}

void mutex_lock_second(struct mutex *mutex)
{
	sleep_debug_check_second(&mutex->debug, mutex, CALLER_IP());
	acquire(mutex, CALLER_IP());
}

bool mutex_try_lock(struct mutex *mutex)
{
	if (!mutex_try_acquire(mutex))
		return false;
	sleep_debug_taken(&mutex->debug, mutex, CALLER_IP());
	return true;
}

int mutex_lock_until(struct mutex *mutex, nsec_t deadline)
{
	sleep_debug_check(&mutex->debug, mutex, CALLER_IP());
	int result = mutex_try_acquire(mutex) ? 0 : mutex_wait(mutex, deadline, NULL);
	if (!result)
		sleep_debug_taken(&mutex->debug, mutex, CALLER_IP());
	return result;
}

int mutex_lock_unless(struct mutex *mutex, give_up_t gives_up)
{
	sleep_debug_check(&mutex->debug, mutex, CALLER_IP());
	int result = mutex_try_acquire(mutex) ? 0 : mutex_wait(mutex, NSEC_MAX, gives_up);
	if (!result)
		sleep_debug_taken(&mutex->debug, mutex, CALLER_IP());
	return result;
}

void mutex_unlock(struct mutex *mutex)
{
	sleep_debug_release(&mutex->debug, mutex, CALLER_IP());
	mutex_release(mutex);
}

void rwlock_read_lock(struct rwlock *lock)
{
	sleep_debug_check(&lock->debug, lock, CALLER_IP());
	rwlock_read_acquire(lock);
	sleep_debug_taken(&lock->debug, lock, CALLER_IP());
}

int rwlock_read_lock_unless(struct rwlock *lock, give_up_t gives_up)
{
	sleep_debug_check(&lock->debug, lock, CALLER_IP());
	int result = rwlock_try_read_acquire(lock) ? 0 : rwlock_wait_read(lock, gives_up);
	if (!result)
		sleep_debug_taken(&lock->debug, lock, CALLER_IP());
	return result;
}

bool rwlock_try_read_lock(struct rwlock *lock)
{
	if (!rwlock_try_read_acquire(lock))
		return false;
	sleep_debug_taken(&lock->debug, lock, CALLER_IP());
	return true;
}

void rwlock_read_unlock(struct rwlock *lock)
{
	sleep_debug_release(&lock->debug, lock, CALLER_IP());
	rwlock_read_release(lock);
}

void rwlock_write_lock(struct rwlock *lock)
{
	sleep_debug_check(&lock->debug, lock, CALLER_IP());
	rwlock_write_acquire(lock);
	sleep_debug_taken(&lock->debug, lock, CALLER_IP());
}

int rwlock_write_lock_unless(struct rwlock *lock, give_up_t gives_up)
{
	sleep_debug_check(&lock->debug, lock, CALLER_IP());
	int result = rwlock_try_write_acquire(lock) ? 0 : rwlock_wait_write(lock, gives_up);
	if (!result)
		sleep_debug_taken(&lock->debug, lock, CALLER_IP());
	return result;
}

void rwlock_write_lock_second(struct rwlock *lock)
{
	sleep_debug_check_second(&lock->debug, lock, CALLER_IP());
	rwlock_write_acquire(lock);
	sleep_debug_taken(&lock->debug, lock, CALLER_IP());
}

int rwlock_write_lock_second_unless(struct rwlock *lock, give_up_t gives_up)
{
	sleep_debug_check_second(&lock->debug, lock, CALLER_IP());
	int result = rwlock_try_write_acquire(lock) ? 0 : rwlock_wait_write(lock, gives_up);
	if (!result)
		sleep_debug_taken(&lock->debug, lock, CALLER_IP());
	return result;
}

bool rwlock_try_write_lock(struct rwlock *lock)
{
	if (!rwlock_try_write_acquire(lock))
		return false;
	sleep_debug_taken(&lock->debug, lock, CALLER_IP());
	return true;
}

void rwlock_write_unlock(struct rwlock *lock)
{
	sleep_debug_release(&lock->debug, lock, CALLER_IP());
	rwlock_write_release(lock);
}
