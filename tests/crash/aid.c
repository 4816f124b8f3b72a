#include "aid.h"
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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

pid_t start_process(uint64_t planted, int (*run)(void))
{
    fflush(NULL);
    pid_t child = fork();
    if (child != 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    kin_planted |= planted;
    exit(run() != 0);
}

void until_state(pid_t child, char wanted)
{
    char path[64], text[256], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
    while (state != wanted && state != 'Z') {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
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

static int in_fresh_domain(int (*scenario)(int patience), int patience)
{
    char path[] = "/dev/shm/kin-bite-XXXXXX";
    if (!mkdtemp(path) || setenv("KIN_DOMAIN", path, 1) < 0)
        return -2;
    int result = scenario(patience);
    return remove_directory(path) == 0 ? result : -2;
}

void tap_bite(enum plant plant, const char *name, int (*scenario)(int patience))
{
    tap_case(in_fresh_domain(scenario, HANG) == 0, "sound: %s", name);
    kin_planted = PLANT_BIT(plant);
    bool caught = in_fresh_domain(scenario, SILENT) != 0;
    kin_planted = 0;
    tap_case(caught, "caught: %s", name);
}

int pass_baton(int (*sleep)(void), int (*give)(void), int patience)
{
    pid_t first = start_process(PLANT_BIT(PLANT_STOP_WOKEN), sleep);
    until_state(first, 'S');
    pid_t second = start_process(0, sleep);
    until_state(second, 'S');
    int result = ends(start_process(0, give), HANG);
    until_state(first, 'T');
    result += ends(start_process(0, give), HANG);
    kill(first, SIGCONT);
    return ends(first, patience) + ends(second, patience) + result;
}

int give_before_sleep(int (*sleep)(void), int (*give)(void), int patience)
{
    pid_t sleeper = start_process(PLANT_BIT(PLANT_STOP_AWAKE), sleep);
    until_state(sleeper, 'T');
    int result = ends(start_process(0, give), HANG);
    kill(sleeper, SIGCONT);
    return ends(sleeper, patience) + result;
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
