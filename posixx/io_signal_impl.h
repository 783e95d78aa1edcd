/* Private to posixx: the part of fcntl(2) that is about signals. */
#pragma once

#include <object/object.h>

bool is_io_signal_command(int command);
int64_t io_signal_control(struct object *object, int fd, int command, uint64_t arg);
