/* System V message queues and semaphores. */
#include "check.h"

#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

struct message {
	long type;
	char text[100];
};

static int new_queue(void)
{
	int id = msgget(IPC_PRIVATE, 0600);
	CHECK(id >= 0);
	return id;
}

static void send_text(int id, long type, const char *text)
{
	struct message message = {.type = type};
	strcpy(message.text, text);
	CHECK(msgsnd(id, &message, strlen(text), IPC_NOWAIT) == 0);
}

static char *receive(int id, long type, int flags)
{
	static struct message message;
	ssize_t len = msgrcv(id, &message, sizeof(message.text) - 1, type, flags | IPC_NOWAIT);
	if (len < 0)
		return NULL;
	message.text[len] = 0;
	return message.text;
}

TEST(messages_come_by_type)
{
	int id = new_queue();
	send_text(id, 5, "five");
	send_text(id, 2, "two");
	send_text(id, 3, "three");
	send_text(id, 5, "five again");
	CHECK(strcmp(receive(id, 3, 0), "three") == 0);
	CHECK(strcmp(receive(id, -4, 0), "two") == 0);
	CHECK(!receive(id, -4, 0) && errno == ENOMSG);
	CHECK(!receive(id, 5, MSG_EXCEPT) && errno == ENOMSG);
	CHECK(strcmp(receive(id, 0, 0), "five") == 0);
	struct message message;
	CHECK_ERR(msgrcv(id, &message, 3, 0, 0), E2BIG);
	CHECK_EQ(msgrcv(id, &message, 4, 0, MSG_NOERROR), 4);
	struct msqid_ds about;
	CHECK(msgctl(id, IPC_STAT, &about) == 0);
	CHECK(about.msg_qnum == 0 && about.msg_lspid == getpid() && about.msg_lrpid == getpid());
	CHECK(msgctl(id, IPC_RMID, NULL) == 0);
	CHECK_ERR(msgctl(id, IPC_RMID, NULL), EINVAL);
}

TEST(keys_name_what_is_there)
{
	key_t key = 0x45780000 + getpid();
	CHECK_ERR(msgget(key, 0600), ENOENT);
	int id = msgget(key, IPC_CREAT | 0600);
	CHECK(id >= 0 && msgget(key, 0) == id);
	CHECK_ERR(msgget(key, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	int set = semget(key, 3, IPC_CREAT | 0600);
	CHECK(set >= 0 && semget(key, 0, 0) == set);
	CHECK_ERR(semget(key, 4, 0), EINVAL);
	CHECK_ERR(semget(IPC_PRIVATE, 0, 0600), EINVAL);
	int status;
	pid_t child = fork();
	if (child == 0) {
		if (geteuid() == 0 && setresuid(1000, 1000, 1000) == 0) {
			CHECK_ERR(msgget(key, 0600), EACCES);
			CHECK_ERR(semctl(set, 0, GETVAL), EACCES);
			CHECK_ERR(msgctl(id, IPC_RMID, NULL), EPERM);
		}
		_exit(0);
	}
	CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	CHECK(msgctl(id, IPC_RMID, NULL) == 0 && semctl(set, 0, IPC_RMID) == 0);
}

TEST(a_full_queue_waits_and_removal_wakes)
{
	int status, id = new_queue();
	static struct {
		long type;
		char text[8000];
	} big = {.type = 1};
	CHECK(msgsnd(id, &big, 8000, 0) == 0 && msgsnd(id, &big, 8000, 0) == 0);
	CHECK_ERR(msgsnd(id, &big, 8000, IPC_NOWAIT), EAGAIN);
	CHECK_ERR(msgsnd(id, &big, 100000, 0), EINVAL);
	big.type = 0;
	CHECK_ERR(msgsnd(id, &big, 1, 0), EINVAL);
	big.type = 1;
	pid_t child = fork();
	if (child == 0) {
		CHECK(msgsnd(id, &big, 8000, 0) == 0);
		CHECK_ERR(msgsnd(id, &big, 8000, 0), EIDRM);
		_exit(0);
	}
	struct timespec nap = {0, 20000000};
	CHECK(nanosleep(&nap, NULL) == 0);
	CHECK_EQ(msgrcv(id, &big, 8000, 0, 0), 8000);
	CHECK(nanosleep(&nap, NULL) == 0);
	CHECK(msgctl(id, IPC_RMID, NULL) == 0);
	CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static int new_set(int count)
{
	int id = semget(IPC_PRIVATE, count, 0600);
	CHECK(id >= 0);
	return id;
}

TEST(operations_are_all_or_nothing)
{
	int id = new_set(3);
	struct sembuf up[] = {{0, 2, 0}, {1, 3, 0}};
	CHECK(semop(id, up, 2) == 0);
	struct sembuf too_much[] = {{0, -1, 0}, {1, -4, IPC_NOWAIT}};
	CHECK_ERR(semop(id, too_much, 2), EAGAIN);
	CHECK(semctl(id, 0, GETVAL) == 2 && semctl(id, 1, GETVAL) == 3);
	CHECK(semctl(id, 0, GETPID) == getpid());
	struct sembuf far = {3, 1, 0}, high = {0, 32767, 0}, zero = {0, 0, IPC_NOWAIT};
	CHECK_ERR(semop(id, &far, 1), EFBIG);
	CHECK_ERR(semop(id, &high, 1), ERANGE);
	CHECK_ERR(semop(id, &zero, 1), EAGAIN);
	CHECK_ERR(semop(id, up, 0), EINVAL);
	CHECK_ERR(semop(id, up, 501), E2BIG);
	unsigned short values[3] = {7, 8, 9};
	CHECK(semctl(id, 0, SETALL, values) == 0);
	values[1] = 0;
	CHECK(semctl(id, 0, GETALL, values) == 0 && values[1] == 8 && values[2] == 9);
	CHECK_ERR(semctl(id, 0, SETVAL, 40000), ERANGE);
	CHECK_ERR(semctl(id, 5, GETVAL), EINVAL);
	CHECK(semctl(id, 0, IPC_RMID) == 0);
}

TEST(semaphores_wait_and_tell_who_waits)
{
	int status, id = new_set(1);
	struct sembuf down = {0, -1, 0}, up = {0, 1, 0};
	struct timespec soon = {0, 10000000}, nap = {0, 1000000};
	CHECK_ERR(semtimedop(id, &down, 1, &soon), EAGAIN);
	pid_t child = fork();
	if (child == 0) {
		CHECK(semop(id, &down, 1) == 0);
		CHECK_ERR(semop(id, &down, 1), EIDRM);
		_exit(0);
	}
	while (semctl(id, 0, GETNCNT) != 1)
		nanosleep(&nap, NULL);
	CHECK(semop(id, &up, 1) == 0);
	while (semctl(id, 0, GETVAL) != 0 || semctl(id, 0, GETNCNT) != 1)
		nanosleep(&nap, NULL);
	CHECK(semctl(id, 0, IPC_RMID) == 0);
	CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

TEST(the_end_takes_back)
{
	int status, id = new_set(2);
	CHECK(semctl(id, 0, SETVAL, 5) == 0);
	pid_t child = fork();
	if (child == 0) {
		struct sembuf ops[] = {{0, -3, SEM_UNDO}, {1, 4, SEM_UNDO}, {1, 1, 0}};
		_exit(semop(id, ops, 3) != 0 || semctl(id, 0, GETVAL) != 2);
	}
	CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	CHECK(semctl(id, 0, GETVAL) == 5 && semctl(id, 1, GETVAL) == 1);
	CHECK(semctl(id, 0, IPC_RMID) == 0);
}
