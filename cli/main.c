/* kin: finds the command and runs it. The commands, one cmd_NAME.c each, are listed in commands.tsv. */
#include "command.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* "kin mk" alone, and names that are none. */
static int no_such_command(const char *word)
{
    char choice[256] = "";
    size_t length = strlen(word), used = 0;
    for (size_t i = 0; i < command_count && used < sizeof choice; i++)
        if (strncmp(commands[i].name, word, length) == 0 && commands[i].name[length] == ' ')
            used +=
                (size_t)snprintf(choice + used, sizeof choice - used, "%skin %s", used ? ", " : "", commands[i].name);
    return used ? usage_error(NULL, "%s what? There are: %s", word, choice)
                : usage_error(NULL, "there is no command \"%s\"", word);
}

/* What was written may still fail on its way: a full disk, a closed pipe. */
static int close_output(int code)
{
    bool broken = ferror(stdout);
    if (fclose(stdout) == 0 && !broken)
        return code;
    complain(NULL, "cannot write to standard output: %m");
    return code == EXIT_OK ? EXIT_FAILED : code;
}

static int run(int argc, char **argv)
{
    int used;
    struct call call = {.command = find_command(argv, argc, &used)};
    if (!call.command)
        return no_such_command(argv[0]);
    call.name = used == 1 ? argv[0] : call.command->name;
    int code = parse(&call, argc - used + 1, argv + used - 1);
    if (code == EXIT_OK && is_given(&call, OPTION_HELP))
        fputs(call.command->usage, stdout);
    else if (code == EXIT_OK)
        code = call.command->run(&call);
    free(call.given);
    return code;
}

int main(int argc, char **argv)
{
    static char help[] = "help", version[] = "version";
    signal(SIGCHLD, SIG_DFL); /* inherited as ignored it would hide how our children end */
    if (argc < 2)
        return usage_error(NULL, "say what to do");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        argv[1] = help;
    else if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        argv[1] = version;
    return close_output(run(argc - 1, argv + 1));
}
