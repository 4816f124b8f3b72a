/* Every way to execute a program, every way in which it can end or fail to begin, and no zombie afterwards.
 *
 *     exec family              here
 *     l, v                     argv, as of execv()
 *     p                        no '/' in the name: PATH is searched; KIN_SPAWN_NO_PATH: it is not
 *     e                        .environment
 *     exit status 127          an error of kin_process_spawn(), and a sentence */
#include <kin/process.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

static void run(char *const argv[], const struct kin_spawn_options *options)
{
    kin_process *child;
    struct kin_exit how;
    char text[64];
    if (kin_process_spawn(argv, options, &child) < 0) {
        printf("%s\n", kin_reason());
        return;
    }
    if (kin_process_wait(child, 0, KIN_FOREVER, &how) < 0)
        errx(1, "%s", kin_reason());
    printf("%s %s\n", argv[0], kin_exit_text(&how, text, sizeof text));
    kin_process_close(child);
}

/* WNOHANG, WUNTRACED and WCONTINUED: a deadline and two flags. */
static void stop_and_go_on(void)
{
    char *const argv[] = {"sleep", "1000000", NULL};
    kin_process *child;
    struct kin_exit how;
    char text[64];
    if (kin_process_spawn(argv, NULL, &child) < 0)
        errx(1, "%s", kin_reason());
    printf("sleep %s\n", kin_process_wait(child, 0, KIN_NOW, &how) == -ETIMEDOUT ? "runs" : "has ended");
    static const int signals[] = {SIGSTOP, SIGCONT, SIGKILL};
    for (int i = 0; i < 3; i++) {
        kin_process_signal(child, signals[i]);
        kin_process_wait(child, KIN_WAIT_STOPPED | KIN_WAIT_CONTINUED, KIN_FOREVER, &how);
        printf("sleep %s\n", kin_exit_text(&how, text, sizeof text));
    }
    kin_process_close(child);
}

int main(void)
{
    char *const environment[] = {"PATH=/usr/bin:/bin", "WORD=3", NULL};
    setvbuf(stdout, NULL, _IOLBF, 0);
    run((char *const[]){"true", NULL}, NULL);
    run((char *const[]){"sh", "-c", "exit $WORD", NULL}, KIN_SPAWN(.environment = environment));
    run((char *const[]){"sh", "-c", "kill -s TERM $$", NULL}, NULL);
    run((char *const[]){"a name of my own", "-c", "exit 4", NULL}, KIN_SPAWN(.file = "sh"));

    run((char *const[]){"no-such-program", NULL}, NULL);
    run((char *const[]){"true", NULL}, KIN_SPAWN(.flags = KIN_SPAWN_NO_PATH));
    run((char *const[]){"/dev/null", NULL}, NULL);

    stop_and_go_on();
    printf("children left: %s\n", waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? "none" : "some");
    return 0;
}
