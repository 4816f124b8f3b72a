/* Starting a command and seeing its end. */
#include "ours/ours.h"
#include "common/require.h"
#include "common/resident.h"

void process_spawn(void)
{
    static char *const arguments[] = {(char *)RESIDENT_COMMAND, NULL};
    kin_process *process;
    struct kin_exit how;
    must(kin_process_spawn(arguments, NULL, &process));
    must(kin_process_wait(process, 0, KIN_FOREVER, &how));
    require(how.kind == KIN_EXITED && how.status == 0);
    kin_process_close(process);
}
