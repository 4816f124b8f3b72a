/* Starts `sort` between two pipes, and a program that does not exist: that is an error of the call, with a sentence. */
#include <kin/process.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    static const char words[] = "pear\napple\nplum\napple\n";
    int input[2], output[2];
    if (pipe2(input, O_CLOEXEC) < 0 || pipe2(output, O_CLOEXEC) < 0)
        err(1, "cannot make a pipe");

    /* The child gets one end of each and nothing else that is open here: it cannot keep a pipe from ending. */
    kin_process *child;
    char *const sort[] = {"sort", "-u", NULL};
    const struct kin_fd_map fds[] = {{.to = 0, .from = input[0]}, {.to = 1, .from = output[1]}};
    if (kin_process_spawn(sort, KIN_SPAWN(.fds = fds, .fd_count = 2), &child) < 0)
        errx(1, "%s", kin_reason());
    close(input[0]);
    close(output[1]);

    if (write(input[1], words, sizeof words - 1) < 0)
        err(1, "cannot write to sort");
    close(input[1]);
    char text[256];
    for (ssize_t length; (length = read(output[0], text, sizeof text)) > 0;)
        fwrite(text, 1, (size_t)length, stdout);

    struct kin_exit how;
    if (kin_process_wait(child, 0, KIN_FOREVER, &how) < 0)
        errx(1, "%s", kin_reason());
    printf("sort %s\n", kin_exit_text(&how, text, sizeof text));
    kin_process_close(child);

    char *const missing[] = {"/no/such/program", NULL};
    if (kin_process_spawn(missing, NULL, &child) < 0)
        printf("%s\n", kin_reason());
    return 0;
}
