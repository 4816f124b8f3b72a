/* Processes that are not related meet at a FIFO. Many may write, and each record arrives in one piece.
 *
 *     08-fifo serve PATH COUNT &      makes it, and prints COUNT records
 *     08-fifo send PATH COUNT TEXT    sends COUNT records */
#include <kin/fifo.h>
#include <kin/pipe.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* All records are of one size; up to PIPE_BUF bytes they never mix. */
struct record {
    int sender, number;
    char text[1016];
};

static int serve(const char *path, int count)
{
    struct record record;
    int fifo, result = kin_fifo_make(path, 0600);
    if ((result < 0 && result != -EEXIST) || kin_fifo_open(path, KIN_FIFO_SERVE, KIN_NOW, &fifo) < 0)
        errx(1, "%s", kin_reason());
    for (int i = 0; i < count; i++) {
        if (kin_pipe_read_all(fifo, &record, sizeof record, KIN_FOREVER) != sizeof record)
            errx(1, "%s", kin_reason());
        printf("%d %d %.*s\n", record.sender, record.number, (int)sizeof record.text, record.text);
    }
    unlink(path);
    kin_pipe_close_end(&fifo);
    return 0;
}

static int send(const char *path, int count, const char *text)
{
    struct record record = {.sender = (int)getpid()};
    int fifo;
    strncpy(record.text, text, sizeof record.text - 1);
    /* open() would wait for ever when there is no server. */
    if (kin_fifo_open(path, KIN_FIFO_WRITE, kin_after(INT64_C(5000000000)), &fifo) < 0)
        errx(1, "%s", kin_reason());
    for (record.number = 1; record.number <= count; record.number++)
        if (kin_pipe_write_record(fifo, &record, sizeof record, KIN_FOREVER) < 0)
            errx(1, "%s", kin_reason());
    kin_pipe_close_end(&fifo);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "serve") == 0)
        return serve(argv[2], atoi(argv[3]));
    if (argc == 5 && strcmp(argv[1], "send") == 0)
        return send(argv[2], atoi(argv[3]), argv[4]);
    errx(2, "usage: 08-fifo serve PATH COUNT, or 08-fifo send PATH COUNT TEXT");
}
