#include "common/contestant.h"
#include "kernel/kernel.h"

int main(int argc, char **argv)
{
    static const struct contest_special robust_specials[] = {{"death", mutex_death}, {0}};
    static const struct contest_special descriptor_specials[] = {{"fd-", descriptor_pass}, {0}};
    static const struct contest_special rwlock_specials[] = {{"readers", rwlock_readers}, {0}};
    static const struct contestant contestants[] = {
        {.name = "descriptor", .specials = descriptor_specials},
        {.name = "rwlock", .locker = &read_locker, .specials = rwlock_specials},
        {.name = "sysv", .transport = &sysv_transport},
        {.name = "pipe", .transport = &pipe_transport},
        {.name = "big-pipe", .transport = &big_pipe_transport},
        {.name = "quiet-pipe", .transport = &quiet_pipe_transport, .absent = quiet_pipe_absent},
        {.name = "socket", .transport = &socket_transport},
        {.name = "mqueue", .transport = &mqueue_transport, .absent = mqueue_absent},
        {.name = "semop", .locker = &semop_locker},
        {.name = "shm", .locker = &shm_locker},
        {.name = "robust", .locker = &robust_locker, .specials = robust_specials},
        {.name = "mutex", .locker = &mutex_locker},
        {.name = "semaphore", .locker = &semaphore_locker},
        {.name = "ofd", .locker = &ofd_locker},
        {.name = "flock", .locker = &flock_locker},
        {.name = "flock-command", .spawn = flock_command, .absent = flock_absent},
        {.name = "fork", .spawn = fork_spawn},
        {.name = "posix-spawn", .spawn = posix_spawn_spawn}};
    return contestant_main(argc, argv, contestants, sizeof contestants / sizeof *contestants);
}
