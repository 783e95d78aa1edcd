/* What capability.c (entries) and cap_table.c (the table) share. */
#pragma once

#include <object/capability.h>

#define CAP_TABLE_MAX (1u << 20) /* entries */

/* Makes room for index `fd`. Called and returns with the lock held, but drops it meanwhile. 0, -EMFILE, -ENOMEM. */
MUST_USE int cap_table_grow(struct cap_table *table, unsigned fd);

/* What closing a descriptor of `from` does: the object is told, and its reference goes. */
static inline int cap_close_object(struct object *object, const struct cap_table *from)
{
	int err = object->ops->close ? object->ops->close(object, from) : 0;
	object_put(object);
	return err;
}
