/* The Linux personality's start. */
#pragma once

#include <sched/thread.h>

/* The scheduler's priority for a nice value. */
enum thread_priority posixx_priority_of_nice(int nice);
/* Starts process 1 from the root file system: `init=` of the command line, /init, /sbin/init, /bin/init, /bin/sh. False when there is none. */
bool posixx_start_init(void);
