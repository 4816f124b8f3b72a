#include "sync.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define FENCED_READS 256u /* as in src/sync/rwlock.c */

kin_segment *segment;
struct room *room;

static int set_up(void *context, kin_segment *made)
{
    struct room *new = kin_segment_data(made);
    (void)context;
    OK(kin_lock_init(made, &new->lock));
    OK(kin_rwlock_init(made, &new->rwlock));
    OK(kin_condition_init(made, &new->condition));
    OK(kin_barrier_init(made, &new->one, 1));
    OK(kin_barrier_init(made, &new->two, 2));
    OK(kin_latch_init(made, &new->latch, 2));
    OK(kin_once_init(made, &new->once));
    return 0;
}

int room_open(const char *path)
{
    kin_domain *domain;
    kin_segment_close(segment);
    segment = NULL;
    setenv("KIN_DOMAIN", path, 1);
    OK(kin_domain_open(path, NULL, &domain));
    int result =
        kin_segment_open(domain, "room", KIN_SEGMENT(.bytes = sizeof(struct room), .setup = set_up), &segment);
    kin_domain_close(domain);
    OK(result);
    room = kin_segment_data(segment);
    return 0;
}

int room_build(const char *path, int (*act)(void), bool dies)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        int result = room_open(path) < 0 || (act && act() < 0);
        if (dies && !result)
            raise(SIGKILL);
        exit(result);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return kin_crash_fail("cannot run the builder");
    if (dies ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return kin_crash_fail("the builder failed");
}

int nothing(void)
{
    return 0;
}

int read_lock(void)
{
    OK(kin_rwlock_acquire_read(segment, &room->rwlock, KIN_NOW));
    return 0;
}

int release(void)
{
    OK(kin_rwlock_release(segment, &room->rwlock));
    return 0;
}

int read_and_release(void)
{
    return read_lock() < 0 ? -1 : release();
}

int nearly_often(void)
{
    for (unsigned i = 1; i < FENCED_READS; i++)
        if (read_and_release() < 0)
            return -1;
    return 0;
}

int read_often(void)
{
    return nearly_often() < 0 ? -1 : read_and_release();
}

static int change(void)
{
    room->left++;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    room->right++;
    return 0;
}

int write_lock(void)
{
    OK(kin_rwlock_acquire_write(segment, &room->rwlock, KIN_NOW));
    return 0;
}

int write_half(void)
{
    if (write_lock() < 0)
        return -1;
    room->left++;
    return 0;
}

int write_and_release(void)
{
    OK(kin_rwlock_acquire_write(segment, &room->rwlock, KIN_NOW));
    room->right = room->left; /* repaired, if need be */
    change();
    return release();
}

int upgrade(void)
{
    OK(kin_rwlock_upgrade(segment, &room->rwlock, KIN_NOW));
    change();
    return release();
}

int upgrade_from_read(void)
{
    return read_lock() < 0 ? -1 : upgrade();
}

int downgrade(void)
{
    change();
    OK(kin_rwlock_downgrade(segment, &room->rwlock));
    return release();
}
