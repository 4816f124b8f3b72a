#include "ours/ours.h"

int main(int argc, char **argv)
{
    static const struct contestant contestants[] = {
        {.name = "descriptor", .specials = descriptor_specials},
        {.name = "queue", .transport = &queue_transport},   {.name = "loan", .transport = &loan_transport},
        {.name = "channel", .transport = &channel_transport}, {.name = "lock", .locker = &lock_locker},
        {.name = "arena", .locker = &arena_locker},         {.name = "segment", .locker = &segment_locker},
        {.name = "semaphore", .locker = &semaphore_locker},
        {.name = "pipe", .transport = &pipe_transport},
        {.name = "filelock", .locker = &filelock_locker},
        {.name = "lock-command", .spawn = lock_command, .absent = lock_command_absent},
        {.name = "rwlock", .locker = &read_locker, .specials = rwlock_specials},
        {.name = "condition", .specials = condition_specials},
        {.name = "restart", .spawn = supervise_restart},
        {.name = "spawn", .spawn = process_spawn},          {.name = "growth", .specials = growth_specials},
        {.name = "any-1", .transport = &any_1_transport},  {.name = "any-64", .transport = &any_64_transport},
        {.name = "service", .transport = &service_transport},
        {.name = "death", .specials = death_specials}};
    return contestant_main(argc, argv, contestants, sizeof contestants / sizeof *contestants);
}
