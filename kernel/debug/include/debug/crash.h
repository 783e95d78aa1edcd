/* Bringing the kernel down on purpose, to see and to test what it then reports. */
#pragma once

/* In the way of that name; comes back, having listed the ways, if there is none. Context: thread. */
void crash(const char *name);
/* If the command line says crash=NAME, or just `panic`. Context: thread, once booted. */
void crash_if_asked(void);
