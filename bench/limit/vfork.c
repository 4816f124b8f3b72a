/* vfork and exec: no start of a command can be cheaper than its exec. */
#include "limit/limit.h"
#include "common/require.h"
#include "common/resident.h"
#include <sys/wait.h>
#include <unistd.h>

void vfork_spawn(void)
{
    static char *const arguments[] = {(char *)RESIDENT_COMMAND, NULL};
    int status;
    pid_t child = vfork();
    if (child == 0) {
        execve(RESIDENT_COMMAND, arguments, environ);
        _exit(127);
    }
    require(child > 0 && waitpid(child, &status, 0) == child);
    require(status == 0);
}
