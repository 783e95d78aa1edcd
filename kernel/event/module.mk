# Waiting for events: counters that can be polled, and sets of objects to wait for.
MODULE := kernel/event
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait kernel/credentials kernel/object kernel/vm
SRCS := eventfd.c timerfd.c epoll.c epoll_item.c epoll_links.c aio.c
