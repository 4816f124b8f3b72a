/* The kin command: what its parts share. The tables behind it come from commands.tsv. */
#pragma once
#include "commands.h"
#include <kin/kin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct option_row {
    enum option_id id;
    char letter; /* 0: none */
    const char *name;
    bool argument;
};

/* TIME is printed as a date, in JSON as seconds since 1970; AGE as 5m, in JSON in seconds; SIZE by a letter or, with
 * --bytes, in full. */
enum column_kind { COLUMN_TEXT, COLUMN_NUMBER, COLUMN_DECIMAL, COLUMN_SIZE, COLUMN_TIME, COLUMN_AGE };

struct column {
    const char *name;
    enum column_kind kind;
    bool shown;
};

/* OWN_CMD: the operands are the words of commands, so that options end at the first of them. FLOCK_CMD: the same, and a
 * wrong line is answered with the exit code that flock has for it. */
enum cmd_words { NO_CMD, MAY_CMD, MUST_CMD, OWN_CMD, FLOCK_CMD };

struct command {
    const char *name, *alias, *operands, *summary;
    const struct option_row *options;
    size_t option_count;
    const struct column *columns;
    size_t column_count;
    int operands_least, operands_most; /* most -1: any number */
    enum cmd_words words;
    int (*run)(struct call *call);
    const char *usage;
};

extern const struct command commands[];
extern const size_t command_count;

/* A command as the user gave it. */
struct given {
    enum option_id id;
    char *value;
};
struct call {
    const struct command *command;
    const char *name; /* as it was called: an alias too */
    struct given *given;
    size_t given_count;
    char **operands;
    int operand_count;
    char **cmd; /* the words behind --, or NULL */
};

/* Exit codes. With a CMD its own status, 128+N, 126 or 127 stand beside them. */
enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_TIMEOUT = 3,
    EXIT_WOULD_BLOCK = 4,
    EXIT_NOT_FOUND = 5,
    EXIT_PERMISSION = 6,
    EXIT_RECOVERED = 7,
    EXIT_LAYOUT = 8,
    EXIT_NOT_EXECUTABLE = 126,
    EXIT_NO_COMMAND = 127,
    EXIT_SIGNAL = 128
};

/* parse.c */
const struct command *find_command(char **words, int count, int *used);
int parse(struct call *call, int argc, char **argv);
bool is_given(const struct call *call, enum option_id id);
/* The argument of an option; of the last one when it was given more than once; NULL when it was not given. */
const char *value_of(const struct call *call, enum option_id id);
/* Reads the option's number into *out, which keeps its value when the option was not given. */
int number_of(const struct call *call, enum option_id id, int64_t least, int64_t most, int64_t *out);
int size_of(const struct call *call, enum option_id id, uint64_t *out);
int duration_of(const struct call *call, enum option_id id, int64_t *out);
int mode_of(const struct call *call, unsigned *out);
/* When to stop waiting, by --no-wait, --wait (of `wait` nanoseconds, from now on) or neither. */
kin_time deadline_of(const struct call *call, int64_t wait);
/* Refuses two options together. */
int not_both(const struct call *call, enum option_id one, enum option_id other);

/* text.c: what the user writes, and how it is written back. The readers return false for what is none. */
bool read_number(const char *text, int64_t *out);
bool read_size(const char *text, uint64_t *out);
bool read_duration(const char *text, int64_t *nanoseconds);
char *size_text(uint64_t size, char text[16]);
char *duration_text(int64_t nanoseconds, char text[16]);
/* The word as a shell wants it, behind "-- " when it looks like an option. Valid until the next call. */
const char *shell_word(const char *word);

/* report.c: every message to the user, and every exit code. */
__attribute__((format(printf, 2, 3))) void complain(const struct call *call, const char *format, ...);
__attribute__((format(printf, 2, 3))) int usage_error(const struct call *call, const char *format, ...);
/* The exit code of a result of kin. */
int exit_code(int result);
int exit_code_of(const struct kin_exit *how);
/* Prints kin's reason for the result, and returns its exit code. */
int failed(const struct call *call, int result);
int no_memory(const struct call *call);
/* The same for what may have come too late; `what` is a sentence without "in time", as "no message in \"jobs\"". */
int not_in_time(const struct call *call, int result, const char *what);
bool colors_wanted(FILE *stream);

/* open.c: the domain and its objects, with the line that would make what is missing. */
int open_domain(const struct call *call, kin_domain **out);
int open_queue(const struct call *call, kin_domain *domain, const char *name, kin_queue **out);
int open_topic(const struct call *call, kin_domain *domain, const char *name, kin_topic **out);
int no_such_object(const struct call *call, kin_domain *domain, const char *kind, const char *name);

/* remove_ipc.c: whether logind deletes what a user made, when he logs out. */
struct remove_ipc {
    bool on;          /* by its configuration; on is the default */
    bool concerns_us; /* on, logind looks after this user, and he is an ordinary one */
    char where[256];  /* the file that says so; empty: the default */
};
void find_remove_ipc(struct remove_ipc *out);
