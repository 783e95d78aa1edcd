# Clocks and timers.
MODULE := kernel/time
DEPS := abi lib boot kernel/arch kernel/log kernel/sync
SRCS := clock.c calibrate.c fallback.c skew.c timer.c date.c discipline.c
HOST_SRCS := timer.c date.c calibrate.c clock.c fallback.c skew.c
TESTS := timer date calibrate clock fallback
SELFTEST := time_selftest.c
