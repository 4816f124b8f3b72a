#include "driver/program.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void program_path(const char *name, char *path, size_t size)
{
    char own[512];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    own[length > 0 ? length : 0] = 0;
    char *slash = strrchr(own, '/');
    if (slash)
        *slash = 0;
    snprintf(path, size, "%s/bench-%s", own, name);
}

bool program_exists(const char *name)
{
    char path[600];
    program_path(name, path, sizeof path);
    return access(path, X_OK) == 0;
}

const char *program_package(const char *name)
{
    static const struct { const char *program, *package; } packages[] = {
        {"apr", "libapr1-dev"}, {"boost", "libboost-dev and g++"}, {"qb", "libqb-dev"},
        {"uv", "libuv1-dev"},   {"zmq", "libzmq3-dev"}};
    for (size_t i = 0; i < sizeof packages / sizeof *packages; i++)
        if (strcmp(packages[i].program, name) == 0)
            return packages[i].package;
    return NULL;
}

/* A contestant that learns of our end by SIGTERM tidies up before its own. */
static void become(const char *name, const char *contestant, const char *contest, unsigned milliseconds, int output)
{
    char path[600], time[16];
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    program_path(name, path, sizeof path);
    snprintf(time, sizeof time, "%u", milliseconds);
    dup2(output, STDOUT_FILENO);
    execl(path, path, contestant, contest, time, (char *)NULL);
    _exit(127);
}

bool program_run(const char *name, const char *contestant, const char *contest, unsigned milliseconds,
                 void (*visit)(void *context, const char *line), void *context)
{
    int ends[2], status;
    char line[256];
    if (pipe(ends) < 0)
        return false;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        become(name, contestant, contest, milliseconds, ends[1]);
    close(ends[1]);
    FILE *output = fdopen(ends[0], "r");
    while (child > 0 && output && fgets(line, sizeof line, output)) {
        line[strcspn(line, "\n")] = 0;
        visit(context, line);
    }
    if (output)
        fclose(output);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
