/* Masks: what is blocked waits, standard signals once and real-time ones each; two signals cannot be blocked; a child
 * begins with nothing blocked, unless it is told to keep the mask. */
#include <kin/process.h>
#include <kin/signal.h>
#include <err.h>
#include <stdio.h>

static volatile sig_atomic_t handled;

static void count(int signal)
{
    (void)signal;
    handled++; /* a handler may do this, write(), and little else */
}

static void show(const char *when, const sigset_t *mask)
{
    printf("%s: SIGUSR1 %s, SIGRTMIN %s\n", when, sigismember(mask, SIGUSR1) ? "yes" : "no",
           sigismember(mask, SIGRTMIN) ? "yes" : "no");
}

static void child_shows_its_mask(unsigned flags)
{
    char *const argv[] = {"sh", "-c", "exec sed -n 's/SigBlk:.*\\(........\\)$/a child blocks \\1/p' /proc/self/status",
                          NULL};
    kin_process *child;
    if (kin_process_spawn(argv, KIN_SPAWN(.flags = flags), &child) < 0)
        errx(1, "%s", kin_reason());
    kin_process_wait(child, 0, KIN_FOREVER, NULL);
    kin_process_close(child);
}

int main(void)
{
    sigset_t before, pending, mask;
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGUSR1, count);
    signal(SIGRTMIN, count);
    if (kin_mask_block(KIN_SIGNALS(SIGUSR1, SIGRTMIN), &before) < 0)
        errx(1, "%s", kin_reason());
    kin_mask_save(&mask);
    show("blocked", &mask);
    for (int i = 0; i < 3; i++) {
        raise(SIGUSR1);
        raise(SIGRTMIN);
    }
    kin_mask_pending(&pending);
    show("pending", &pending);
    child_shows_its_mask(0);
    child_shows_its_mask(KIN_SPAWN_KEEP_MASK);

    /* Three of each were sent. */
    kin_mask_unblock(KIN_SIGNALS(SIGUSR1), NULL);
    printf("SIGUSR1 came %d time\n", (int)handled);
    handled = 0;
    kin_mask_unblock(KIN_SIGNALS(SIGRTMIN), NULL);
    printf("SIGRTMIN came %d times\n", (int)handled);

    if (kin_mask_block(KIN_SIGNALS(SIGTERM, SIGKILL), NULL) < 0)
        printf("%s\n", kin_reason());
    kin_mask_restore(&before);
    kin_mask_save(&mask);
    show("restored", &mask);
    return 0;
}
