/* Names of signals, both ways, and what they look like in the words for an end. */
#include "sys/reason.h"
#include <ctype.h>
#include <errno.h>
#include <kin/process.h>
#include <kin/signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

char *kin_signal_name(int signal, char *text, size_t size)
{
    const char *name = sigabbrev_np(signal);
    if (name)
        snprintf(text, size, "SIG%s", name);
    else if (signal == SIGRTMIN)
        snprintf(text, size, "SIGRTMIN");
    else if (signal > SIGRTMIN && signal <= SIGRTMAX)
        snprintf(text, size, "SIGRTMIN+%d", signal - SIGRTMIN);
    else
        snprintf(text, size, "signal %d", signal);
    return text;
}

/* Digits only, as a signal has them; -1: no number. */
static int small_number(const char *text)
{
    if (!isdigit((unsigned char)*text) || strlen(text) > 3 || text[strspn(text, "0123456789")])
        return -1;
    return atoi(text);
}

/* "RTMIN", "RTMIN+3", "RTMAX-1"; -1: none of these. */
static int real_time(const char *name)
{
    static const struct {
        const char *name;
        int sign;
    } ends[] = {{"RTMIN", 1}, {"RTMAX", -1}};
    for (size_t i = 0; i < 2; i++) {
        const char *rest = name + 5;
        if (strncasecmp(name, ends[i].name, 5) != 0)
            continue;
        int distance = *rest == (ends[i].sign > 0 ? '+' : '-') ? small_number(rest + 1) : *rest ? -1 : 0;
        int signal = ends[i].sign > 0 ? SIGRTMIN + distance : SIGRTMAX - distance;
        return distance >= 0 && signal >= SIGRTMIN && signal <= SIGRTMAX ? signal : -1;
    }
    return -1;
}

static int standard(const char *name)
{
    static const struct {
        const char *name;
        int signal;
    } also[] = {{"IOT", SIGABRT}, {"CLD", SIGCHLD}, {"IO", SIGIO}, {"POLL", SIGIO}};
    for (int signal = 1; signal < SIGRTMIN; signal++)
        if (sigabbrev_np(signal) && strcasecmp(sigabbrev_np(signal), name) == 0)
            return signal;
    for (size_t i = 0; i < sizeof also / sizeof *also; i++)
        if (strcasecmp(also[i].name, name) == 0)
            return also[i].signal;
    return -1;
}

int kin_signal_number(const char *name)
{
    const char *bare = strncasecmp(name, "SIG", 3) == 0 ? name + 3 : name;
    int signal = small_number(name);
    if (signal < 0 && !isdigit((unsigned char)*name))
        signal = real_time(bare);
    if (signal < 0)
        signal = standard(bare);
    if (signal < 0 || signal > SIGRTMAX)
        return reason(-EINVAL, "there is no signal \"%s\"; give one as TERM, SIGTERM, 15 or RTMIN+3, up to %d", name,
                      SIGRTMAX);
    return signal;
}

char *kin_exit_text(const struct kin_exit *how, char *text, size_t size)
{
    char name[32];
    switch (how->kind) {
    case KIN_EXITED:
        snprintf(text, size, "exited with %d", how->status);
        break;
    case KIN_KILLED:
        snprintf(text, size, "killed by %s", kin_signal_name(how->status, name, sizeof name));
        break;
    case KIN_DUMPED:
        snprintf(text, size, "killed by %s (core dumped)", kin_signal_name(how->status, name, sizeof name));
        break;
    case KIN_STOPPED:
        snprintf(text, size, "stopped by %s", kin_signal_name(how->status, name, sizeof name));
        break;
    case KIN_CONTINUED:
        snprintf(text, size, "continued");
        break;
    case KIN_ENDED:
        snprintf(text, size, "ended; how is not known");
        break;
    default:
        snprintf(text, size, "in an unknown state");
    }
    return text;
}
