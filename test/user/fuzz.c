/*
 * A fuzzer of system calls that knows their grammar: processes and threads that share memory and descriptors make calls with arguments of the
 * right kinds, now and then of wrong ones, and hand what calls give to later ones. Nothing is expected of a call but that the kernel neither
 * falls nor hangs, and that it gets everything back.
 *
 * A storm is made of rounds. A round begins with a seed and an empty folder, and ends with the death of all that it has made. STRESS_SECONDS,
 * SEED as in stress.c; SEED is that of a round's, when one is given only this round runs, over and over. FUZZ_SHOW tells how often each call
 * succeeded.
 */
#include "fuzz.h"
#include "fuzz_args.h"
#include "fuzz_calls.h"
#include "fuzz_folder.h"
#include "fuzz_leaks.h"
#include "fuzz_world.h"

#include <pthread.h>

#define WORKERS      3
#define THREADS      3
#define ROUND_MS     500
#define WORKER_CALLS 400
#define CHILD_CALLS  20
#define ROUNDS_WARM  2 /* caches fill */
#define ROUNDS_MIN   3
#define DEFAULT_SEED 0x5eedull

#define ARGUMENTS 6
static const struct kind *takes[COUNT(calls)][ARGUMENTS];
static unsigned total_weight;

static const struct kind *find_kind(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strlen(kinds[i].name) == len && memcmp(kinds[i].name, name, len) == 0)
			return &kinds[i];
	FAIL("no kind %.*s", (int)len, name);
}

static void read_grammar(void)
{
	total_weight = 0;
	for (size_t i = 0; i < COUNT(calls); i++) {
		const char *at = calls[i].takes;
		for (size_t n = 0; *at; n++) {
			size_t len = strcspn(at, " ");
			CHECK(n < ARGUMENTS);
			takes[i][n] = find_kind(at, len);
			at += len + (at[len] == ' ');
		}
		total_weight += calls[i].weight;
	}
}

/* Makes a call without the C library, whose errno and stack the callers may not have. A child goes on in fuzz_child. */
long fuzz_enter(long number, long a, long b, long c, long d, long e, long f);
__asm__("fuzz_enter:\n"
	"	push %rbx\n"
	"	mov %rdi, %rax\n"
	"	mov %rdi, %rbx\n"
	"	mov %rsi, %rdi\n"
	"	mov %rdx, %rsi\n"
	"	mov %rcx, %rdx\n"
	"	mov %r8, %r10\n"
	"	mov %r9, %r8\n"
	"	mov 16(%rsp), %r9\n"
	"	syscall\n"
	"	test %rax, %rax\n"
	"	jnz 1f\n"
	"	cmp $56, %rbx\n" /* clone, fork, vfork, clone3 */
	"	jb 1f\n"
	"	cmp $58, %rbx\n"
	"	jbe 2f\n"
	"	cmp $435, %rbx\n"
	"	jne 1f\n"
	"2:	xor %ebp, %ebp\n"
	"	and $-16, %rsp\n"
	"	call fuzz_child\n"
	"1:	pop %rbx\n"
	"	ret\n");

/* Those that end the machine, or reach what is not ours. */
static bool is_spared(long number)
{
	static const short spared[] = {SYS_reboot, SYS_kill, SYS_tkill, SYS_tgkill,
	    SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_fork, SYS_vfork, SYS_clone, SYS_clone3,
	    SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_ptrace, SYS_vhangup, SYS_pivot_root,
	    SYS_swapon, SYS_swapoff, SYS_kexec_load, 320, SYS_init_module, SYS_finit_module,
	    SYS_delete_module, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime,
	    SYS_sethostname, SYS_setdomainname, SYS_syslog, SYS_acct, SYS_quotactl, SYS_iopl,
	    SYS_ioperm, SYS_sync, SYS_syncfs, SYS_bpf, SYS_perf_event_open, SYS_prlimit64,
	    SYS_sched_setscheduler, SYS_sched_setattr, SYS_sched_setparam, SYS_sched_setaffinity,
	    SYS_setpriority, SYS_ioprio_set, SYS_process_vm_writev, SYS_setns, SYS_unshare,
	    SYS_pidfd_send_signal, SYS_mount, SYS_umount2, SYS_keyctl, SYS_add_key,
	    SYS_request_key};
	for (size_t i = 0; i < COUNT(spared); i++)
		if (spared[i] == number)
			return true;
	return number >= 0x4000000; /* the other numbering of x32 */
}

static char stacks[8][16384] __attribute__((aligned(16)));

/* Flags as fork, vfork and pthread_create have them, and with some more or less. */
static long draw_clone_flags(struct actor *actor)
{
	static const long usual[] = {SIGCHLD, SIGCHLD, CLONE_VM | CLONE_VFORK | SIGCHLD,
	    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
	    CLONE_VM | CLONE_FILES | SIGCHLD, CLONE_FILES | SIGUSR1, CLONE_VM | CLONE_SIGHAND, 0};
	static const long more[] = {CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND, CLONE_THREAD,
	    CLONE_VFORK, CLONE_PARENT, CLONE_SETTLS, CLONE_PARENT_SETTID, CLONE_CHILD_CLEARTID,
	    CLONE_CHILD_SETTID, CLONE_SYSVSEM, CLONE_IO, CLONE_UNTRACED, CLONE_PIDFD, 200};
	long flags = usual[below(actor, COUNT(usual))];
	for (uint64_t n = below(actor, 4); n > 0; n--)
		flags ^= more[below(actor, COUNT(more))];
	return flags;
}

static long make_clone(struct actor *actor, const struct call *call, long arguments[ARGUMENTS])
{
	if (actor->fork_budget-- <= 0)
		return -EAGAIN;
	if (call->number == SYS_fork)
		return fuzz_enter(SYS_fork, 0, 0, 0, 0, 0, 0);
	long flags = draw_clone_flags(actor);
	char *stack = stacks[below(actor, COUNT(stacks))];
	bool has_stack = flags & CLONE_VM || chance(actor, 5);
	if (call->maker == CLONE)
		return fuzz_enter(SYS_clone, flags, has_stack ? (long)stack + 16384 : 0,
		    draw_word(actor, NULL), draw_word(actor, NULL), arguments[0], 0);
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls,
		    set_tid, set_tid_size, cgroup;
	} wanted = {.flags = (uint64_t)flags & ~255ul,
	    .pidfd = (uint64_t)draw_word(actor, NULL),
	    .child_tid = (uint64_t)draw_word(actor, NULL),
	    .parent_tid = (uint64_t)draw_word(actor, NULL),
	    .exit_signal = (uint64_t)flags & 255,
	    .stack = has_stack ? (uint64_t)stack : 0,
	    .stack_size = has_stack ? 16384 : 0,
	    .tls = (uint64_t)draw_odd(actor)};
	return fuzz_enter(SYS_clone3, placed(actor, &wanted, sizeof(wanted)),
	    chance(actor, 90) ? (long)sizeof(wanted) : draw_size(actor, NULL), 0, 0, 0, 0);
}

static long make(struct actor *actor, const struct call *call, long arguments[ARGUMENTS])
{
	long number = call->number;
	switch ((enum maker)call->maker) {
	case CLONE:
	case CLONE3: return make_clone(actor, call, arguments);
	case VFORK:
		if (actor->fork_budget-- <= 0)
			return -EAGAIN;
		return fuzz_enter(SYS_vfork, 0, 0, 0, 0, 0, 0);
	case EXIT:
		if (!chance(actor, 10))
			return -EAGAIN;
		number = chance(actor, 80) ? SYS_exit : SYS_exit_group;
		break;
	case DAMAGE: {
		struct {
			long handler, flags, restorer, mask;
		} action = {(long)on_signal_damage, SA_RESTORER | SA_SIGINFO | SA_RESETHAND,
		    (long)fuzz_restorer, 0};
		if (!chance(actor, 20))
			return -EAGAIN;
		fuzz_enter(SYS_rt_sigaction, SIGUSR2, (long)&action, 0, 8, 0, 0);
		return fuzz_enter(SYS_kill, getpid(), SIGUSR2, 0, 0, 0, 0);
	}
	case UNKNOWN:
		number = chance(actor, 80) ? (long)below(actor, 470) : draw_odd(actor);
		if (is_spared(number))
			return -ENOSYS;
		break;
	case PLAIN: break;
	}
	return fuzz_enter(number, arguments[0], arguments[1], arguments[2], arguments[3],
	    arguments[4], arguments[5]);
}

static void act(struct actor *actor)
{
	unsigned at = (unsigned)below(actor, total_weight), i = 0;
	while (at >= calls[i].weight)
		at -= calls[i++].weight;
	long arguments[ARGUMENTS];
	for (size_t n = 0; n < ARGUMENTS; n++)
		arguments[n] = takes[i][n] ? takes[i][n]->draw(actor, takes[i][n]) : 0;
	tally->tried[i]++;
	long result = make(actor, &calls[i], arguments);
	if (result < 0 && result >= -4095)
		return;
	tally->done[i]++;
	if (calls[i].gives == POOL_TIMER) { /* whose number lies in memory */
		put_result(POOL_TIMER, (long)world.put[POOL_TIMER]);
	} else if (calls[i].gives == POOL_PAIR && actor->pair) {
		put_result(POOL_PIPE, actor->pair[0]);
		put_result(POOL_PIPE, actor->pair[1]);
	} else if (calls[i].gives && calls[i].gives < POOL_COUNT) {
		put_result(calls[i].gives, result);
	}
}

/* Children of any kind, on any stack, with any TLS: no C library here, either. */
static uint64_t children;
__attribute__((noreturn, used)) void fuzz_child(void)
{
	struct actor actor = {
	    .state = mixed(__atomic_add_fetch(&children, 1, __ATOMIC_RELAXED), 7)};
	for (uint64_t n = below(&actor, CHILD_CALLS); n > 0; n--)
		act(&actor);
	for (;;)
		fuzz_enter(chance(&actor, 70) ? SYS_exit : SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

static void *worker_thread(void *arg)
{
	struct actor actor = {.state = (uint64_t)arg, .fork_budget = 12};
	put_result(POOL_TID, syscall(SYS_gettid));
	for (int i = 0; i < WORKER_CALLS; i++)
		act(&actor);
	return NULL;
}

/* 0: allocations fail only when there is no memory; otherwise one in so many of the workers' does, where the kernel can do that. */
static int fail_interval;

static void write_word(const char *path, int number)
{
	char text[20];
	int fd = open(path, O_WRONLY), len = snprintf(text, sizeof(text), "%d", number);
	if (fd >= 0 && write(fd, text, (size_t)len) != len)
		FAIL("%s", path);
	close(fd);
}

/* Into the round's folder, and out of the harness's rights, group and session. */
static void enter_round(const char *folder)
{
	setsid();
	CHECK_OK(chdir(folder));
	if (world.rank != RANK_GUEST)
		write_word("/proc/self/oom_score_adj", 500);
	if (fail_interval)
		write_word("/proc/self/make-it-fail", fail_interval);
	if (world.rank == RANK_ROOT)
		CHECK_OK(chroot("."));
	for (int fd = 0; fd < 64; fd++)
		close(fd);
	int null = open("/dev/null", O_RDWR);
	if (null == 0)
		dup(null);
	if (world.rank == RANK_SEALED) {
		CHECK_OK(syscall(SYS_setgroups, 0, NULL));
		CHECK_OK(setresgid(OWN_USER, OWN_USER, OWN_USER));
		CHECK_OK(setresuid(OWN_USER, OWN_USER, OWN_USER));
		prctl(PR_SET_DUMPABLE, 1);
	}
	umask(0);
}

static void work(const char *folder, uint64_t seed)
{
	pthread_t threads[THREADS];
	enter_round(folder);
	memset(world.pools, 0, sizeof(world.pools));
	memset(world.put, 0, sizeof(world.put));
	children = seed;
	limit_worker();
	open_all_kinds();
	map_arena(open("beyond", O_RDWR | O_CREAT, 0666));
	catch_signals();
	put_result(POOL_PID, getpid());
	for (uint64_t i = 1; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, worker_thread, (void *)mixed(seed, i)))
			break;
	worker_thread((void *)mixed(seed, 0));
	_exit(0);
}

/* Rounds. */

static void run_round(uint64_t seed, int64_t until)
{
	char folder[32];
	pid_t workers[WORKERS] = {0};
	uint64_t generation = 0;
	snprintf(folder, sizeof(folder), "round");
	fill_folder(folder);
	while (now_ms() < until) {
		for (uint64_t i = 0; i < WORKERS; i++)
			if (!workers[i]) {
				workers[i] = fork();
				if (workers[i] == 0)
					work(folder, mixed(seed, generation * WORKERS + i));
				if (workers[i] < 0)
					workers[i] = 0;
				generation++;
			}
		pid_t pid;
		while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) > 0)
			for (uint64_t i = 0; i < WORKERS; i++)
				if (workers[i] == pid)
					workers[i] = 0;
		sleep_ms(2);
	}
	end_all();
	empty_folder(folder);
	remove_sysv();
}

static void show_tally(void)
{
	unsigned long tried = 0, done = 0, kinds_done = 0;
	for (size_t i = 0; i < COUNT(calls); i++) {
		tried += tally->tried[i];
		done += tally->done[i];
		kinds_done += tally->done[i] > 0;
		if (getenv("FUZZ_SHOW"))
			printf(
			    "    %-20s %8u %8u\n", calls[i].name, tally->tried[i], tally->done[i]);
	}
	printf("    %lu calls, %lu succeeded, of %lu of %zu rows\n", tried, done, kinds_done,
	    COUNT(calls));
}

static void storm(enum rank rank)
{
	const char *seconds = getenv("STRESS_SECONDS"), *fixed = getenv("SEED");
	int64_t length = 1000 * (seconds ? atoi(seconds) : 2), end = now_ms() + length;
	uint64_t seed = fixed           ? strtoull(fixed, NULL, 0)
			: length > 2000 ? (uint64_t)time(NULL)
					: DEFAULT_SEED;
	sigset_t all;
	sigfillset(&all); /* children may be made that tell their end by any */
	sigprocmask(SIG_BLOCK, &all, NULL);
	world.rank = rank;
	read_grammar();
	CHECK_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
	if (getenv("OWN_MACHINE"))
		write_word("/proc/self/oom_score_adj", -1000);
	mmap(ARENA_SHARED, ARENA_PART, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	tally =
	    mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(tally != MAP_FAILED);
	CHECK_OK(mkdir("jail", 0755));
	CHECK_OK(chdir("jail"));
	int jail = open(".", O_RDONLY | O_DIRECTORY);
	CHECK(jail >= 0);
	static struct snapshot before, after;
	for (uint64_t round = 0; now_ms() < end || round < ROUNDS_MIN; round++) {
		uint64_t of_round = fixed ? seed : mixed(seed, round);
		int64_t left = end - now_ms();
		left = left < 100 ? 100 : left > ROUND_MS ? ROUND_MS : left;
		printf("    seed %#llx\n", (unsigned long long)of_round);
		fflush(stdout);
		CHECK_OK(fchmod(jail, 0755)); /* workers find ways to the folder above theirs */
		run_round(of_round, now_ms() + left);
		take_snapshot(round + 1 == ROUNDS_WARM ? &before : &after);
	}
	show_tally();
	if (getenv("OWN_MACHINE"))
		compare(&before, &after);
}

TEST(calls_by_an_ordinary_user)
{
	storm(geteuid() == 0 ? RANK_SEALED : RANK_GUEST);
}

/* These on a machine of our own only. */
TEST(calls_that_get_no_memory)
{
	const char *interval = getenv("FUZZ_FAIL");
	fail_interval = interval ? atoi(interval) : 60;
	if (getenv("OWN_MACHINE"))
		storm(RANK_SEALED);
}

TEST(calls_by_root)
{
	if (getenv("OWN_MACHINE"))
		storm(RANK_ROOT);
}

/* What workers execute by /proc/self/exe comes here, by whatever name and with whatever arguments: some calls, without the harness. */
void check_as_program(int argc, char **argv, char **envp)
{
	const char *name = argc > 0 && strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	(void)envp;
	if (argc > 0 && strcmp(name, "fuzz") == 0)
		return;
	struct actor actor = {.state = mixed((uint64_t)getpid(), 9)};
	world.rank = RANK_GUEST;
	read_grammar();
	tally =
	    mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		_exit(1);
	map_arena(-1);
	mmap(ARENA_SHARED, ARENA_PART, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	for (int i = 0; i < CHILD_CALLS; i++)
		act(&actor);
	_exit(0);
}
