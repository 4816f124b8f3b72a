#include "process/process.h"
#include "sys/clock.h"
#include "sys/pidfd.h"
#include "sys/reason.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A stop or a continuation shows on no descriptor: it is looked for again after these times, each double the last. */
#define FIRST_NAP (MILLISECOND / 4)
#define LONGEST_NAP (32 * MILLISECOND)
/* An ended child that a debugger still holds is looked for as often as that. */

static int64_t nanoseconds(long seconds, long microseconds)
{
    return seconds * SECOND + microseconds * INT64_C(1000);
}
