/* System V message queues, and semaphores with undo as a lock. */
#include "kernel/kernel.h"
#include "common/require.h"
#include "common/scratch.h"
#include <stddef.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

#define ENVELOPE offsetof(struct msgbuf, mtext)

struct sysv {
    int queues[2];
};

static void *create(void)
{
    struct sysv *sysv = malloc(sizeof *sysv);
    require(sysv);
    for (unsigned i = 0; i < 2; i++)
        sysv->queues[i] = scratch_message_queue(msgget(IPC_PRIVATE, 0600 | IPC_CREAT));
    return sysv;
}

/* The type stands in front of the data, so that nothing is copied to please the interface. */
static void send(void *self, unsigned channel, void *data, size_t length)
{
    struct msgbuf *message = (struct msgbuf *)(void *)((char *)data - ENVELOPE);
    message->mtype = 1;
    require(msgsnd(((struct sysv *)self)->queues[channel], message, length, 0) == 0);
}

static void receive(void *self, unsigned channel, void *data, size_t length)
{
    struct msgbuf *message = (struct msgbuf *)(void *)((char *)data - ENVELOPE);
    require(msgrcv(((struct sysv *)self)->queues[channel], message, length, 0, 0) == (ssize_t)length);
}

static void destroy(void *self)
{
    struct sysv *sysv = self;
    for (unsigned i = 0; i < 2; i++)
        msgctl(sysv->queues[i], IPC_RMID, NULL);
    free(sysv);
}

const struct transport sysv_transport = {.create = create, .send = send, .receive = receive, .destroy = destroy};

static void *create_set(void)
{
    int *set = malloc(sizeof *set);
    require(set);
    *set = scratch_semaphores(semget(IPC_PRIVATE, 1, 0600 | IPC_CREAT));
    require(semctl(*set, 0, SETVAL, 1) == 0);
    return set;
}

static void change(void *self, short by)
{
    struct sembuf operation = {0, by, SEM_UNDO};
    require(semop(*(int *)self, &operation, 1) == 0);
}

static void acquire(void *self)
{
    change(self, -1);
}

static void release(void *self)
{
    change(self, 1);
}

static void destroy_set(void *self)
{
    semctl(*(int *)self, 0, IPC_RMID);
    free(self);
}

const struct locker semop_locker = {
    .create = create_set, .acquire = acquire, .release = release, .destroy = destroy_set};
