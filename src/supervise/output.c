/* What instances print: read from pipes, told line by line, and kept in files that are renamed when they are long.
 *
 * With KIN_SUPERVISE_ADOPT the instance's end of the pipe can be read as well, so that the pipe does not break when the
 * supervisor dies: what is in it waits, and the next supervisor opens it anew by /proc. */
#include "supervise/supervisor.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/reason.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAST_MOST (1024 * 1024) /* of what is left in a pipe when an instance has ended */

static void rotate(struct program *program)
{
    const struct kin_log *log = &program->wish.log;
    char from[4096], to[4096];
    for (uint32_t i = log->keep; i > 0; i--) {
        snprintf(to, sizeof to, "%s.%u", log->path, i);
        if (i > 1)
            snprintf(from, sizeof from, "%s.%u", log->path, i - 1);
        else
            snprintf(from, sizeof from, "%s", log->path);
        rename(from, to);
    }
    journal_close(program);
}

static int journal_open(struct program *program)
{
    struct stat is;
    struct journal *journal = &program->journal;
    if (journal->fd >= 0)
        return 0;
    journal->fd = file_open(program->wish.log.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (journal->fd < 0)
        return -errno;
    journal->bytes = fstat(journal->fd, &is) == 0 && is.st_size > 0 ? (uint64_t)is.st_size : 0;
    return 0;
}

/* All of it, or nothing. */
static int append(struct journal *journal, const char *text, size_t length)
{
    ssize_t written = file_write(journal->fd, text, length);
    int error = written < 0 ? errno : ENOSPC;
    if (written == (ssize_t)length) {
        journal->bytes += length;
        return 0;
    }
    if (written > 0 && ftruncate(journal->fd, (off_t)journal->bytes) < 0)
        journal->bytes += (uint64_t)written;
    return -error;
}

static int write_line(struct program *program, const char *line, size_t length)
{
    struct journal *journal = &program->journal;
    char note[160];
    int result = journal_open(program);
    if (result == 0 && journal->dropped) {
        errno = journal->error;
        int size = snprintf(note, sizeof note, "kin: %llu pieces could not be kept here: %m\n",
                            (unsigned long long)journal->dropped);
        if ((result = append(journal, note, (size_t)size)) == 0)
            journal->dropped = 0;
    }
    return result == 0 ? append(journal, line, length) : result;
}

/* A disk that is full loses lines, and says so when there is room again; it never holds up who prints. */
void journal_write(struct program *program, const char *instance, const char *text, size_t length)
{
    struct journal *journal = &program->journal;
    const struct kin_log *log = &program->wish.log;
    char line[sizeof((struct stream *)0)->line + NAME_BYTES + 8];
    if (!log->path)
        return;
    int begin = snprintf(line, sizeof line, "%s | ", instance);
    memcpy(line + begin, text, length);
    length += (size_t)begin;
    if (line[length - 1] != '\n')
        line[length++] = '\n';
    if (log->bytes_max && journal->bytes > 0 && journal->bytes + length > log->bytes_max)
        rotate(program);
    int result = write_line(program, line, length);
    if (result < 0) {
        journal->error = -result;
        journal->dropped++;
    }
}

void journal_close(struct program *program)
{
    file_close(program->journal.fd);
    program->journal.fd = -1;
    program->journal.bytes = 0;
}

static void give(struct instance *instance, struct stream *stream, size_t length)
{
    const kin_supervisor *self = instance->supervisor;
    struct program *program = instance->program;
    struct kin_supervisor_output output = {
        .instance = instance->name, .error = stream == instance->streams[1], .text = stream->line, .length = length};
    uint64_t dropped = program->journal.dropped;
    if (self->options.output)
        self->options.output(self->options.context, &output);
    journal_write(program, instance->name, stream->line, length);
    if (program->journal.dropped > dropped && dropped == 0) {
        errno = program->journal.error;
        tell_trouble(instance, "what it prints cannot be kept in %s: %m", program->wish.log.path);
    }
    stream->length -= length;
    memmove(stream->line, stream->line + length, stream->length);
}

static void give_lines(struct instance *instance, struct stream *stream)
{
    char *end;
    while ((end = memchr(stream->line, '\n', stream->length)))
        give(instance, stream, (size_t)(end - stream->line) + 1);
    if (stream->length == sizeof stream->line)
        give(instance, stream, stream->length);
}

/* How many bytes have come; 0: the end; a negative errno: -EAGAIN, nothing now. */
static ssize_t read_some(struct instance *instance, struct stream *stream)
{
    ssize_t length =
        pipe_read(stream->source.fd, stream->line + stream->length, sizeof stream->line - stream->length, false);
    if (length > 0) {
        stream->length += (size_t)length;
        give_lines(instance, stream);
    }
    return length;
}

static void stream_close(struct instance *instance, struct stream *stream)
{
    int fd = stream->source.fd;
    source_forget(instance->supervisor, &stream->source);
    file_close(fd);
    file_close(stream->theirs);
    free(stream);
}

static struct stream **stream_of(struct instance *instance, const struct source *source)
{
    return instance->streams[0] && source == &instance->streams[0]->source ? &instance->streams[0]
                                                                           : &instance->streams[1];
}

static void heard(struct source *source)
{
    struct instance *instance = source->owner;
    struct stream **stream = stream_of(instance, source);
    ssize_t length = read_some(instance, *stream);
    if (length == 0 || (length < 0 && length != -EAGAIN && length != -EINTR)) {
        if ((*stream)->length)
            give(instance, *stream, (*stream)->length);
        stream_close(instance, *stream);
        *stream = NULL;
    }
}

static int stream_open(struct instance *instance, int fd, int theirs, struct stream **out)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return reason(-ENOMEM, "%s: no memory to read what it prints", instance->name);
    source_init(&stream->source, heard, instance);
    stream->theirs = theirs;
    int result = source_watch(instance->supervisor, &stream->source, fd, EPOLLIN);
    if (result < 0)
        free(stream);
    else
        *out = stream;
    return result;
}

/* An end of the pipe that can be read too. */
static int both_ways(int end)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", end);
    return file_open(path, O_RDWR | O_CLOEXEC, 0);
}

static int open_pipe(struct instance *instance, struct stream **out)
{
    int ends[2];
    int result = pipe_make(ends);
    if (result < 0) {
        errno = -result;
        return reason(result, "%s: no pipe to read what it prints: %m", instance->name);
    }
    if (instance->supervisor->options.flags & KIN_SUPERVISE_ADOPT) {
        int both = both_ways(ends[1]);
        if (both >= 0) {
            file_close(ends[1]);
            ends[1] = both;
        }
    }
    result = stream_open(instance, ends[0], ends[1], out);
    if (result < 0) {
        file_close(ends[0]);
        file_close(ends[1]);
    }
    return result;
}

int output_open(struct instance *instance)
{
    int result = 0;
    for (int i = 0; i < 2 && result == 0 && instance->program->wish.capture; i++)
        result = open_pipe(instance, &instance->streams[i]);
    return result;
}

void output_started(struct instance *instance)
{
    for (int i = 0; i < 2; i++)
        if (instance->streams[i]) {
            file_close(instance->streams[i]->theirs);
            instance->streams[i]->theirs = -1;
        }
}

/* Nothing if it printed elsewhere, or does not let us look. */
void output_adopt(struct instance *instance)
{
    char path[64];
    struct stat is;
    for (int i = 0; i < 2 && instance->program->wish.capture; i++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)kin_process_pid(instance->process), i + 1);
        int fd =
            stat(path, &is) == 0 && S_ISFIFO(is.st_mode) ? file_open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0) : -1;
        if (fd >= 0 && stream_open(instance, fd, -1, &instance->streams[i]) < 0)
            file_close(fd);
    }
}

/* It has ended: what is left in the pipes is read, unless somebody whom it left behind goes on writing. */
void output_end(struct instance *instance)
{
    for (int i = 0; i < 2; i++) {
        struct stream *stream = instance->streams[i];
        size_t all = 0;
        ssize_t length;
        if (!stream)
            continue;
        while (all < LAST_MOST && (length = read_some(instance, stream)) > 0)
            all += (size_t)length;
        if (stream->length)
            give(instance, stream, stream->length);
        instance->streams[i] = NULL;
        stream_close(instance, stream);
    }
}
