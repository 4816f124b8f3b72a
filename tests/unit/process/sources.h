/* What the tests of signals and timers share. */
#ifndef SOURCES_H
#define SOURCES_H

#include "support.h"
#include <errno.h>
#include <fcntl.h>
#include <kin/kin.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define MILLISECONDS INT64_C(1000000)

/* A source, and its next event; without one it fails after the time of a hang. */
kin_signals *source(const int *signals);
struct kin_signal next(kin_signals *signals);
void nothing_left(kin_signals *signals);

/* 1 or 0: whether poll() shows it readable now. */
int readable(int fd);
bool is_blocked(int signal);
/* Returns when the process sleeps. */
void asleep(pid_t process);

#endif
