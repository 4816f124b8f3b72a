#include "lease.h"
#include "run.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* How long CMD has to end when we are told to. */
#define PATIENCE INT64_C(5000000000)

static void set_variable(const char *name, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    setenv(name, text, 1);
}

/* A file in memory: CMD reads at its own pace, or not at all, and nobody waits. */
static int message_as_file(const struct call *call, const struct kin_message *message)
{
    int file = memfd_create("kin-message", MFD_CLOEXEC);
    const char *data = message->data;
    uint64_t left = message->length;
    while (file >= 0 && left > 0) {
        ssize_t written = write(file, data, left);
        if (written < 0 && errno != EINTR)
            break;
        data += written > 0 ? written : 0;
        left -= written > 0 ? (uint64_t)written : 0;
    }
    if (file >= 0 && left == 0 && lseek(file, 0, SEEK_SET) == 0)
        return file;
    complain(call, "cannot hand the message over: %m");
    if (file >= 0)
        close(file);
    return -1;
}

static bool open_capture(const struct lease *lease, struct capture *capture)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        complain(lease->call, "cannot make a pipe: %m");
        return false;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *capture = (struct capture){.ours = ends[0], .theirs = ends[1], .most = lease->result_max + 1};
    return true;
}

static int run_on(struct lease *lease, const struct kin_message *message, struct capture *capture, struct run_end *end)
{
    struct kin_fd_map map[2] = {{.to = STDIN_FILENO, .from = message_as_file(lease->call, message)}};
    if (map[0].from < 0)
        return EXIT_FAILED;
    if (lease->results && !open_capture(lease, capture)) {
        close(map[0].from);
        return EXIT_FAILED;
    }
    if (lease->results)
        map[1] = (struct kin_fd_map){.to = STDOUT_FILENO, .from = capture->theirs};
    set_variable("KIN_MESSAGE", (int64_t)message->sequence);
    set_variable("KIN_ATTEMPT", (int64_t)message->attempts + 1);
    set_variable("KIN_TYPE", message->type);
    set_variable("KIN_PRIORITY", message->priority);
    const struct run run = {
        .call = lease->call,
        .spawn = *KIN_SPAWN(.flags = KIN_SPAWN_GROUP | KIN_SPAWN_LIFELINE | KIN_SPAWN_KEEP_IGNORED, .fds = map,
                            .fd_count = lease->results ? 2 : 1),
        .kill_after = PATIENCE,
        .guard = &lease->guard,
        .capture = lease->results ? capture : NULL,
    };
    int code = run_cmd(&run, end);
    close(map[0].from);
    return code;
}

static int too_long(const struct lease *lease)
{
    complain(lease->call,
             "what CMD printed is longer than queue \"%s\" takes, %" PRIu64 " bytes; the message is put back",
             lease->results_name, lease->result_max);
    return EXIT_FAILED;
}

/* Less one final newline, as a shell's $(CMD) takes all of them. */
static int done_with_result(struct lease *lease, struct kin_message *message, struct capture *capture)
{
    uint64_t length = capture->length;
    if (length > 0 && capture->data[length - 1] == '\n')
        length--;
    if (capture->too_long || length > lease->result_max)
        return too_long(lease);
    struct kin_message result;
    int code = kin_queue_loan(lease->results, length, KIN_FOREVER, &result);
    if (code == 0) {
        if (length > 0)
            memcpy(result.data, capture->data, length);
        code = kin_queue_done_and_send(lease->jobs, message, lease->results, &result, NULL);
        if (code < 0)
            kin_queue_release(lease->results, &result);
    }
    return code < 0 ? failed(lease->call, code) : EXIT_OK;
}

static int finish(struct lease *lease, struct kin_message *message, struct capture *capture)
{
    if (lease->results)
        return done_with_result(lease, message, capture);
    int result = kin_queue_done(lease->jobs, message);
    return result < 0 ? failed(lease->call, result) : EXIT_OK;
}

/* What becomes of the message when CMD has ended. A CMD that was told to end, and could still finish with 0, has done
 * its work. */
static int settle(struct lease *lease, struct kin_message *message, struct capture *capture, const struct run_end *end,
                  bool *ended)
{
    int code = exit_code_of(&end->how);
    bool success = code == EXIT_OK;
    if (success)
        code = finish(lease, message, capture);
    else if (capture->too_long)
        code = too_long(lease);
    if (code != EXIT_OK)
        kin_queue_put_back(lease->jobs, message);
    *ended = end->signal || (success && code != EXIT_OK);
    return end->signal ? EXIT_SIGNAL + end->signal : code;
}

int work_on(struct lease *lease, struct kin_message *message, bool *ended)
{
    struct capture capture = {.ours = -1};
    struct run_end end;
    int code = run_on(lease, message, &capture, &end);
    if (code == EXIT_OK) {
        code = settle(lease, message, &capture, &end, ended);
    } else {
        *ended = true;
        kin_queue_put_back(lease->jobs, message);
    }
    if (capture.ours >= 0)
        close(capture.ours);
    free(capture.data);
    return code;
}
