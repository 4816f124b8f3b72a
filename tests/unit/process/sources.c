#include "sources.h"
#include <poll.h>

kin_signals *source(const int *signals)
{
    kin_signals *made;
    check_is(kin_signals_open(signals, &made), 0);
    return made;
}

struct kin_signal next(kin_signals *signals)
{
    struct kin_signal event;
    check_is(kin_signals_next(signals, kin_after(TEST_HANG * 1000 * MILLISECONDS), &event), 0);
    return event;
}

void nothing_left(kin_signals *signals)
{
    struct kin_signal event;
    check_is(readable(kin_signals_fd(signals)), 0);
    check_is(kin_signals_next(signals, KIN_NOW, &event), -ETIMEDOUT);
}

int readable(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, 0);
}

bool is_blocked(int signal)
{
    sigset_t mask;
    kin_mask_save(&mask);
    return sigismember(&mask, signal) == 1;
}

static bool sleeps(pid_t process)
{
    char path[64], state = '?';
    snprintf(path, sizeof path, "/proc/%d/stat", process);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = '?';
    if (file)
        fclose(file);
    return state == 'S';
}

void asleep(pid_t process)
{
    test_until(sleeps(process));
}
