/* An event loop with signals, a child and a timer, and no handler. It starts a child, tells of each second that the
 * child runs, ends it on SIGINT or SIGTERM, and tells how it ended. */
#include <kin/kin.h>
#include <err.h>
#include <poll.h>
#include <stdio.h>

int main(void)
{
    kin_signals *signals;
    kin_timer *timer;
    kin_process *child;
    struct kin_exit how;
    char *const sleep[] = {"sleep", "1000000", NULL};
    char text[64], name[32];
    unsigned long long seconds = 0;

    /* The source first: no signal that comes from now on is lost. The child begins with nothing blocked anyway. */
    if (kin_signals_open(KIN_SIGNALS(SIGINT, SIGTERM, SIGCHLD), &signals) < 0 ||
        kin_timer_open(kin_after(1000000000), 1000000000, &timer) < 0 || kin_process_spawn(sleep, NULL, &child) < 0)
        errx(1, "%s", kin_reason());
    printf("child %d runs\n", (int)kin_process_pid(child));
    fflush(stdout);

    struct pollfd watched[] = {{kin_signals_fd(signals), POLLIN, 0}, {kin_timer_fd(timer), POLLIN, 0}};
    while (kin_process_wait(child, 0, KIN_NOW, &how) < 0) {
        struct kin_signal event;
        uint64_t count;
        if (poll(watched, 2, -1) < 0)
            err(1, "poll");
        if (kin_timer_wait(timer, KIN_NOW, &count) == 0) {
            seconds += count; /* more than one if we were late */
            printf("%llu s\n", seconds);
        }
        while (kin_signals_next(signals, KIN_NOW, &event) == 0) {
            printf("%s from %d\n", kin_signal_name(event.signal, name, sizeof name), (int)event.pid);
            if (event.signal != SIGCHLD)
                kin_process_signal(child, event.signal);
        }
        fflush(stdout);
    }
    printf("child %s\n", kin_exit_text(&how, text, sizeof text));
    kin_process_close(child);
    kin_timer_close(timer);
    kin_signals_close(signals);
    return 0;
}
