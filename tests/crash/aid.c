#include "aid.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int ends(pid_t child, int milliseconds)
{
    int status = -1;
    for (int i = 0; i < milliseconds; i++) {
        if (waitpid(child, &status, WNOHANG) == child)
            return status == 0 ? 0 : -1;
        usleep(1000);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return -1;
}

int remove_directory(const char *path)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", path);
    return system(command) == 0 ? 0 : -1;
}
