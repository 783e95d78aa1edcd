/*
 * A process's address space: areas in a tree, page tables under them. mmap and brk only make areas; pages come with the first touch.
 *
 * Life cycle: created empty (execve) or cloned (fork: private pages become read-only on both sides and are copied by
 * whoever writes first); counted by the processes that use it (CLONE_VM) and, apart from that, by the CPUs that
 * have it loaded.
 *
 * Locking: space->lock (rwlock: faults read, changes of the tree write) over the tree; page tables by table->lock.
 * Order: space->lock, then page-cache locks, then table->lock.
 */
#pragma once

#include <arch/percpu.h>
#include <arch/user_copy.h>
#include <lib/list.h>
#include <lib/rbtree.h>
#include <mm/page_table.h>
#include <wait/rwlock.h>

struct area;
struct object;
struct page_cache;
struct fault;

#define USER_MMAP_MIN                                                                              \
	0x10000ull /* nothing is placed below; MAP_FIXED may go down to vm.mmap_min_addr, which is the same */

#define AREAS_MAX 65530 /* of an address space, as on Linux */

/* area->flags; protection is in area->prot (VM_READ, VM_WRITE, VM_EXEC). */
enum area_flags {
	AREA_SHARED = 1 << 0,
	AREA_GROWS_DOWN = 1 << 1, /* a stack */
	AREA_LOCKED = 1 << 2,
	AREA_NO_FORK = 1 << 3, /* MADV_DONTFORK */
	AREA_WIPE_ON_FORK = 1 << 4,
	AREA_NO_DUMP = 1 << 5,
	AREA_HUGE = 1 << 6, /* MADV_HUGEPAGE; AREA_NO_HUGE forbids */
	AREA_NO_HUGE = 1 << 7,
	AREA_HEAP = 1 << 8,
	AREA_STACK = 1 << 9,
	AREA_VDSO = 1 << 10,
	AREA_NO_RESERVE = 1 << 11,
	AREA_FIXED_SIZE = 1 << 12, /* no mremap, no expansion: device memory */
	AREA_SEALED = 1 << 13,     /* mseal: stays as it is */
};

/* How the pages of an area come to be. Anonymous private memory has no ops. */
struct area_ops {
	/* The page at fault->page_offset of the object: 0 and fault->page with a reference, or -errno (-EFAULT: SIGBUS). */
	int (*fault)(struct area *area, struct fault *fault);
	/* Called when a shared page is about to become writable, for dirty tracking. */
	int (*make_writable)(struct area *area, struct fault *fault);
	void (*open)(struct area *area); /* the area was copied or split */
	void (*close)(struct area *area);
	/* Whether what it maps can be mapped again once this area is gone: 0 or -errno. NULL: always. */
	int (*outlasts)(const struct area *area);
};

/* All under space->lock. */
struct area {
	struct rb_node node;
	uintptr_t start, end;
	uint32_t prot,
	    max_prot; /* max_prot: what mprotect may reach (a shared mapping of a read-only file: no write) */
	uint32_t flags;
	const struct area_ops *ops;
	struct object *object;    /* reference; NULL: anonymous */
	struct page_cache *cache; /* the pages of a file or of shared memory; NULL otherwise */
	uint64_t offset;          /* bytes: of `start` in the object */
	struct address_space *space;
	struct list mapping_link; /* cache->areas_lock */
	const char *name;         /* for /proc/PID/maps: "[heap]", "[stack]", "[vdso]" or NULL */
};

struct fault {
	uintptr_t va;
	bool is_write, is_exec, is_user;
	uint64_t page_offset; /* pages, in the object */
	struct page *page;
};

/* What a program was told of itself at its start (the auxiliary vector), as it was: shared by those who were forked from it. */
struct start_words {
	uint32_t refs; /* a */
	size_t count;
	uint64_t words[];
};

struct address_space {
	struct page_table table;
	struct list tables; /* table->lock: the pages of the tables below the root, newest first */
	struct rwlock lock;
	struct rb_tree areas;
	struct area *last_hit;           /* hint, checked before use */
	uint32_t users;                  /* a */
	uint32_t refs;                   /* a: the struct itself (lazily loaded by idle CPUs) */
	struct address_space *next_dead; /* of those that are to be freed */
	cpumask_t cpus;                  /* a: whose TLB may hold translations */
	uint64_t mapped_pages, locked_pages, data_pages, stack_pages, area_count; /* lock */
	uintptr_t gaps_from;      /* lock: above it all gaps ... (0: not known) */
	size_t gaps_smaller_than; /* lock: ... are smaller than this */
	uint64_t resident_anon, resident_file, resident_shared; /* a: pages */
	uint64_t peak_resident; /* a: before pages went last: address_space_peak knows */
	uintptr_t mmap_top;     /* areas are placed downwards from here */
	uintptr_t code_start, code_end, data_start, data_end, brk_start, brk_end, stack_top;
	uintptr_t arg_start, arg_end, env_start, env_end, vdso;
	struct start_words *start_words; /* with a reference; NULL: none */
	bool lock_future;                /* mlockall(MCL_FUTURE) */
	bool has_sealed;                 /* lock: some area is AREA_SEALED */
};

MUST_USE struct address_space *address_space_create(void);
void start_words_put(struct start_words *words); /* may be NULL */
MUST_USE struct address_space *address_space_clone(struct address_space *from);
struct address_space *address_space_get(struct address_space *space);
/* The most pages that it has had at a time. */
uint64_t address_space_peak(struct address_space *space);
void address_space_put(struct address_space *space); /* the last user unmaps everything */
/* Loads it on this CPU; NULL: the kernel's tables only (a thread that gives its space up). Kernel threads leave whatever is loaded; the CPU
 * holds a reference meanwhile. Context: preemption off. */
void address_space_switch(struct address_space *to);
/* No CPU keeps a space that nobody runs in any more. */
void address_space_unload_dead(void);

/* mmap as the kernel uses it: Linux's MAP_* flags and PROT_*; returns the address or -errno. object NULL: anonymous. */
MUST_USE int64_t vm_map(struct address_space *space, uintptr_t hint, size_t len, unsigned prot,
    unsigned map_flags, struct object *object, uint64_t offset);
/* A stack that grows down from `top`; `size` at first. */
MUST_USE int vm_map_stack(struct address_space *space, uintptr_t top, size_t size, unsigned prot);
MUST_USE int vm_unmap(struct address_space *space, uintptr_t start, size_t len);
/* What is left of the first mapping with these ops that began at `start` or behind it and was placed as if at `start`: -EINVAL when there is none. */
MUST_USE int vm_unmap_object(
    struct address_space *space, uintptr_t start, const struct area_ops *ops);
MUST_USE int vm_protect(struct address_space *space, uintptr_t start, size_t len, unsigned prot);
MUST_USE int64_t vm_remap(struct address_space *space, uintptr_t old, size_t old_len,
    size_t new_len, unsigned flags, uintptr_t new_addr);
/* remap_file_pages(2): a part of a shared mapping shows its file from another page on. */
MUST_USE int vm_remap_pages(
    struct address_space *space, uintptr_t start, size_t len, uint64_t page, bool populate);
/* mseal(2): -ENOMEM when not all is mapped, with nothing done. */
MUST_USE int vm_seal(struct address_space *space, uintptr_t start, size_t len);
/* brk(2)'s semantics: the new break, or the old one when it cannot be. */
uintptr_t vm_set_brk(struct address_space *space, uintptr_t new_brk);
/* The area that contains va, or NULL. space->lock held. */
struct area *vm_find_area(struct address_space *space, uintptr_t va);
/* That one, or the first above; and the one above another. NULL: none. space->lock held. */
struct area *area_at_or_after(struct address_space *space, uintptr_t va);
struct area *area_next(const struct area *area);

/* Writes into another process's memory or reads it (/proc/PID/cmdline, debugger): bytes moved or -EFAULT. */
MUST_USE int64_t vm_access(
    struct address_space *space, uintptr_t va, void *buf, size_t len, bool write);

/* Gives a new area memory of its own that may be shared: MAP_SHARED without a file, and /dev/zero. */
MUST_USE int shared_memory_map(struct area *area);

/* Bytes. space->lock held for reading. */
struct area_usage {
	uint64_t size, resident, shared_clean, shared_dirty, private_clean, private_dirty,
	    anonymous, huge, locked;
	/* Each page divided among those who map it: all, those that are dirty, those of nobody's files. */
	uint64_t proportional, proportional_dirty, proportional_anonymous;
};
void vm_area_usage(struct address_space *space, const struct area *area, struct area_usage *usage);

/* Touches the range as its owner would, for MAP_POPULATE and mlock. -ENOMEM, -EFAULT: from some page on it could not. */
int vm_populate(struct address_space *space, uintptr_t start, size_t len);
/* For who is about to write there. */
MUST_USE int vm_populate_to_write(struct address_space *space, uintptr_t start, size_t len);
/* madvise: 0 or what Linux answers. */
MUST_USE int vm_advise(struct address_space *space, uintptr_t start, size_t len, int advice);
/* mlock and munlock of a range; all of the space and what comes later. */
enum vm_locking {
	VM_UNLOCK,
	VM_LOCK_NOW,
	VM_LOCK_ON_FAULT /* what is not there comes when it is touched */
};
MUST_USE int vm_lock(struct address_space *space, uintptr_t start, size_t len, enum vm_locking how);
bool vm_has_locked(struct address_space *space, uintptr_t start, uintptr_t end);
MUST_USE int vm_lock_all(struct address_space *space, bool current, bool future);
/* One byte a page: 1 when it is in memory. Called page by page through emit. -ENOMEM: not all mapped. */
MUST_USE int vm_residency(struct address_space *space, uintptr_t start, uintptr_t end,
    int (*emit)(void *ctx, size_t page, bool present), void *ctx);

void vm_init(void);     /* boot */
void vm_init_cpu(void); /* boot, on each CPU */
/* Gives back what is kept for later: for leak checks and for the brink of exhaustion. */
void vm_trim(void);
/* What ended processes left behind may still be on its way: pages wait for a grace period, idle CPUs hold on to tables. Waits for that. True:
 * there is memory again. */
bool vm_await_freed(void);

/* Hooks of the process module. */
struct address_space *current_address_space(void); /* NULL in kernel threads */
uint64_t current_limit(unsigned resource);         /* RLIMIT_… of the current process */
/* Out of memory: kills the process whose death frees most for least, never the first. True when something will be freed. */
bool process_kill_for_memory(void);
