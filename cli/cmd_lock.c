/* kin lock as flock(1) takes its words, answers with its exit codes, and locks what it locks. */
#include "lock.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

struct asked {
    struct call *call;
    const char *file; /* NULL: it is the caller's descriptor */
    char what[300];
    int fd, conflict;
    bool unlock;
    struct kin_filelock_options how;
    kin_time until;
};

static const char *seconds_given(const struct call *call)
{
    const char *seconds = value_of(call, OPTION_TIMEOUT);
    return seconds ? seconds : value_of(call, OPTION_WAIT);
}

/* Seconds as flock takes them, or a duration. What no timer can be set to has a code of its own there. */
int lock_deadline(const struct call *call, kin_time *out)
{
    const char *text = seconds_given(call);
    int64_t length = 0;
    char *end;
    double seconds = text ? strtod(text, &end) : 0;
    if (text && end != text && !*end) {
        if (!(seconds >= 0 && seconds < 9e18)) {
            complain(call, "-w: \"%s\" is no time to wait for; give seconds, 0 or more", text);
            return EX_OSERR;
        }
        length = seconds < 9e9 ? (int64_t)(seconds * 1e9) : INT64_MAX;
        length += length == 0 && seconds > 0; /* 0 would be -n */
    } else if (text && !read_duration(text, &length)) {
        return usage_error(call, "-w: \"%s\" is not a duration; give seconds, or as 250ms, 5s, 2m, 1h", text);
    }
    *out = text ? kin_after(length) : KIN_FOREVER;
    if (is_given(call, OPTION_NONBLOCKING) || is_given(call, OPTION_NB))
        *out = KIN_NOW;
    return EXIT_OK;
}

int conflict_code(const struct call *call, int usual, int *out)
{
    int64_t code = usual;
    int result = number_of(call, OPTION_CONFLICT_EXIT_CODE, 0, 255, &code);
    *out = (int)code;
    return result;
}

int lock_cmd(struct call *call, char **words)
{
    static char shell[] = "/bin/sh", option[] = "-c";
    static char *line[4] = {shell, option};
    if (words[0] && words[1] && strcmp(words[0], "--") == 0)
        words++;
    if (words[0] && (strcmp(words[0], "-c") == 0 || strcmp(words[0], "--command") == 0)) {
        if (!words[1] || words[2])
            return usage_error(call, "%s needs one line for the shell, in one word, and nothing behind it", words[0]);
        char *wanted = getenv("SHELL");
        if (wanted && *wanted)
            line[0] = wanted;
        line[2] = words[1];
        words = line;
    }
    call->cmd = words[0] ? words : NULL;
    return EXIT_OK;
}

static int open_file(struct asked *asked)
{
    int result = kin_filelock_open(asked->file, &asked->how, &asked->fd);
    if (result >= 0)
        return EXIT_OK;
    failed(asked->call, result);
    if (result == -ENOMEM || result == -EMFILE || result == -ENFILE)
        return EX_OSERR;
    return result == -EROFS || result == -ENOSPC ? EX_CANTCREAT : EX_NOINPUT;
}

static int read_descriptor(struct asked *asked)
{
    const char *text = asked->call->operands[0];
    int64_t number;
    if (!read_number(text, &number) || number < INT_MIN || number > INT_MAX)
        return usage_error(asked->call, "\"%s\" is no descriptor; a file or directory needs a CMD behind it", text);
    asked->fd = (int)number;
    snprintf(asked->what, sizeof asked->what, "descriptor %d", asked->fd);
    return EXIT_OK;
}

static int read_words(struct asked *asked)
{
    struct call *call = asked->call;
    if (call->operand_count == 0)
        return usage_error(call, "FILE, DIRECTORY or the NUMBER of a descriptor is missing");
    if (is_given(call, OPTION_COMMAND))
        return usage_error(call, "-c comes behind the file: kin lock FILE -c LINE");
    if (is_given(call, OPTION_NO_FORK) && is_given(call, OPTION_CLOSE))
        return usage_error(call, "--no-fork and --close do not go together: nobody would hold the lock");
    asked->how = *KIN_FILELOCK(.flags = KIN_FILELOCK_FLOCK);
    if (!is_given(call, OPTION_CLOSE))
        asked->how.flags |= KIN_FILELOCK_INHERIT;
    for (size_t i = 0; i < call->given_count; i++) { /* the last one holds */
        enum option_id id = call->given[i].id;
        if (id == OPTION_SHARED || id == OPTION_EXCLUSIVE || id == OPTION_UNLOCK) {
            asked->unlock = id == OPTION_UNLOCK;
            asked->how.flags &= ~(unsigned)KIN_FILELOCK_SHARED;
            asked->how.flags |= id == OPTION_SHARED ? KIN_FILELOCK_SHARED : 0;
        }
    }
    int code = conflict_code(call, EXIT_FAILED, &asked->conflict);
    if (code == EXIT_OK)
        code = call->operand_count > 1 ? lock_cmd(call, call->operands + 1) : EXIT_OK;
    if (code == EXIT_OK && call->operand_count == 1)
        return read_descriptor(asked);
    asked->file = call->operands[0];
    snprintf(asked->what, sizeof asked->what, "\"%s\"", asked->file);
    return code;
}

/* Where flock() is made of fcntl()'s locks (NFS), an exclusive one needs a descriptor for writing. */
static int try_for_writing(struct asked *asked)
{
    int fd;
    if (kin_filelock_open(asked->file, KIN_FILELOCK(.flags = asked->how.flags & KIN_FILELOCK_INHERIT), &fd) < 0)
        return -EBADF;
    close(asked->fd);
    asked->fd = fd;
    return kin_filelock_acquire(fd, &asked->how, asked->until);
}

/* *got: the exit code for a lock that others hold may be 0 too. */
static int take(struct asked *asked, bool *got)
{
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    int result = asked->unlock ? kin_filelock_release(asked->fd, &asked->how)
                               : kin_filelock_acquire(asked->fd, &asked->how, asked->until);
    if ((result == -EBADF || result == -EIO) && asked->file && !(asked->how.flags & KIN_FILELOCK_SHARED))
        result = try_for_writing(asked);
    if (result == -ETIMEDOUT) {
        complain_of_holders(asked->call, asked->what, asked->fd, &asked->how);
        return asked->conflict;
    }
    if (result < 0) {
        failed(asked->call, result);
        return result == -ENOLCK || result == -ENOMEM ? EX_OSERR : EX_DATAERR;
    }
    *got = true;
    clock_gettime(CLOCK_MONOTONIC, &after);
    if (is_given(asked->call, OPTION_VERBOSE))
        printf("kin lock: had %s after %.6f seconds\n", asked->what,
               (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9);
    return EXIT_OK;
}

static int not_executed(const struct call *call, int error)
{
    complain(call, "cannot execute %s: %s", call->cmd[0], strerror(error));
    return error == ENOMEM || error == EAGAIN ? EX_OSERR : EX_UNAVAILABLE;
}

/* CMD is ours in all but its number: descriptors, signal mask, what is ignored. */
static int execute(const struct call *call)
{
    struct kin_exit how;
    kin_process *process;
    if (is_given(call, OPTION_VERBOSE))
        printf("kin lock: executing %s\n", call->cmd[0]);
    fflush(stdout);
    if (is_given(call, OPTION_NO_FORK)) {
        execvp(call->cmd[0], call->cmd);
        return not_executed(call, errno);
    }
    unsigned flags = KIN_SPAWN_KEEP_FDS | KIN_SPAWN_KEEP_MASK | KIN_SPAWN_KEEP_IGNORED;
    int result = kin_process_spawn(call->cmd, KIN_SPAWN(.flags = flags), &process);
    if (result < 0)
        return not_executed(call, -result);
    result = kin_process_wait(process, 0, KIN_FOREVER, &how);
    kin_process_close(process);
    return result < 0 ? failed(call, result) : exit_code_of(&how);
}

int cmd_lock(struct call *call)
{
    struct asked asked = {.call = call};
    bool got = false;
    if (is_given(call, OPTION_VERSION))
        return cmd_version(call);
    if (is_given(call, OPTION_WHO))
        return lock_who(call);
    if (is_given(call, OPTION_NAME))
        return lock_by_name(call);
    int code = read_words(&asked);
    if (code == EXIT_OK && asked.file)
        code = open_file(&asked);
    if (code == EXIT_OK)
        code = lock_deadline(call, &asked.until);
    if (code == EXIT_OK)
        code = take(&asked, &got);
    return got && call->cmd ? execute(call) : code;
}
