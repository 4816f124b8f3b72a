#include "command.h"
#include "recording.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct replay {
    const struct call *call;
    const char *path;
    FILE *file;
    kin_queue *queue;
    double speed;      /* 0: as fast as possible */
    int64_t wait, gap; /* nanoseconds; gap: no pause is longer, as it was recorded */
    kin_time due;
    int64_t before; /* the time of the record before; 0: none */
    unsigned long long line;
};

static int read_speed(const struct call *call, double *out)
{
    const char *text = value_of(call, OPTION_SPEED);
    char *end;
    *out = 1;
    if (!text)
        return EXIT_OK;
    *out = strtod(text, &end);
    if (end == text || *end || !(*out >= 0 && *out < 1e9))
        return usage_error(call, "--speed: \"%s\" is not a speed; give 2 for twice as fast, 0 for no pauses", text);
    return EXIT_OK;
}

static int read_options(struct replay *replay)
{
    const struct call *call = replay->call;
    int code = not_both(call, OPTION_NO_WAIT, OPTION_WAIT);
    if (code == EXIT_OK)
        code = read_speed(call, &replay->speed);
    if (code == EXIT_OK)
        code = duration_of(call, OPTION_WAIT, &replay->wait);
    if (code == EXIT_OK)
        code = duration_of(call, OPTION_GAP, &replay->gap);
    return code;
}

/* The pauses add up from the first message on, so that what sending takes does not. A clock that was set back, or a
 * line without a time, makes no pause. */
static void pause_before(struct replay *replay, const struct record *record)
{
    int64_t gap = record->time && replay->before ? record->time - replay->before : 0;
    if (record->time)
        replay->before = record->time;
    if (gap <= 0 || replay->speed == 0)
        return;
    if (gap > replay->gap)
        gap = replay->gap;
    replay->due += (kin_time)((double)gap / replay->speed);
    struct timespec due = {replay->due / 1000000000, replay->due % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
        ;
}

static int send_record(struct replay *replay, const struct record *record)
{
    const struct call *call = replay->call;
    kin_time until = deadline_of(call, replay->wait);
    int result = kin_queue_send(replay->queue, record->data, record->length,
                                KIN_SEND(.type = record->type, .priority = record->priority), until);
    char what[KIN_NAME_MAX + 4200];
    if (result == 0)
        return EXIT_OK;
    if (result == -EMSGSIZE) {
        complain(call, "%s:%llu: the message is longer than queue \"%s\" takes; this and what follows was not sent",
                 replay->path, replay->line, call->operands[1]);
        return EXIT_FAILED;
    }
    snprintf(what, sizeof what, "%s:%llu: no room in queue \"%s\"", replay->path, replay->line, call->operands[1]);
    return not_in_time(call, result, what);
}

static int replay_line(struct replay *replay, const char *line, size_t length)
{
    char problem[200];
    struct record record;
    replay->line++;
    if (line[length - 1] != '\n') {
        complain(replay->call,
                 "%s:%llu: the last record is cut off, and was not sent: its writer was killed, or had "
                 "no room left",
                 replay->path, replay->line);
        return EXIT_OK;
    }
    if (!record_read(line, length - 1, &record, problem)) {
        complain(replay->call, "%s:%llu: %s; this and what follows was not sent", replay->path, replay->line, problem);
        return EXIT_FAILED;
    }
    pause_before(replay, &record);
    int code = send_record(replay, &record);
    record_free(&record);
    return code;
}

static int replay_file(struct replay *replay)
{
    char *line = NULL;
    size_t room = 0;
    int code = EXIT_OK;
    replay->due = kin_after(1); /* now: 0 would be no moment */
    for (ssize_t length; code == EXIT_OK && (length = getline(&line, &room, replay->file)) > 0;)
        code = replay_line(replay, line, (size_t)length);
    if (code == EXIT_OK && ferror(replay->file)) {
        complain(replay->call, "cannot read \"%s\": %m", replay->path);
        code = EXIT_FAILED;
    }
    free(line);
    return code;
}

static int open_file(struct replay *replay)
{
    if (strcmp(replay->path, "-") == 0) {
        replay->path = "standard input";
        replay->file = stdin;
        return EXIT_OK;
    }
    replay->file = fopen(replay->path, "re");
    if (replay->file)
        return EXIT_OK;
    int result = -errno;
    complain(replay->call, "cannot read \"%s\": %m", replay->path);
    return exit_code(result);
}

int cmd_replay(struct call *call)
{
    struct replay replay = {.call = call, .path = call->operands[0], .gap = INT64_MAX};
    kin_domain *domain;
    int code = read_options(&replay);
    if (code == EXIT_OK)
        code = open_file(&replay);
    if (code != EXIT_OK)
        return code;
    code = open_domain(call, &domain);
    if (code == EXIT_OK) {
        code = open_queue(call, domain, call->operands[1], &replay.queue);
        if (code == EXIT_OK)
            code = replay_file(&replay);
        kin_queue_close(replay.queue);
        kin_domain_close(domain);
    }
    if (replay.file != stdin)
        fclose(replay.file);
    return code;
}
