#include "command.h"

static void print_overview(void)
{
    puts("Usage: kin COMMAND [OPTIONS] [OPERANDS]\n\n"
         "Queues, locks and processes that survive the kill -9 of any of their users.\n\nCommands:");
    for (size_t i = 0; i < command_count; i++)
        printf("  %-10s  %s\n", commands[i].name, commands[i].summary);
    puts("\nkin help COMMAND, or kin COMMAND --help, says more; so does man kin.\n"
         "Processes meet in a domain: the directory $KIN_DOMAIN, or else /dev/shm/kin-UID.");
}

int cmd_help(struct call *call)
{
    if (call->operand_count == 0) {
        print_overview();
        return EXIT_OK;
    }
    int used;
    const struct command *command = find_command(call->operands, call->operand_count, &used);
    if (!command || used < call->operand_count)
        return usage_error(NULL, "there is no command \"%s\"", call->operands[command ? used : 0]);
    fputs(command->usage, stdout);
    return EXIT_OK;
}
