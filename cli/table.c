#include "table.h"
#include <errno.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct table {
    const struct call *call;
    struct libscols_table *output;
    struct libscols_column **shown; /* NULL for a column that is not */
    struct libscols_line *line;
    bool json, bytes;
};

/* The columns to show, by their numbers. */
struct choice {
    size_t columns[64];
    size_t count;
};

static void choose_usual(const struct command *command, struct choice *choice)
{
    for (size_t i = 0; i < command->column_count; i++)
        if (command->columns[i].shown)
            choice->columns[choice->count++] = i;
}

static int no_such_column(const struct call *call, const char *name, size_t length)
{
    char names[1024] = "";
    for (size_t i = 0, used = 0; i < call->command->column_count && used < sizeof names; i++)
        used +=
            (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? "," : "", call->command->columns[i].name);
    return usage_error(call, "there is no column \"%.*s\"; there are %s", (int)length, name, names);
}

static int choose_named(const struct call *call, const char *list, struct choice *choice)
{
    const struct command *command = call->command;
    for (;;) {
        size_t length = strcspn(list, ","), i = 0;
        while (i < command->column_count &&
               (strncasecmp(command->columns[i].name, list, length) != 0 || command->columns[i].name[length] != '\0'))
            i++;
        if (i == command->column_count)
            return no_such_column(call, list, length);
        if (choice->count == sizeof choice->columns / sizeof *choice->columns)
            return usage_error(call, "--output names more than %zu columns", choice->count);
        choice->columns[choice->count++] = i;
        list += length;
        if (*list++ != ',')
            return EXIT_OK;
    }
}

static int choose(const struct call *call, struct choice *choice)
{
    const char *list = value_of(call, OPTION_OUTPUT);
    if (!list || *list == '+')
        choose_usual(call->command, choice);
    return list ? choose_named(call, *list == '+' ? list + 1 : list, choice) : EXIT_OK;
}

/* Sizes are numbers in JSON, whatever they look like on a terminal. */
static int add_column(struct table *table, size_t number)
{
    const struct column *column = &table->call->command->columns[number];
    bool time = column->kind == COLUMN_TIME || column->kind == COLUMN_AGE;
    bool text = column->kind == COLUMN_TEXT || (time && !table->json);
    struct libscols_column *added = scols_table_new_column(table->output, column->name, 0, text ? 0 : SCOLS_FL_RIGHT);
    if (!added)
        return -ENOMEM;
    if (!text)
        scols_column_set_json_type(added, SCOLS_JSON_NUMBER);
    table->shown[number] = added;
    return 0;
}

static int set_up(struct table *table, const char *name, const struct choice *choice)
{
    const struct call *call = table->call;
    table->output = scols_new_table();
    table->shown = calloc(call->command->column_count, sizeof *table->shown);
    if (!table->output || !table->shown)
        return -ENOMEM;
    scols_table_set_name(table->output, name);
    scols_table_enable_json(table->output, table->json);
    scols_table_enable_raw(table->output, is_given(call, OPTION_RAW));
    scols_table_enable_noheadings(table->output, is_given(call, OPTION_NO_HEADINGS));
    scols_table_enable_colors(table->output, colors_wanted(stdout));
    int result = 0;
    for (size_t i = 0; result == 0 && i < choice->count; i++)
        if (!table->shown[choice->columns[i]])
            result = add_column(table, choice->columns[i]);
    return result;
}

static void table_free(struct table *table)
{
    scols_unref_table(table->output);
    free(table->shown);
    free(table);
}

struct table *table_new(const struct call *call, const char *name, int *code)
{
    struct choice choice = {.count = 0};
    *code = not_both(call, OPTION_JSON, OPTION_RAW);
    if (*code == EXIT_OK)
        *code = choose(call, &choice);
    if (*code != EXIT_OK)
        return NULL;
    struct table *table = calloc(1, sizeof *table);
    if (table) {
        *table =
            (struct table){.call = call, .json = is_given(call, OPTION_JSON), .bytes = is_given(call, OPTION_BYTES)};
        if (set_up(table, name, &choice) == 0)
            return table;
        table_free(table);
    }
    *code = no_memory(call);
    return NULL;
}

bool table_shows(const struct table *table, size_t column)
{
    return table->shown[column] != NULL;
}

void table_stream(struct table *table, FILE *stream)
{
    scols_table_set_stream(table->output, stream);
    scols_table_enable_colors(table->output, colors_wanted(stream));
}

void table_row(struct table *table)
{
    table->line = scols_table_new_line(table->output, NULL);
}

void table_text(struct table *table, size_t column, const char *text)
{
    if (table->shown[column] && table->line)
        scols_line_set_column_data(table->line, table->shown[column], text);
}

void table_number(struct table *table, size_t column, int64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)number);
    table_text(table, column, text);
}

void table_decimal(struct table *table, size_t column, double number, int digits)
{
    char text[64];
    snprintf(text, sizeof text, "%.*f", digits, number);
    table_text(table, column, text);
}

void table_size(struct table *table, size_t column, uint64_t size)
{
    char text[16];
    if (table->json || table->bytes)
        table_number(table, column, (int64_t)size);
    else
        table_text(table, column, size_text(size, text));
}

void table_time(struct table *table, size_t column, int64_t realtime)
{
    char text[64];
    time_t seconds = (time_t)(realtime / 1000000000);
    struct tm local;
    if (table->json) {
        table_decimal(table, column, (double)realtime / 1e9, 3);
    } else if (localtime_r(&seconds, &local)) {
        strftime(text, sizeof text, "%FT%T", &local);
        table_text(table, column, text);
    }
}

void table_age(struct table *table, size_t column, int64_t realtime)
{
    char text[16];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - realtime;
    if (table->json)
        table_decimal(table, column, (double)age / 1e9, 3);
    else
        table_text(table, column, duration_text(age, text));
}

void table_color(struct table *table, size_t column, const char *color)
{
    if (table->shown[column] && table->line)
        scols_cell_set_color(scols_line_get_column_cell(table->line, table->shown[column]), color);
}

int table_end(struct table *table, int code)
{
    if (code == EXIT_OK && scols_print_table(table->output) != 0) {
        complain(table->call, "the table cannot be printed");
        code = EXIT_FAILED;
    }
    table_free(table);
    return code;
}
