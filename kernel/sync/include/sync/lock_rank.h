/*
 * The order of locks, in one place: a thread that holds a lock may only take locks of a higher rank. Debug builds
 * check this at every acquisition and print both locks. docs/locking.md explains each line.
 */
#pragma once

enum lock_rank {
	RANK_NONE, /* not checked: for tests, and locks under which nothing is taken */
	/* sleeping locks */
	RANK_MUTEX_FIRST,
	RANK_OBJECT_POSITION, /* the position of an open file that is shared */
	RANK_EPOLL_NESTING,   /* which sets of epoll are in which */
	RANK_EPOLL,           /* what is in a set of epoll; the set before those that are in it */
	RANK_IO_SIGNALS,      /* which objects tell of changes by signals */
	RANK_AIO,             /* finished requests of a context of asynchronous I/O */
	RANK_FIFOS,           /* which FIFOs are open */
	RANK_PIPE,            /* what is in a pipe */
	RANK_MOUNTS,          /* mounting and unmounting, one at a time */
	RANK_RENAME,          /* moves between directories, one at a time */
	RANK_INODE, /* a file's size and attributes, a directory's names; parents before children */
	RANK_ADDRESS_SPACE, /* a process's areas */
	RANK_FORGETTING,    /* names that nobody uses go, with their files */
	RANK_SYSV,          /* message queues, or sets of semaphores */
	RANK_MQUEUE,        /* a POSIX message queue */
	RANK_KEYS,          /* keys and keyrings */
	RANK_FILE_LOCKS,    /* who has locked what of all files */
	RANK_TTY,           /* a terminal's line and settings */
	RANK_MUTEX_LAST,
	/* spinlocks */
	RANK_PROCESS_TREE, /* parents and children, groups, sessions, states */
	RANK_FUTEX,        /* a bucket of waiters; two: lower address first */
	RANK_PIDS,         /* which numbers are taken */
	RANK_CAPABILITIES, /* a process's table of capabilities */
	RANK_FILE_CONTEXT, /* a process's current and root directory */
	RANK_FILE_SYSTEMS, /* the lists of types and of devices' names */
	RANK_DENTRIES,     /* the cache of names, the tree of mounts */
	RANK_HOST_NAME,    /* the names that uname tells */
	RANK_DEVICES,      /* the list of devices */
	RANK_KERNEL_MAP,   /* which addresses of the kernel map are taken */
	RANK_MAPPED_AREAS, /* the areas that map a file */
	RANK_PAGE_CACHE,   /* the tree of a file's pages */
	RANK_PAGE_TABLE,
	RANK_SLAB,            /* a slab cache's depot and slabs */
	RANK_BUDDY,           /* a zone's free lists */
	RANK_RANDOM,          /* the pool that seeds random numbers */
	RANK_TIMERFD,         /* a timer that is a descriptor; taken in interrupts, as all below */
	RANK_SIGNAL,          /* a process's signals */
	RANK_SIGNAL_HANDLERS, /* handlers that several processes share */
	RANK_WAIT_QUEUE,
	RANK_THREAD_LIST, /* all threads, and those to be freed */
	RANK_THREAD,      /* a thread's wake-up and policy state */
	RANK_RUN_QUEUE,   /* two run queues: lower CPU number first */
	RANK_PCI_PORTS,   /* the two configuration ports */
	RANK_IRQ,         /* interrupt lines and vectors */
	RANK_TIMER, /* a CPU's timer tree: takes nothing, so timers may be armed under any lock */
};
