/* Private to kernel/sysv. */
#pragma once

#include <sysv/sysv.h>

/* All with the table's lock held, unless said otherwise. */
struct sysv_object *sysv_find(struct sysv_table *table, int id); /* NULL: none with that number */
/* `access`: 4 to read, 2 to write, as a file's. */
bool sysv_allows(const struct sysv_object *object, unsigned access);
bool sysv_is_owner(const struct sysv_object *object);
/*
 * The number of the object with that key, or of a new one from `create`, which may fail if there is no such object yet; `check` says whether one that
 * is there will do. Takes the lock.
 */
MUST_USE int sysv_get(struct sysv_table *table, int key, unsigned flags,
    int (*create)(size_t size, struct sysv_object **made),
    int (*check)(struct sysv_object *, size_t), size_t size);
/* Off the table; its reference is the caller's. */
void sysv_take_out(struct sysv_table *table, struct sysv_object *object);
void sysv_take(struct sysv_object *object);
void sysv_put(struct sysv_object *object); /* with the lock or without */
void sysv_wake(struct sysv_object *object);
/* Lets the lock go until something has changed, and takes it again. 0, -EIDRM, -EINTR, -EAGAIN: the time is over. */
MUST_USE int sysv_wait(struct sysv_table *table, struct sysv_object *object, nsec_t deadline);
/*
 * IPC_STAT and its relatives: the object with that number (or, by_index, in that place) if the caller may read it or any_reader may. *result is what
 * the call returns: 0, the number of an object that was found by its place, or -EINVAL or -EACCES with NULL.
 */
struct sysv_object *sysv_find_to_stat(
    struct sysv_table *table, int id, bool by_index, bool any_reader, int *result);
void sysv_look(const struct sysv_object *object, struct sysv_permissions *permissions);
/* IPC_SET. */
MUST_USE int sysv_change(struct sysv_object *object, const struct sysv_permissions *permissions);
/* The same by number. Takes the lock. */
MUST_USE int sysv_set_permissions(
    struct sysv_table *table, int id, const struct sysv_permissions *permissions);
int sysv_highest(const struct sysv_table *table);
