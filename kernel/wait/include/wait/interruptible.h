/*
 * Waits that a signal may end. A signal wakes its target; the waiter's condition includes signal_is_pending(), and the call then ends with one
 * of the codes below, which the way back to user mode turns into EINTR or a restart, as signal(7) says.
 *
 *     wait_until(&pipe->readers, pipe_has_data(pipe) || signal_is_pending(), NSEC_MAX);
 *     if (!pipe_has_data(pipe)) return -ERESTARTSYS;
 */
#pragma once

#include <arch/user.h>
#include <wait/mutex.h>
#include <wait/rwlock.h>
#include <wait/wait_queue.h>

#define ERESTARTSYS           512 /* restart if the handler has SA_RESTART */
#define ERESTARTNOINTR        513 /* always restart */
#define ERESTARTNOHAND        514 /* restart only if no handler runs */
#define ERESTART_RESTARTBLOCK 516 /* go on through restart_syscall(2) */

/* A signal that is not blocked waits for the current thread. One load. False in kernel threads. */
static inline bool signal_is_pending(void)
{
	return atomic_load(&current_thread()->user_work) & USER_WORK_SIGNAL;
}

/* One that kills: ends even waits that other signals do not. A hook of the signal code. */
bool signal_is_fatal_pending(void);

/*
 * For locks that are held while user memory is brought in, which lasts until there is some, or while somebody else takes his time: 0, or -EINTR,
 * which nobody will see.
 */
MUST_USE static inline int mutex_lock_killable(struct mutex *mutex)
{
	return mutex_lock_unless(mutex, signal_is_fatal_pending);
}

MUST_USE static inline int rwlock_read_lock_killable(struct rwlock *lock)
{
	return rwlock_read_lock_unless(lock, signal_is_fatal_pending);
}

MUST_USE static inline int rwlock_write_lock_killable(struct rwlock *lock)
{
	return rwlock_write_lock_unless(lock, signal_is_fatal_pending);
}

MUST_USE static inline int rwlock_write_lock_second_killable(struct rwlock *lock)
{
	return rwlock_write_lock_second_unless(lock, signal_is_fatal_pending);
}
