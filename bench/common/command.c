#include "common/command.h"
#include "common/require.h"
#include "common/resident.h"
#include "common/scratch.h"
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

void command_under_lock(char **words, int count)
{
    char file[64];
    int status;
    pid_t child;
    snprintf(file, sizeof file, "/dev/shm/%s-lock", scratch_name());
    words[count] = file;
    words[count + 1] = (char *)RESIDENT_COMMAND;
    words[count + 2] = NULL;
    require(posix_spawn(&child, words[0], NULL, NULL, words, environ) == 0);
    require(waitpid(child, &status, 0) == child && status == 0);
}
