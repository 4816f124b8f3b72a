/* Real-time signals are queued, each with its value; a pending standard signal swallows the next of its kind. */
#include <kin/process.h>
#include <kin/signal.h>
#include <err.h>
#include <stdio.h>
#include <unistd.h>

static void send(kin_process *process, int signal, int value)
{
    char name[32];
    if (kin_process_queue(process, signal, value) < 0)
        errx(1, "%s", kin_reason()); /* -EAGAIN: the queue is full */
    printf("sent %s with %d\n", kin_signal_name(signal, name, sizeof name), value);
}

int main(void)
{
    kin_signals *signals;
    kin_process *self;
    struct kin_signal event;
    char name[32];

    /* Any process that may be signalled will do: kin_process_open() takes its number and, against a number that was
     * given on, its start time. */
    if (kin_signals_open(KIN_SIGNALS(SIGUSR1, SIGRTMIN, SIGRTMIN + 1), &signals) < 0 ||
        kin_process_open(getpid(), 0, 0, &self) < 0)
        errx(1, "%s", kin_reason());
    for (int i = 1; i <= 2; i++) {
        send(self, SIGRTMIN + 1, 10 + i);
        send(self, SIGRTMIN, 20 + i);
        send(self, SIGUSR1, 30 + i);
    }
    while (kin_signals_next(signals, KIN_NOW, &event) == 0)
        printf("got %s with %d\n", kin_signal_name(event.signal, name, sizeof name), event.value);
    kin_process_close(self);
    kin_signals_close(signals);
    return 0;
}
