#include "common/contestant.h"
#include "limit/limit.h"

int main(int argc, char **argv)
{
    static const struct contestant contestants[] = {
        {.name = "line", .transport = &line_transport},   {.name = "ring", .transport = &ring_transport},
        {.name = "mpmc", .transport = &mpmc_transport},   {.name = "futex", .transport = &futex_transport},
        {.name = "touch", .transport = &touch_transport}, {.name = "cas", .locker = &cas_locker},
        {.name = "classes", .locker = &classes_locker},
        {.name = "vfork", .spawn = vfork_spawn}};
    return contestant_main(argc, argv, contestants, sizeof contestants / sizeof *contestants);
}
