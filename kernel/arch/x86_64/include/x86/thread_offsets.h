/* Where assembly finds fields of struct thread. The offset is asserted in user.c: when the struct changes, the build says so. */
#pragma once

#define THREAD_USER_WORK 8
