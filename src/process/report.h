/* How a child that does not share its parent's memory tells how its start went: messages on a socket. The first one
 * brings its pidfd, opened by itself, so that it is the right one whoever reaps the child, and however soon. */
#ifndef PROCESS_REPORT_H
#define PROCESS_REPORT_H

#include "process/child.h"

struct report {
    int ours, theirs;
};

/* -ENOSYS: this kernel has no pidfds. */
int report_open(struct report *report);
void report_close_theirs(struct report *report);
void report_close(struct report *report);

/* In the child. The first message. */
int report_self(int end);
/* In the child: what failed; STEP_NONE: nothing, it runs. */
void report_result(int end, const struct failure *failure);

/* The first message of child `pid`, its pidfd. -ESRCH: it was killed before; it is reaped then. */
int report_start(const struct report *report, pid_t pid, int *pidfd);
/* The next message. 1: it has come; 0: none will, the child has ended or executed; or none came in time. */
int report_next(const struct report *report, pid_t pid, int milliseconds, struct failure *failure);

#endif
