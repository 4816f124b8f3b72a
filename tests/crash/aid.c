#include "aid.h"
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int end_of(pid_t child, int milliseconds)
{
    int status = -1;
    for (int i = 0; i < milliseconds; i++) {
        if (waitpid(child, &status, WNOHANG) == child)
            return status;
        usleep(1000);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return -1;
}

int ends(pid_t child, int milliseconds)
{
    return end_of(child, milliseconds) == 0 ? 0 : -1;
}

void until_state(pid_t child, char wanted)
{
    char path[64], text[256], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
    while (state != wanted) {
        int fd = open(path, O_RDONLY);
        ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
        close(fd);
        if (length <= 0)
            return;
        text[length] = 0;
        state = strrchr(text, ')')[2];
        usleep(500);
    }
}

int remove_directory(const char *path)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", path);
    return system(command) == 0 ? 0 : -1;
}

uint64_t sweep_seed(void)
{
    const char *seed = getenv("KIN_SEED");
    return seed ? strtoull(seed, NULL, 0) : 0;
}

uint64_t sweep_limit(uint64_t moments)
{
    return getenv("KIN_LONG") ? 0 : moments;
}

static unsigned told, failed;

bool tap_begin(void)
{
    const char *reason;
    if (kin_crash_available(&reason))
        return true;
    printf("1..0 # SKIP %s\n", reason);
    return false;
}

bool tap_wants(const char *word, const char *name)
{
    return !word || strstr(name, word);
}

static void tell(bool good, const char *format, va_list list)
{
    failed += !good;
    printf("%s %u - ", good ? "ok" : "not ok", ++told);
    vprintf(format, list);
    putchar('\n');
}

void tap_case(bool good, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    tell(good, format, list);
    va_end(list);
    fflush(stdout);
}

void tap_sweep(bool good, const char *name, const struct kin_crash_result *result, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    tell(good, format, list);
    va_end(list);
    printf("# ");
    kin_crash_print(stdout, name, result);
    fflush(stdout);
}

void tap_skip(const char *name, const char *reason)
{
    printf("ok %u - %s # SKIP %s\n", ++told, name, reason);
}

int tap_end(void)
{
    printf("1..%u\n", told);
    return told == 0 ? TAP_FAILED + 1 : failed ? TAP_FAILED : 0;
}
