/* Parent and child talk both ways through pipes: the child answers in capitals. It ends because it sees the end of what
 * it reads, and it sees it because nobody has forgotten a copy of the other end. */
#include <kin/pipe.h>
#include <kin/process.h>
#include <ctype.h>
#include <err.h>
#include <string.h>

static int answer_in_capitals(void *context)
{
    const struct kin_pipe *end = context;
    char text[256];
    ssize_t length;
    while ((length = kin_pipe_read(end->reader, text, sizeof text, KIN_FOREVER)) > 0) {
        for (ssize_t i = 0; i < length; i++)
            text[i] = (char)toupper((unsigned char)text[i]);
        if (kin_pipe_write(end->writer, text, (size_t)length, KIN_FOREVER) < length)
            return 1;
    }
    return length < 0; /* 0: the end; the parent has closed its end, or died */
}

int main(void)
{
    static const char *const lines[] = {"who is there?\n", "nobody who would keep a pipe open.\n"};
    struct kin_pipe ends[2]; /* ours and the child's */
    if (kin_pipe_open_pair(NULL, ends) < 0)
        errx(1, "%s", kin_reason());

    kin_process *child;
    const struct kin_fd_map list[] = {{ends[1].reader, ends[1].reader}, {ends[1].writer, ends[1].writer}};
    if (kin_process_fork(answer_in_capitals, &ends[1], KIN_SPAWN(.fds = list, .fd_count = 2), &child) < 0)
        errx(1, "%s", kin_reason());
    kin_pipe_close(&ends[1]); /* the child has its own copies, and only those */

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char answer[64];
        size_t length = strlen(lines[i]);
        if (kin_pipe_write(ends[0].writer, lines[i], length, KIN_FOREVER) < (ssize_t)length ||
            kin_pipe_read_all(ends[0].reader, answer, length, KIN_FOREVER) < (ssize_t)length)
            errx(1, "%s", kin_reason());
        fwrite(answer, 1, length, stdout);
    }

    struct kin_exit how;
    char text[64];
    kin_pipe_close_end(&ends[0].writer);
    if (kin_process_wait(child, 0, KIN_FOREVER, &how) < 0)
        errx(1, "%s", kin_reason());
    printf("the child saw the end, and %s\n", kin_exit_text(&how, text, sizeof text));
    kin_process_close(child);
    kin_pipe_close(&ends[0]);
    return 0;
}
