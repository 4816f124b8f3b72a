#include "command.h"
#include <kin/fifo.h>

int cmd_mk_fifo(struct call *call)
{
    unsigned mode = 0600;
    int code = mode_of(call, &mode);
    if (code != EXIT_OK)
        return code;
    int result = kin_fifo_make(call->operands[0], mode);
    return result < 0 ? failed(call, result) : EXIT_OK;
}
