/* The files that programs run from: nobody may write to one while a reference of this kind is held (ETXTBSY). */
#include "process_impl.h"

#include <vfs/inode.h>

int executable_claim(struct object *object)
{
	return inode_deny_write(file_of(object)->path.dentry->inode);
}

struct object *executable_get(struct object *object)
{
	int ignored = executable_claim(object); /* there is one already, so it cannot be refused */
	(void)ignored;
	return object_get(object);
}

void executable_put(struct object *object)
{
	inode_allow_write(file_of(object)->path.dentry->inode);
	object_put(object);
}
