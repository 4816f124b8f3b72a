/* fork and exec, which copies the page tables of a large parent; and posix_spawn, which does not. */
#include "kernel/kernel.h"
#include "common/require.h"
#include "common/resident.h"
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

static char *const arguments[] = {(char *)RESIDENT_COMMAND, NULL};

static void see_end(pid_t child)
{
    int status;
    require(child > 0 && waitpid(child, &status, 0) == child);
    require(status == 0);
}

void fork_spawn(void)
{
    pid_t child = fork();
    if (child == 0) {
        execve(RESIDENT_COMMAND, arguments, environ);
        _exit(127);
    }
    see_end(child);
}

void posix_spawn_spawn(void)
{
    pid_t child;
    require(posix_spawn(&child, RESIDENT_COMMAND, NULL, NULL, arguments, environ) == 0);
    see_end(child);
}
