#include "work.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* How long CMD has to end when we are told to. */
#define PATIENCE INT64_C(5000000000)

void work_variable(const char *name, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    setenv(name, text, 1);
}

/* A file in memory: CMD reads at its own pace, or not at all, and nobody waits. */
static int data_as_file(const struct work *work)
{
    int file = memfd_create("kin-message", MFD_CLOEXEC);
    const char *data = work->data;
    uint64_t left = work->length;
    while (file >= 0 && left > 0) {
        ssize_t written = write(file, data, left);
        if (written < 0 && errno != EINTR)
            break;
        data += written > 0 ? written : 0;
        left -= written > 0 ? (uint64_t)written : 0;
    }
    if (file >= 0 && left == 0 && lseek(file, 0, SEEK_SET) == 0)
        return file;
    complain(work->call, "cannot hand the message over: %m");
    if (file >= 0)
        close(file);
    return -1;
}

static bool open_capture(const struct work *work)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        complain(work->call, "cannot make a pipe: %m");
        return false;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *work->capture = (struct capture){.ours = ends[0], .theirs = ends[1], .most = work->most};
    return true;
}

void capture_free(struct capture *capture)
{
    if (capture->ours >= 0)
        close(capture->ours);
    free(capture->data);
}

int run_work(const struct work *work, struct run_end *end)
{
    struct kin_fd_map map[2] = {{.to = STDIN_FILENO, .from = data_as_file(work)}};
    if (map[0].from < 0)
        return EXIT_FAILED;
    if (work->capture && !open_capture(work)) {
        close(map[0].from);
        return EXIT_FAILED;
    }
    if (work->capture)
        map[1] = (struct kin_fd_map){.to = STDOUT_FILENO, .from = work->capture->theirs};
    const struct run run = {
        .call = work->call,
        .spawn = *KIN_SPAWN(.flags = KIN_SPAWN_GROUP | KIN_SPAWN_LIFELINE | KIN_SPAWN_KEEP_IGNORED, .fds = map,
                            .fd_count = work->capture ? 2 : 1),
        .kill_after = PATIENCE,
        .guard = work->guard,
        .capture = work->capture,
    };
    int code = run_cmd(&run, end);
    close(map[0].from);
    return code;
}
