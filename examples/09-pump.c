/* Sends a big text through a command, and reads what it prints: both at once. To write all of it first is a deadlock as
 * soon as both pipes are full: the command waits until somebody reads, and we would not. */
#include <kin/pipe.h>
#include <kin/process.h>
#include <kin/pump.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)
#define LINES 500000

static char *big_text(size_t *length)
{
    char *text = malloc(LINES * 8 + 1);
    if (!text)
        errx(1, "no memory left");
    for (size_t i = 0; i < LINES; i++)
        snprintf(text + 8 * i, 9, "%07zu\n", LINES - i);
    *length = LINES * 8;
    return text;
}

int main(void)
{
    static char *const filter[] = {"sh", "-c", "echo begins >&2; tr 0-9 a-j; echo ends >&2", NULL};
    struct kin_pipe input, output, errors;
    if (kin_pipe_open(NULL, &input) < 0 || kin_pipe_open(NULL, &output) < 0 || kin_pipe_open(NULL, &errors) < 0)
        errx(1, "%s", kin_reason());
    kin_process *child;
    const struct kin_fd_map fds[] = {{0, input.reader}, {1, output.writer}, {2, errors.writer}};
    if (kin_process_spawn(filter, KIN_SPAWN(.fds = fds, .fd_count = 3), &child) < 0)
        errx(1, "%s", kin_reason());
    kin_pipe_close_end(&input.reader);
    kin_pipe_close_end(&output.writer);
    kin_pipe_close_end(&errors.writer);

    size_t length;
    char *text = big_text(&length);
    struct kin_flow flows[] = {KIN_FEED(input.writer, text, length), KIN_COLLECT(output.reader, 0),
                               KIN_COLLECT(errors.reader, 0)};
    if (kin_pump(flows, 3, kin_after(60 * SECOND)) < 0)
        errx(1, "%s", kin_reason());

    struct kin_exit how;
    char words[64];
    kin_process_wait(child, 0, KIN_FOREVER, &how);
    printf("%zu bytes in, %zu bytes out; the last line is %.7s\n", (size_t)flows[0].moved, flows[1].length,
           flows[1].text + flows[1].length - 8);
    printf("it said: %s", flows[2].text);
    printf("it %s\n", kin_exit_text(&how, words, sizeof words));
    kin_process_close(child);
    free(text);
    free(flows[1].text);
    free(flows[2].text);
    return 0;
}
