#include "sys/membarrier.h"
#include "sys/plant.h"
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

bool membarrier_join(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
}

bool membarrier_fence_all(void)
{
    return !PLANTED(NO_MEMBARRIER) && syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0;
}
