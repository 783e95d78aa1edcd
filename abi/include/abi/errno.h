/* Error numbers, as constants. Functions return them negated. */
#pragma once

#define ERRNO(name, number, text) name = number,
enum errno_value {
#include <abi/errno.tbl.h>
};
#undef ERRNO
