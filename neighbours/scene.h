/* What each of these programs needs: processes that can be killed, memory that they share, and a judge with a clock.
 *
 * A program plays one scene and prints one line: a verdict, a tab, and what was seen. It ends all that it started. */
#ifndef SCENE_H
#define SCENE_H

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Who is not done after this long hangs: what is waited for here takes microseconds. */
#define PATIENCE 5 /* seconds */

#define HANGS "hangs"       /* others wait for ever */
#define TELLS "tells"       /* others go on and are told that somebody died */
#define SILENT "silent"     /* others go on as if nothing had happened */
#define GIVES_BACK "undone" /* what the dead one held is as if he had never had it */
#define WRONG "wrong"       /* others go on, and do harm or fail */

static inline void *share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    return memory;
}

/* Starts a process that plays `part` and ends with what it returns. It calls report(), and heard() waits for that. */
static int reports[2];

static inline pid_t start(int (*part)(void))
{
    if (reports[1] == 0 && pipe(reports) < 0)
        exit(2);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(part());
    }
    return pid;
}

static inline void report(void)
{
    if (write(reports[1], "!", 1) != 1)
        _exit(2);
}

static inline void heard(void)
{
    char byte;
    if (read(reports[0], &byte, 1) != 1)
        exit(2);
}

static inline int end(pid_t pid)
{
    int status = 0;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return status;
}

/* What the process returned; -1: it hangs. It is gone afterwards. */
static inline int outcome(pid_t pid)
{
    int status;
    const struct timespec moment = {0, 1000000};
    for (int i = 0; i < PATIENCE * 1000; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        nanosleep(&moment, NULL);
    }
    end(pid);
    return -1;
}

__attribute__((format(printf, 2, 3))) static inline int tell(const char *verdict, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("%s\t", verdict);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
    return 0;
}

#endif
