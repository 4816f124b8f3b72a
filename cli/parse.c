/* The command line, read by the tables that commands.tsv gives. */
#include "command.h"
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static bool is_named(const struct command *command, const char *name)
{
    return strcmp(command->name, name) == 0 || (command->alias && strcmp(command->alias, name) == 0);
}

/* Names of two words, as "mk queue", come first. */
const struct command *find_command(char **words, int count, int *used)
{
    for (*used = 2; *used > 0; --*used) {
        char name[64];
        if (*used > count)
            continue;
        snprintf(name, sizeof name, *used == 2 ? "%s %s" : "%s", words[0], words[*used - 1]);
        for (size_t i = 0; i < command_count; i++)
            if (is_named(&commands[i], name))
                return &commands[i];
    }
    return NULL;
}

static const struct option_row *find_option(const struct command *command, int id)
{
    for (size_t i = 0; i < command->option_count; i++)
        if ((int)command->options[i].id == id)
            return &command->options[i];
    return NULL;
}

/* What getopt_long wants to know. Its values are option ids, beyond all letters. */
enum { BEYOND_LETTERS = 256 };

static void getopt_tables(const struct command *command, struct option *names, char *letters)
{
    if (command->words == OWN_CMD || command->words == FLOCK_CMD)
        *letters++ = '+';
    *letters++ = ':';
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option_row *row = &command->options[i];
        names[i] = (struct option){row->name, row->argument, NULL, BEYOND_LETTERS + (int)row->id};
        if (row->letter)
            *letters++ = row->letter;
        if (row->letter && row->argument)
            *letters++ = ':';
    }
    names[command->option_count] = (struct option){0};
    *letters = '\0';
}

static int option_id(const struct command *command, int found)
{
    for (size_t i = 0; i < command->option_count; i++)
        if (command->options[i].letter == found)
            return (int)command->options[i].id;
    return found - BEYOND_LETTERS;
}

static int bad_option(const struct call *call, int found, char **argv)
{
    const char *word = argv[optind - 1];
    if (found == ':')
        return usage_error(call, "%s needs an argument", word);
    if (optopt >= BEYOND_LETTERS)
        return usage_error(call, "%s takes no argument", word);
    if (optopt)
        return usage_error(call, "there is no option -%c", optopt);
    return usage_error(call, "there is no option %s", word);
}

static int parse_options(struct call *call, int argc, char **argv)
{
    struct option names[OPTIONS_IN_ALL + 1];
    char letters[2 * OPTIONS_IN_ALL + 3];
    getopt_tables(call->command, names, letters);
    call->given = calloc((size_t)argc + 1, sizeof *call->given);
    if (!call->given)
        return no_memory(call);
    opterr = 0;
    for (int found; (found = getopt_long(argc, argv, letters, names, NULL)) != -1;) {
        if (found == '?' || found == ':')
            return bad_option(call, found, argv);
        call->given[call->given_count++] = (struct given){(enum option_id)option_id(call->command, found), optarg};
    }
    call->operands = argv + optind;
    call->operand_count = argc - optind;
    return EXIT_OK;
}

static int check_operands(const struct call *call)
{
    const struct command *command = call->command;
    const char *wanted = command->operands;
    for (int i = 0; i < call->operand_count && *wanted; i++)
        wanted += strcspn(wanted, " ") + strspn(wanted + strcspn(wanted, " "), " ");
    if (call->operand_count < command->operands_least)
        return usage_error(call, "%.*s is missing", (int)strcspn(wanted, " "), wanted);
    if (command->operands_most >= 0 && call->operand_count > command->operands_most)
        return usage_error(
            call, command->words ? "\"%s\" is one word too many; CMD comes behind --" : "\"%s\" is one word too many",
            call->operands[command->operands_most]);
    if (command->words == MUST_CMD && !call->cmd)
        return usage_error(call, "CMD is missing; it comes behind --");
    return EXIT_OK;
}

/* In "kin recv -- -odd -- CMD" the first -- only says that the name is no option. */
static void take_odd_name(struct call *call)
{
    if (!call->cmd || call->operand_count > 0 || call->command->operands_least != 1)
        return;
    call->operands = call->cmd++;
    call->operand_count = 1;
    if (*call->cmd && strcmp(*call->cmd, "--") == 0)
        call->cmd++;
    else
        while (call->operands[call->operand_count])
            call->operand_count++;
    if (!*call->cmd || call->operand_count > 1)
        call->cmd = NULL;
}

/* The words of CMD are cut off first, so that their options are not taken for ours. */
int parse(struct call *call, int argc, char **argv)
{
    bool cuts = call->command->words == MAY_CMD || call->command->words == MUST_CMD;
    for (int i = 1; cuts && i < argc; i++)
        if (strcmp(argv[i], "--") == 0) {
            argv[i] = NULL;
            call->cmd = i + 1 < argc ? argv + i + 1 : NULL;
            argc = i;
        }
    int code = parse_options(call, argc, argv);
    take_odd_name(call);
    if (code == EXIT_OK && !is_given(call, OPTION_HELP))
        code = check_operands(call);
    return code;
}

bool is_given(const struct call *call, enum option_id id)
{
    for (size_t i = 0; i < call->given_count; i++)
        if (call->given[i].id == id)
            return true;
    return false;
}

const char *value_of(const struct call *call, enum option_id id)
{
    for (size_t i = call->given_count; i-- > 0;)
        if (call->given[i].id == id)
            return call->given[i].value;
    return NULL;
}

int number_of(const struct call *call, enum option_id id, int64_t least, int64_t most, int64_t *out)
{
    const char *text = value_of(call, id), *name = find_option(call->command, (int)id)->name;
    int64_t number;
    if (!text)
        return EXIT_OK;
    if (!read_number(text, &number))
        return usage_error(call, "--%s: \"%s\" is not a whole number", name, text);
    if (number < least || number > most)
        return usage_error(call, "--%s: %s is out of range; give %lld to %lld", name, text, (long long)least,
                           (long long)most);
    *out = number;
    return EXIT_OK;
}

int size_of(const struct call *call, enum option_id id, uint64_t *out)
{
    const char *text = value_of(call, id), *name = find_option(call->command, (int)id)->name;
    uint64_t size;
    if (!text)
        return EXIT_OK;
    if (!read_size(text, &size) || size == 0)
        return usage_error(call, "--%s: \"%s\" is not a size; give bytes, or as 64K, 16M, 1G", name, text);
    *out = size;
    return EXIT_OK;
}

int duration_of(const struct call *call, enum option_id id, int64_t *out)
{
    const char *text = value_of(call, id), *name = find_option(call->command, (int)id)->name;
    if (text && !read_duration(text, out))
        return usage_error(call, "--%s: \"%s\" is not a duration; give seconds, or as 250ms, 5s, 2m, 1h", name, text);
    return EXIT_OK;
}

int mode_of(const struct call *call, unsigned *out)
{
    const char *text = value_of(call, OPTION_MODE);
    if (!text)
        return EXIT_OK;
    char *end;
    unsigned long mode = strtoul(text, &end, 8);
    if (*text < '0' || *text > '7' || *end || mode == 0 || mode > 01777)
        return usage_error(call, "--mode: \"%s\" is not a mode; give octal digits as 0600", text);
    *out = (unsigned)mode;
    return EXIT_OK;
}

kin_time deadline_of(const struct call *call, int64_t wait)
{
    if (is_given(call, OPTION_NO_WAIT))
        return KIN_NOW;
    return is_given(call, OPTION_WAIT) ? kin_after(wait) : KIN_FOREVER;
}

int not_both(const struct call *call, enum option_id one, enum option_id other)
{
    if (!is_given(call, one) || !is_given(call, other))
        return EXIT_OK;
    return usage_error(call, "--%s and --%s do not go together", find_option(call->command, (int)one)->name,
                       find_option(call->command, (int)other)->name);
}
