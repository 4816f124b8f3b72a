/* System V queues, semaphore sets and memory.
 *
 * The kernel counts who has memory attached and who sleeps in a semaphore. Of a queue it tells neither; who sleeps in
 * one shows only in /proc. Who made a queue or a set it does not keep at all, only who used it last: so these are
 * never proved stale, but unused. */
#include "see.h"
#include <errno.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

union semun {
    int value;
    struct semid_ds *status;
    struct seminfo *limits;
};

struct status {
    struct msqid_ds msg;
    struct semid_ds sem;
    struct shmid_ds shm;
};

/* Asks for the status by number, which needs no permission. The id, or -1. */
static int ask(enum space space, int number, struct status *out)
{
    union semun argument = {.status = &out->sem};
    if (space == SPACE_MSG)
        return msgctl(number, MSG_STAT_ANY, &out->msg);
    if (space == SPACE_SEM)
        return semctl(number, 0, SEM_STAT_ANY, argument);
    return shmctl(number, SHM_STAT_ANY, &out->shm);
}

/* The highest number in use. */
static int highest(enum space space)
{
    struct msginfo msg;
    struct seminfo sem;
    struct shm_info shm;
    union semun argument = {.limits = &sem};
    if (space == SPACE_MSG)
        return msgctl(0, MSG_INFO, (struct msqid_ds *)&msg);
    if (space == SPACE_SEM)
        return semctl(0, 0, SEM_INFO, argument);
    return shmctl(0, SHM_INFO, (struct shmid_ds *)&shm);
}

#define NUMBERS 32768 /* in an id, below what tells it from earlier ones; more where the kernel was told so */

static int ask_id(enum space space, int id, struct status *out)
{
    if (ask(space, id % NUMBERS, out) == id)
        return 0;
    for (int i = 0, last = highest(space); i <= last; i++)
        if (ask(space, i, out) == id)
            return 0;
    return -EINVAL; /* as of an id that is none */
}

static int64_t latest(time_t one, time_t two, time_t three)
{
    time_t last = one > two ? one : two;
    return (int64_t)(last > three ? last : three) * 1000000000;
}

static void set_msg(struct view *view, struct ipc *ipc, const struct msqid_ds *status)
{
    ipc->size = status->__msg_cbytes;
    ipc->queued = (int64_t)status->msg_qnum;
    ipc->waiting = 0;
    ipc->used = latest(status->msg_stime, status->msg_rtime, status->msg_ctime);
    ipc_add_past(view, ipc, PART_SENT, status->msg_lspid, status->msg_stime);
    ipc_add_past(view, ipc, PART_RECEIVED, status->msg_lrpid, status->msg_rtime);
}

/* What each semaphore of the set tells needs the permission to read it. */
static void set_sem(struct view *view, struct ipc *ipc, const struct semid_ds *status, int id)
{
    pid_t last = 0;
    ipc->size = status->sem_nsems;
    ipc->used = latest(status->sem_otime, status->sem_ctime, 0);
    ipc->value = semctl(id, 0, GETVAL);
    for (int i = 0; i < (int)status->sem_nsems; i++) {
        int up = semctl(id, i, GETNCNT), zero = semctl(id, i, GETZCNT), pid = semctl(id, i, GETPID);
        if (up < 0 || zero < 0 || pid < 0)
            return;
        ipc->waiting = (i ? ipc->waiting : 0) + up + zero;
        if (pid != last)
            ipc_add_past(view, ipc, PART_USED, pid, 0);
        last = pid ? pid : last;
    }
}

static void set_shm(struct view *view, struct ipc *ipc, const struct shmid_ds *status)
{
    ipc->size = status->shm_segsz;
    ipc->attached = (int64_t)status->shm_nattch;
    ipc->used = latest(status->shm_atime, status->shm_dtime, status->shm_ctime);
    ipc_add_past(view, ipc, PART_MADE, status->shm_cpid, status->shm_ctime);
    ipc_add_past(view, ipc, PART_USED, status->shm_lpid, latest(status->shm_atime, status->shm_dtime, 0));
}

static struct ipc *add_status(struct view *view, const struct ipc_kind *kind, int id, const struct status *status)
{
    const struct ipc_perm *perm = kind->space == SPACE_MSG   ? &status->msg.msg_perm
                                  : kind->space == SPACE_SEM ? &status->sem.sem_perm
                                                             : &status->shm.shm_perm;
    struct ipc *ipc = view_add(view, kind, 0, (uint64_t)id);
    if (!ipc)
        return NULL;
    ipc->name = text_of("%d", id);
    ipc->owned = true;
    ipc->mode = perm->mode & 0777;
    ipc->uid = perm->uid;
    ipc->gid = perm->gid;
    if (kind->space == SPACE_MSG) {
        ipc->made = latest(status->msg.msg_ctime, 0, 0);
        set_msg(view, ipc, &status->msg);
    } else if (kind->space == SPACE_SEM) {
        ipc->made = latest(status->sem.sem_ctime, 0, 0);
        set_sem(view, ipc, &status->sem, id);
    } else {
        ipc->made = latest(status->shm.shm_ctime, 0, 0);
        set_shm(view, ipc, &status->shm);
    }
    const char *removed = kind->space == SPACE_SHM && perm->mode & SHM_DEST ? ", removed, goes with the last" : "";
    if (perm->__key != IPC_PRIVATE)
        ipc->detail = text_of("key 0x%08x%s", (unsigned)perm->__key, removed);
    else
        ipc->detail = text_of("private%s", removed);
    return ipc;
}

void list_sysv(struct view *view, const struct ipc_kind *kind)
{
    struct status status;
    int last = highest(kind->space);
    for (int i = 0; i <= last; i++) {
        int id = ask(kind->space, i, &status);
        if (id >= 0)
            add_status(view, kind, id, &status);
    }
}

/* "process 12, which sent last, has ended; ..." of each of the past. */
static size_t past_text(const struct ipc *ipc, char text[PROOF_MOST])
{
    size_t used = 0;
    for (size_t i = 0; i < ipc->party_count && used < PROOF_MOST; i++) {
        const struct kin_party *party = &ipc->parties[i];
        const char *did = party->part == PART_MADE       ? "made it"
                          : party->part == PART_SENT     ? "sent last"
                          : party->part == PART_RECEIVED ? "received last"
                                                         : "used it last";
        used += (size_t)snprintf(text + used, PROOF_MOST - used, "%sprocess %d, which %s, has ended", used ? "; " : "",
                                 (int)party->pid, did);
    }
    if (used == 0)
        used = (size_t)snprintf(text, PROOF_MOST, "nobody has ever used it");
    return used < PROOF_MOST ? used : PROOF_MOST - 1;
}

enum ipc_state judge_sysv(const struct view *view, struct ipc *ipc, char proof[PROOF_MOST])
{
    for (size_t i = 0; i < ipc->party_count; i++)
        if (ipc->parties[i].alive)
            return IPC_UNUSED;
    if ((ipc->space == SPACE_MSG && view->blind) || (ipc->space == SPACE_SEM && ipc->waiting == NOT_COUNTED))
        return IPC_UNKNOWN;
    size_t used = past_text(ipc, proof);
    snprintf(proof + used, PROOF_MOST - used,
             ipc->space == SPACE_SHM ? "; nobody is attached" : "; nobody sleeps in it");
    return ipc->space == SPACE_SHM ? IPC_STALE : IPC_UNUSED;
}

static int remove_id(enum space space, int id)
{
    int result = space == SPACE_MSG   ? msgctl(id, IPC_RMID, NULL)
                 : space == SPACE_SEM ? semctl(id, 0, IPC_RMID)
                                      : shmctl(id, IPC_RMID, NULL);
    return result < 0 ? -errno : 0;
}

/* When it was used last, apart from changes of its owner and mode. */
static int64_t last_use(enum space space, const struct status *status)
{
    return space == SPACE_MSG   ? latest(status->msg.msg_stime, status->msg.msg_rtime, 0)
           : space == SPACE_SEM ? latest(status->sem.sem_otime, 0, 0)
                                : latest(status->shm.shm_atime, status->shm.shm_dtime, 0);
}

#define UNTOLD (-1)

/* Looks at it once more, alone: -EBUSY when somebody is in it, or has used it since `use`. */
static int look_again(const struct view *view, const struct ipc *ipc, int64_t *use)
{
    struct status status;
    struct view again = {.kinds = view->kinds, .mqueue = -1, .memory = -1};
    if (ask_id(ipc->space, (int)ipc->number, &status) < 0)
        return -EINVAL;
    const struct ipc *now = add_status(&again, ipc->kind, (int)ipc->number, &status);
    if (now && ipc->space == SPACE_MSG)
        proc_walk(&again, LOOK_CALLS);
    int64_t before = *use;
    *use = last_use(ipc->space, &status);
    bool used = now && (ipc_is_held(now) || now->party_count != ipc->party_count ||
                        (before == UNTOLD ? now->used != ipc->used : *use != before));
    view_close(&again);
    return !now ? -ENOMEM : used ? -EBUSY : 0;
}

/* Its mode; the old one in *old. */
static int change_mode(enum space space, int id, unsigned mode, unsigned *old)
{
    struct status status;
    union semun argument = {.status = &status.sem};
    if (ask_id(space, id, &status) < 0)
        return -EINVAL;
    struct ipc_perm *perm = space == SPACE_MSG   ? &status.msg.msg_perm
                            : space == SPACE_SEM ? &status.sem.sem_perm
                                                 : &status.shm.shm_perm;
    *old = perm->mode & 0777;
    perm->mode = (unsigned short)mode;
    int result = space == SPACE_MSG   ? msgctl(id, IPC_SET, &status.msg)
                 : space == SPACE_SEM ? semctl(id, 0, IPC_SET, argument)
                                      : shmctl(id, IPC_SET, &status.shm);
    return result < 0 ? -errno : 0;
}

/* The kernel has no call that removes only what is unused. So the door is shut first, then it is looked at once more,
 * and whoever came in before keeps it, with the door open again. Only who may pass any door, by CAP_IPC_OWNER, can
 * still come between the last look and the removal; memory stays with him until he detaches. Who kills us in between
 * leaves it stale, with the door shut. */
int remove_sysv(struct view *view, const struct ipc *ipc, bool forced)
{
    unsigned mode, shut;
    int64_t use = UNTOLD;
    int id = (int)ipc->number;
    if (forced)
        return remove_id(ipc->space, id);
    int result = look_again(view, ipc, &use);
    if (result == 0) /* of semaphores only who may read them can count who sleeps there */
        result = change_mode(ipc->space, id, ipc->space == SPACE_SEM ? 0400 : 0, &mode);
    if (result < 0)
        return result;
    result = look_again(view, ipc, &use);
    if (result == 0)
        return remove_id(ipc->space, id);
    change_mode(ipc->space, id, mode, &shut);
    return result;
}
