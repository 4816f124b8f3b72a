#include "command.h"
#include "run.h"
#include "table.h"
#include <errno.h>
#include <fcntl.h>
#include <kin/pipeline.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct pipeline {
    const struct call *call;
    char *const **commands; /* the argv of each */
    size_t count;
    kin_process **parts;
    struct kin_exit *ends;
    struct pollfd *watched; /* the parts, then the signals; -1: that part has ended */
    struct table *table;    /* or NULL */
    FILE *statuses;         /* where it goes */
};

/* Cuts the words at each separator. */
static int divide(struct pipeline *pipeline)
{
    const struct call *call = pipeline->call;
    const char *separator = value_of(call, OPTION_SEPARATOR);
    char **begin = call->operands;
    separator = separator ? separator : "--";
    for (char **word = begin;; word++) {
        bool last = !*word;
        if (!last && strcmp(*word, separator) != 0)
            continue;
        if (word == begin)
            return usage_error(call, "command %zu has no words: there is one before and one behind each \"%s\"",
                               pipeline->count + 1, separator);
        *word = NULL;
        pipeline->commands[pipeline->count++] = begin;
        begin = word + 1;
        if (last)
            return EXIT_OK;
    }
}

/* What is printed when all have ended. Standard output is the last command's. */
static int prepare_table(struct pipeline *pipeline)
{
    static const enum option_id asking[] = {OPTION_TABLE, OPTION_STATUS, OPTION_JSON, OPTION_RAW, OPTION_OUTPUT};
    const struct call *call = pipeline->call;
    const char *path = value_of(call, OPTION_STATUS);
    int code = EXIT_OK;
    bool wanted = false;
    for (size_t i = 0; i < sizeof asking / sizeof *asking; i++)
        wanted = wanted || is_given(call, asking[i]);
    if (!wanted)
        return EXIT_OK;
    pipeline->table = table_new(call, "commands", &code);
    if (!pipeline->table)
        return code;
    pipeline->statuses = path ? fopen(path, "we") : stderr;
    if (!pipeline->statuses) {
        complain(call, "cannot open \"%s\": %m", path);
        return exit_code(-errno);
    }
    table_stream(pipeline->table, pipeline->statuses);
    return EXIT_OK;
}

/* Only the commands hold the input and the output: who writes or reads there must learn when they have ended. */
static void let_go_of_input_and_output(void)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    close(nothing);
}

static void signal_all(const struct pipeline *pipeline, int signal)
{
    for (size_t i = 0; i < pipeline->count; i++)
        if (pipeline->watched[i].fd >= 0)
            kin_process_signal(pipeline->parts[i], signal);
}

/* What a terminal sends to our group has reached the commands already. A stopped one would not notice otherwise. */
static void take_signal(const struct pipeline *pipeline)
{
    struct signalfd_siginfo about;
    if (read(pipeline->watched[pipeline->count].fd, &about, sizeof about) != sizeof about ||
        about.ssi_code == SI_KERNEL)
        return;
    signal_all(pipeline, (int)about.ssi_signo);
    signal_all(pipeline, SIGCONT);
}

static void watch(struct pipeline *pipeline)
{
    size_t going = pipeline->count;
    for (size_t i = 0; i < pipeline->count; i++)
        pipeline->watched[i] = (struct pollfd){kin_process_fd(pipeline->parts[i]), POLLIN, 0};
    while (going > 0) {
        if (poll(pipeline->watched, pipeline->count + 1, -1) < 0)
            continue;
        if (pipeline->watched[pipeline->count].revents)
            take_signal(pipeline);
        for (size_t i = 0; i < pipeline->count; i++)
            if (pipeline->watched[i].revents) {
                pipeline->watched[i] = (struct pollfd){.fd = -1};
                going--;
            }
    }
}

static void add_row(struct pipeline *pipeline, size_t number)
{
    const struct kin_exit *how = &pipeline->ends[number];
    struct table *table = pipeline->table;
    char text[1024] = "";
    size_t used = 0;
    table_row(table);
    table_number(table, PIPE_NUMBER, (int64_t)number + 1);
    table_number(table, PIPE_PID, kin_process_pid(pipeline->parts[number]));
    table_number(table, PIPE_STATUS, exit_code_of(how));
    table_text(table, PIPE_HOW, kin_exit_text(how, text, sizeof text));
    for (char *const *word = pipeline->commands[number]; *word && used < sizeof text; word++)
        used += (size_t)snprintf(text + used, sizeof text - used, used ? " %s" : "%s", *word);
    table_text(table, PIPE_COMMAND, text);
    table_decimal(table, PIPE_USER, (double)how->usage.user_time / 1e9, 3);
    table_decimal(table, PIPE_SYSTEM, (double)how->usage.system_time / 1e9, 3);
    table_size(table, PIPE_MEMORY, how->usage.resident_max);
}

/* The status is that of the last command that failed, unless the last one is asked for. */
static int report(struct pipeline *pipeline)
{
    const struct call *call = pipeline->call;
    int failing = kin_pipeline_wait(pipeline->parts, pipeline->count, KIN_FOREVER, pipeline->ends);
    if (failing < 0)
        return failed(call, failing);
    if (failing == 0 || is_given(call, OPTION_LAST))
        failing = (int)pipeline->count;
    int code = EXIT_OK;
    for (size_t i = 0; pipeline->table && i < pipeline->count; i++)
        add_row(pipeline, i);
    if (pipeline->table)
        code = table_end(pipeline->table, EXIT_OK);
    pipeline->table = NULL;
    return code == EXIT_OK ? exit_code_of(&pipeline->ends[failing - 1]) : code;
}

/* The lifeline: whoever kills this process, even by SIGKILL, ends all commands. */
static int run_pipeline(struct pipeline *pipeline)
{
    sigset_t ours, before;
    block_ending_signals(&ours, &before);
    int result = kin_pipeline_spawn(pipeline->commands, pipeline->count,
                                    KIN_SPAWN(.flags = KIN_SPAWN_KEEP_IGNORED | KIN_SPAWN_LIFELINE), pipeline->parts);
    if (result < 0)
        return not_started(pipeline->call, result);
    let_go_of_input_and_output();
    pipeline->watched[pipeline->count] = (struct pollfd){signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK), POLLIN, 0};
    watch(pipeline);
    int code = report(pipeline);
    for (size_t i = 0; i < pipeline->count; i++)
        kin_process_close(pipeline->parts[i]);
    return code;
}

int cmd_pipe(struct call *call)
{
    size_t most = (size_t)call->operand_count + 1;
    struct pipeline pipeline = {
        .call = call,
        .commands = calloc(most, sizeof *pipeline.commands),
        .parts = calloc(most, sizeof *pipeline.parts),
        .ends = calloc(most, sizeof *pipeline.ends),
        .watched = calloc(most, sizeof *pipeline.watched),
    };
    bool room = pipeline.commands && pipeline.parts && pipeline.ends && pipeline.watched;
    int code = room ? divide(&pipeline) : no_memory(call);
    if (code == EXIT_OK)
        code = prepare_table(&pipeline);
    if (code == EXIT_OK)
        code = run_pipeline(&pipeline);
    if (pipeline.table)
        table_end(pipeline.table, EXIT_FAILED);
    if (pipeline.statuses && pipeline.statuses != stderr)
        fclose(pipeline.statuses);
    free(pipeline.commands);
    free(pipeline.parts);
    free(pipeline.ends);
    free(pipeline.watched);
    return code;
}
