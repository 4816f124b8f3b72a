/* kin record QUEUE FILE: each message is taken, written to the file, and then done, so whoever kills us loses none.
 *
 * Killed between the two, we leave a message that is in the file and goes back to the queue. It is the file's last one,
 * and who goes on with the file knows it again: so none is written twice. A half-written line at the end belongs to a
 * message that is still in the queue; it is cut off before anything is appended. */
#include "command.h"
#include "message.h"
#include "recording.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct recorder {
    const struct call *call;
    const char *path;
    int file;
    off_t end; /* of what is whole in the file */
    FILE *out;
    kin_queue *queue, *tee;
    uint64_t inode;     /* of the queue */
    struct record last; /* in the file, when we came */
};

/* Where the last line ends, and where it begins. */
static void find_last_line(int file, off_t length, off_t *begin, off_t *end)
{
    char block[65536];
    *begin = *end = -1;
    for (off_t place = length; place > 0 && *begin < 0;) {
        size_t size = place < (off_t)sizeof block ? (size_t)place : sizeof block;
        place -= (off_t)size;
        if (pread(file, block, size, place) != (ssize_t)size)
            break;
        for (size_t i = size; i-- > 0 && *begin < 0;)
            if (block[i] == '\n' && *end < 0)
                *end = place + (off_t)i + 1;
            else if (block[i] == '\n')
                *begin = place + (off_t)i + 1;
    }
    *end = *end < 0 ? 0 : *end;
    *begin = *begin < 0 ? 0 : *begin;
}

static int read_last(struct recorder *recorder, off_t begin)
{
    char problem[200];
    size_t length = (size_t)(recorder->end - begin);
    char *line = malloc(length + 1);
    if (!line)
        return no_memory(recorder->call);
    bool whole = length == 0 || (pread(recorder->file, line, length, begin) == (ssize_t)length &&
                                 record_read(line, length - 1, &recorder->last, problem));
    free(line);
    if (whole)
        return EXIT_OK;
    complain(recorder->call, "\"%s\" ends with a line that is no record (%s); record to another file", recorder->path,
             problem);
    return EXIT_FAILED;
}

/* What is in the file stays: we go on behind it. */
static int take_up_file(struct recorder *recorder)
{
    const struct call *call = recorder->call;
    struct stat about;
    off_t begin;
    int result = kin_filelock_open(recorder->path, KIN_FILELOCK(.mode = 0600), &recorder->file);
    if (result < 0)
        return failed(call, result);
    if (fstat(recorder->file, &about) < 0 || !S_ISREG(about.st_mode)) {
        complain(call, "\"%s\" is no ordinary file; to print messages use kin recv -f -J", recorder->path);
        return EXIT_FAILED;
    }
    result = kin_filelock_acquire(recorder->file, NULL, KIN_NOW);
    if (result == -ETIMEDOUT || result == -EAGAIN) {
        complain(call, "somebody records to \"%s\" already; who does is told by: kin lock --who %s", recorder->path,
                 shell_word(recorder->path));
        return EXIT_WOULD_BLOCK;
    }
    if (result < 0)
        return failed(call, result);
    find_last_line(recorder->file, about.st_size, &begin, &recorder->end);
    if (recorder->end < about.st_size)
        complain(call,
                 "the last record of \"%s\" was cut off; its message is still in its queue, and the rest of it "
                 "is removed from the file",
                 recorder->path);
    if (ftruncate(recorder->file, recorder->end) < 0 || lseek(recorder->file, recorder->end, SEEK_SET) < 0 ||
        !(recorder->out = fdopen(recorder->file, "w"))) {
        complain(call, "cannot write \"%s\": %m", recorder->path);
        return EXIT_FAILED;
    }
    return read_last(recorder, begin);
}

static bool is_in_file(const struct recorder *recorder, const struct kin_message *message)
{
    const struct record *last = &recorder->last;
    return last->data && last->queue == recorder->inode && last->sequence == message->sequence &&
           last->length == message->length && memcmp(last->data, message->data, message->length) == 0;
}

/* On a full disk nothing of the record stays. */
static int write_record(struct recorder *recorder, const struct kin_message *message)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    print_record(recorder->out, message, &now, recorder->inode);
    if (fflush(recorder->out) == 0) {
        recorder->end = ftello(recorder->out);
        return EXIT_OK;
    }
    complain(recorder->call, "cannot write \"%s\": %m; the message is put back", recorder->path);
    __fpurge(recorder->out);
    if (ftruncate(recorder->file, recorder->end) < 0)
        complain(recorder->call, "and the half record cannot be taken out of it: %m");
    return EXIT_FAILED;
}

/* Gone from the queue, and with --tee in the other one, in one step. */
static int finish(struct recorder *recorder, struct kin_message *message)
{
    struct kin_message copy;
    if (!recorder->tee) {
        int result = kin_queue_done(recorder->queue, message);
        return result < 0 ? failed(recorder->call, result) : EXIT_OK;
    }
    int result = kin_queue_loan(recorder->tee, message->length, KIN_FOREVER, &copy);
    if (result < 0)
        return failed(recorder->call, result);
    memcpy(copy.data, message->data, message->length);
    result = kin_queue_done_and_send(recorder->queue, message, recorder->tee, &copy,
                                     KIN_SEND(.type = message->type, .priority = message->priority));
    if (result < 0)
        kin_queue_release(recorder->tee, &copy);
    return result < 0 ? failed(recorder->call, result) : EXIT_OK;
}

static int record_one(struct recorder *recorder, struct kin_message *message)
{
    int code = is_in_file(recorder, message) ? EXIT_OK : write_record(recorder, message);
    if (code == EXIT_OK)
        code = finish(recorder, message);
    if (code != EXIT_OK)
        kin_queue_put_back(recorder->queue, message);
    return code;
}

static int record(struct recorder *recorder)
{
    const struct call *call = recorder->call;
    int64_t count = INT64_MAX, wait = 0;
    int code = number_of(call, OPTION_COUNT, 1, INT64_MAX, &count);
    if (code == EXIT_OK)
        code = duration_of(call, OPTION_WAIT, &wait);
    for (int64_t number = 0; code == EXIT_OK && number < count; number++) {
        struct kin_message message;
        kin_time until = deadline_of(call, wait);
        int result = kin_queue_take(recorder->queue, NULL, until, &message);
        bool enough = result == -ETIMEDOUT || result == -EAGAIN;
        /* Without -c the end of the messages is no failure. */
        if (enough && !is_given(call, OPTION_COUNT))
            return EXIT_OK;
        if (result < 0)
            return not_in_time(call, result, "no further message");
        code = record_one(recorder, &message);
    }
    return code;
}

static int open_queues(struct recorder *recorder, kin_domain *domain)
{
    const struct call *call = recorder->call;
    const char *tee = value_of(call, OPTION_TEE);
    struct kin_object object;
    struct kin_queue_status from, to;
    int code = open_queue(call, domain, call->operands[0], &recorder->queue);
    if (code == EXIT_OK && tee)
        code = open_queue(call, domain, tee, &recorder->tee);
    if (code != EXIT_OK)
        return code;
    int result = kin_object_find(domain, call->operands[0], &object);
    recorder->inode = object.inode;
    if (result == 0)
        result = kin_queue_status(recorder->queue, &from);
    if (result == 0 && tee)
        result = kin_queue_status(recorder->tee, &to);
    if (result < 0)
        return failed(call, result);
    if (!tee || to.message_max >= from.message_max)
        return EXIT_OK;
    complain(call, "queue \"%s\" takes shorter messages than \"%s\"; make it anew by: kin mk queue --message-max %llu",
             tee, call->operands[0], (unsigned long long)from.message_max);
    return EXIT_FAILED;
}

int cmd_record(struct call *call)
{
    struct recorder recorder = {.call = call, .path = call->operands[1], .file = -1};
    kin_domain *domain;
    int code = not_both(call, OPTION_NO_WAIT, OPTION_WAIT);
    if (code == EXIT_OK)
        code = open_domain(call, &domain);
    if (code != EXIT_OK)
        return code;
    code = open_queues(&recorder, domain);
    if (code == EXIT_OK)
        code = take_up_file(&recorder);
    if (code == EXIT_OK)
        code = record(&recorder);
    if (recorder.out)
        fclose(recorder.out);
    else if (recorder.file >= 0)
        close(recorder.file);
    record_free(&recorder.last);
    kin_queue_close(recorder.queue);
    kin_queue_close(recorder.tee);
    kin_domain_close(domain);
    return code;
}
