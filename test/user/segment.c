/* System V shared memory. */
#include "check.h"

#include <sys/ipc.h>
#include <sys/shm.h>

static const size_t page = 4096;

static int new_segment(size_t size)
{
	int id = shmget(IPC_PRIVATE, size, 0600);
	CHECK(id >= 0);
	return id;
}

static struct shmid_ds look(int id)
{
	struct shmid_ds about;
	CHECK(shmctl(id, IPC_STAT, &about) == 0);
	return about;
}

static void end(pid_t child)
{
	int status;
	CHECK(waitpid(child, &status, 0) == child);
	CHECK_EQ(status, 0);
}

TEST(who_attaches_sees_the_same)
{
	int id = new_segment(3 * page - 5);
	char *here = shmat(id, NULL, 0), *there = shmat(id, NULL, 0);
	CHECK(here != (void *)-1 && there != (void *)-1 && here != there);
	CHECK(here[0] == 0 && here[3 * page - 1] == 0);
	strcpy(here + 2 * page, "hello");
	CHECK(strcmp(there + 2 * page, "hello") == 0);
	CHECK_EQ(look(id).shm_nattch, 2);
	CHECK_EQ(look(id).shm_segsz, 3 * page - 5);
	pid_t child = fork();
	if (child == 0) {
		CHECK_EQ(look(id).shm_nattch, 4);
		strcpy(there, "child");
		CHECK(shmdt(here) == 0);
		CHECK_EQ(look(id).shm_nattch, 3);
		_exit(0);
	}
	end(child);
	CHECK(strcmp(here, "child") == 0);
	CHECK_EQ(look(id).shm_nattch, 2);
	CHECK_EQ(look(id).shm_lpid, child);
	CHECK_EQ(look(id).shm_cpid, getpid());
	CHECK(shmdt(here) == 0);
	CHECK_EQ(look(id).shm_lpid, getpid());
	CHECK_ERR(shmdt(here), EINVAL);
	CHECK(strcmp(there, "child") == 0);
	CHECK(shmctl(id, IPC_RMID, NULL) == 0 && shmdt(there) == 0);
	CHECK_ERR(shmctl(id, IPC_RMID, NULL), EINVAL);
	CHECK_ERR(shmat(id, NULL, 0) == (void *)-1 ? -1 : 0, EINVAL);
}

TEST(what_is_removed_goes_with_the_last)
{
	key_t key = 0x51e60000 + getpid();
	int id = shmget(key, page, IPC_CREAT | IPC_EXCL | 0600);
	CHECK(id >= 0);
	char *here = shmat(id, NULL, 0);
	CHECK(here != (void *)-1);
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
	struct shmid_ds about = look(id);
	CHECK(about.shm_perm.mode & SHM_DEST);
	CHECK_EQ(about.shm_perm.__key, IPC_PRIVATE);
	CHECK_ERR(shmget(key, page, 0), ENOENT);
	/* By its number it can still be had. */
	char *there = shmat(id, NULL, 0);
	CHECK(there != (void *)-1);
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	end(child);
	CHECK(shmdt(here) == 0 && look(id).shm_nattch == 1);
	*there = 5;
	child = fork();
	if (child == 0) {
		char *const words[] = {"/proc/self/exe", "-n", NULL};
		int null = open("/dev/null", O_WRONLY);
		CHECK(dup2(null, 1) == 1);
		execv(words[0], words);
		_exit(1);
	}
	end(child);
	CHECK_EQ(look(id).shm_nattch, 1);
	CHECK(shmdt(there) == 0);
	CHECK_ERR(shmctl(id, IPC_STAT, &about), EINVAL);
}

TEST(keys_and_sizes)
{
	key_t key = 0x51e70000 + getpid();
	CHECK_ERR(shmget(key, page, 0), ENOENT);
	CHECK_ERR(shmget(key, 0, IPC_CREAT | 0600), EINVAL);
	CHECK_ERR(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
	CHECK_ERR(shmget(IPC_PRIVATE, SIZE_MAX, 0600), EINVAL);
	int id = shmget(key, 2 * page, IPC_CREAT | 0600);
	CHECK(id >= 0);
	CHECK_EQ(shmget(key, 0, 0), id);
	CHECK_EQ(shmget(key, 2 * page, IPC_CREAT | 0600), id);
	CHECK_ERR(shmget(key, 2 * page + 1, 0), EINVAL);
	CHECK_ERR(shmget(key, page, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	CHECK_ERR(shmctl(id, 9999, NULL), EINVAL);
	CHECK_ERR(shmctl(id, IPC_STAT, (struct shmid_ds *)1), EFAULT);
	CHECK_ERR(shmctl(id, IPC_SET, (struct shmid_ds *)1), EFAULT);
	CHECK_ERR(shmctl(-1, IPC_RMID, NULL), EINVAL);
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
}

TEST(places_are_as_asked)
{
	int id = new_segment(2 * page);
	char *at = mmap(NULL, 8 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(at != MAP_FAILED);
	CHECK(shmat(id, at, 0) == (void *)-1 && errno == EINVAL);
	CHECK(shmat(id, at + 1, SHM_REMAP) == (void *)-1 && errno == EINVAL);
	CHECK(shmat(id, NULL, SHM_REMAP) == (void *)-1 && errno == EINVAL);
	CHECK(shmat(id, (void *)1, SHM_REMAP | SHM_RND) == (void *)-1 && errno == EINVAL);
	CHECK(shmat(id, at + 1, SHM_REMAP | SHM_RND) == at);
	strcpy(at, "text");
	CHECK(munmap(at + 2 * page, 6 * page) == 0);
	CHECK(shmat(id, at + 4 * page, 0) == at + 4 * page);
	CHECK(strcmp(at + 4 * page, "text") == 0);
	CHECK_ERR(shmdt(at + page), EINVAL);
	CHECK_ERR(shmdt(at + 1), EINVAL);
	/* In pieces, of which one is gone: what is left goes, and the other attachment stays. */
	CHECK(mprotect(at, page, PROT_READ) == 0 && munmap(at, page) == 0);
	CHECK(shmdt(at) == 0);
	CHECK(mmap(at, 2 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		  0) == at);
	CHECK(strcmp(at + 4 * page, "text") == 0);
	CHECK(shmdt(at + 4 * page) == 0);
	CHECK_EQ(look(id).shm_nattch, 0);
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
}

TEST(reading_only_is_for_good)
{
	int id = new_segment(page), ends[2];
	char *at = shmat(id, NULL, SHM_RDONLY);
	CHECK(at != (void *)-1 && pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
	CHECK_ERR(read(ends[0], at, 1), EFAULT);
	CHECK_ERR(mprotect(at, page, PROT_READ | PROT_WRITE), EACCES);
	/* No longer than it is, however the mapping grows. */
	char *grown = mremap(at, page, 2 * page, MREMAP_MAYMOVE);
	if (grown != MAP_FAILED)
		CHECK_ERR(write(ends[1], grown + page, 1), EFAULT);
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
}

TEST(times_and_owners_are_told)
{
	time_t before = time(NULL);
	int id = new_segment(page);
	struct shmid_ds about = look(id);
	CHECK(about.shm_atime == 0 && about.shm_dtime == 0 && about.shm_lpid == 0);
	CHECK(about.shm_ctime >= before && about.shm_perm.uid == geteuid());
	CHECK((about.shm_perm.mode & 07777) == 0600);
	void *at = shmat(id, NULL, 0);
	CHECK(look(id).shm_atime >= before && look(id).shm_dtime == 0);
	CHECK(shmdt(at) == 0 && look(id).shm_dtime >= before);
	about.shm_perm.mode = 0640;
	CHECK(shmctl(id, IPC_SET, &about) == 0);
	CHECK((look(id).shm_perm.mode & 0777) == 0640);
	about.shm_perm.uid = (uid_t)-1;
	CHECK_ERR(shmctl(id, IPC_SET, &about), EINVAL);
	if (shmctl(id, SHM_LOCK, NULL) == 0) {
		CHECK(look(id).shm_perm.mode & SHM_LOCKED);
		CHECK(shmctl(id, SHM_UNLOCK, NULL) == 0);
		CHECK(!(look(id).shm_perm.mode & SHM_LOCKED));
	}
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
}

TEST(strangers_need_permission)
{
	int id = new_segment(page), shared = shmget(IPC_PRIVATE, page, 0604);
	CHECK(shared >= 0);
	if (geteuid() == 0) {
		pid_t child = fork();
		if (child == 0) {
			struct shmid_ds about;
			CHECK(setgid(12345) == 0 && setuid(12345) == 0);
			CHECK(shmat(id, NULL, 0) == (void *)-1 && errno == EACCES);
			CHECK(shmat(shared, NULL, 0) == (void *)-1 && errno == EACCES);
			CHECK(shmat(shared, NULL, SHM_RDONLY | SHM_EXEC) == (void *)-1);
			CHECK(shmat(shared, NULL, SHM_RDONLY) != (void *)-1);
			CHECK_ERR(shmctl(id, IPC_STAT, &about), EACCES);
			CHECK(shmctl(shared, IPC_STAT, &about) == 0);
			CHECK_ERR(shmctl(shared, IPC_SET, &about), EPERM);
			CHECK_ERR(shmctl(shared, IPC_RMID, NULL), EPERM);
			CHECK_ERR(shmctl(shared, SHM_LOCK, NULL), EPERM);
			_exit(0);
		}
		end(child);
	}
	CHECK(shmctl(id, IPC_RMID, NULL) == 0 && shmctl(shared, IPC_RMID, NULL) == 0);
}

static bool is_listed(int id, unsigned long attached)
{
	char line[400];
	FILE *list = fopen("/proc/sysvipc/shm", "r");
	bool found = false;
	CHECK(list);
	while (fgets(line, sizeof(line), list)) {
		int key, number;
		unsigned mode;
		unsigned long size, creator, last, count;
		if (sscanf(line, "%d %d %o %lu %lu %lu %lu", &key, &number, &mode, &size, &creator,
			&last, &count) == 7 &&
		    number == id)
			found =
			    size == page && creator == (unsigned long)getpid() && count == attached;
	}
	fclose(list);
	return found;
}

TEST(lists_and_totals)
{
	struct shminfo limits;
	struct shm_info info;
	CHECK(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits) >= 0);
	CHECK(limits.shmmin == 1 && limits.shmmni > 0 && limits.shmmax > page);
	int id = new_segment(page);
	char *at = shmat(id, NULL, 0);
	*at = 1;
	int highest = shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
	CHECK(highest >= 0 && info.used_ids >= 1 && info.shm_tot >= 1 && info.shm_rss >= 1);
	bool found = false;
	for (int i = 0; i <= highest; i++) {
		struct shmid_ds about;
		found |= shmctl(i, SHM_STAT, &about) == id && about.shm_nattch == 1;
	}
	CHECK(found);
	CHECK(is_listed(id, 1));
	char line[400], name[40] = "";
	FILE *maps = fopen("/proc/self/maps", "r");
	while (maps && fgets(line, sizeof(line), maps))
		if (strtoul(line, NULL, 16) == (unsigned long)at)
			sscanf(line, "%*s %*s %*s %*s %*s %39s", name);
	CHECK(strcmp(name, "/SYSV00000000") == 0);
	CHECK(shmdt(at) == 0 && is_listed(id, 0));
	CHECK(shmctl(id, IPC_RMID, NULL) == 0 && !is_listed(id, 0));
}

/* All at once: fork, exit, attach, detach and remove. In the end nothing is left. */
TEST(nobody_is_lost_in_a_crowd)
{
	int id = new_segment(16 * page);
	int *count = shmat(id, NULL, 0);
	CHECK(count != (void *)-1);
	for (int i = 0; i < 6; i++) {
		if (fork())
			continue;
		for (int round = 0; round < 100; round++) {
			int *mine = shmat(id, NULL, 0);
			CHECK(mine != (void *)-1 && mine != count);
			__atomic_fetch_add(mine, 1, __ATOMIC_RELAXED);
			pid_t child = round % 10 ? -1 : fork();
			if (child == 0)
				_exit(0);
			CHECK(round % 3 == 0 || shmdt(mine) == 0);
			if (child > 0)
				end(child);
		}
		_exit(0);
	}
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
	for (int i = 0, status; i < 6; i++)
		CHECK(wait(&status) > 0 && status == 0);
	CHECK_EQ(*count, 600);
	CHECK_EQ(look(id).shm_nattch, 1);
	CHECK(shmdt(count) == 0);
	struct shmid_ds about;
	CHECK_ERR(shmctl(id, IPC_STAT, &about), EINVAL);
}

TEST(a_removed_segment_cannot_be_mapped_anew)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	char *at = shmat(id, NULL, 0);
	CHECK(id >= 0 && at != (void *)-1);
	NEEDS(syscall(SYS_remap_file_pages, at, 4096, 0, 0, 0));
	at[0] = 'a';
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
	CHECK(at[0] == 'a');
	long result = syscall(SYS_remap_file_pages, at, 4096, 0, 0, 0);
	CHECK(result == -1 && (errno == EIDRM || errno == EINVAL));
	CHECK_ERR(shmdt(at), EINVAL);
}
