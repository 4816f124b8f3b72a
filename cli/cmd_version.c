#include "command.h"

int cmd_version(struct call *call)
{
    (void)call;
    puts("kin " KIN_VERSION);
    return EXIT_OK;
}
