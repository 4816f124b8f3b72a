#include "lock.h"
#include "table.h"
#include <errno.h>
#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

struct holders {
    unsigned flags; /* what was asked for */
    struct kin_filelock_holder first;
    int count;
};

static int note(void *context, const struct kin_filelock_holder *holder)
{
    struct holders *holders = context;
    bool in_the_way = !(holders->flags & holder->flags & KIN_FILELOCK_SHARED);
    if (in_the_way && holder->pid != getpid() && holders->count++ == 0)
        holders->first = *holder;
    return 0;
}

void complain_of_holders(const struct call *call, const char *what, int fd, const struct kin_filelock_options *how)
{
    struct holders holders = {.flags = how->flags};
    char more[32] = "";
    int result = kin_filelock_each_holder(fd, how, note, &holders);
    const struct kin_filelock_holder *first = &holders.first;
    if (holders.count > 1)
        snprintf(more, sizeof more, " and %d more", holders.count - 1);
    if (result < 0 || holders.count == 0)
        complain(call, "%s is locked; by whom was not to be found", what);
    else if (first->pid == 0)
        complain(call, "%s is locked by a process that cannot be seen from here", what);
    else if (!first->alive)
        complain(call, "%s is locked by heirs of process %d, which has ended", what, (int)first->pid);
    else
        complain(call, "%s is locked by process %d (%s)%s", what, (int)first->pid, first->command, more);
}

static int add_holder(void *context, const struct kin_filelock_holder *holder)
{
    struct table *table = context;
    table_row(table);
    if (holder->pid)
        table_number(table, LOCK_PID, holder->pid);
    table_text(table, LOCK_ALIVE, holder->alive > 0 ? "yes" : holder->alive == 0 ? "dead" : "unknown");
    table_text(table, LOCK_HOW, holder->flags & KIN_FILELOCK_SHARED ? "shared" : "exclusive");
    table_text(table, LOCK_KIND,
               holder->flags & KIN_FILELOCK_FLOCK ? "flock" : holder->flags & KIN_FILELOCK_POSIX ? "posix" : "ofd");
    table_number(table, LOCK_OFFSET, (int64_t)holder->offset);
    if (holder->length)
        table_number(table, LOCK_LENGTH, (int64_t)holder->length);
    table_text(table, LOCK_COMMAND, holder->command);
    return 0;
}

int lock_who(struct call *call)
{
    int code;
    if (call->operand_count != 1 || is_given(call, OPTION_NAME))
        return usage_error(call, "--who takes one file; who holds a lock by name tells: kin who NAME");
    int fd = open(call->operands[0], O_PATH | O_CLOEXEC);
    if (fd < 0) {
        complain(call, "cannot open \"%s\": %m", call->operands[0]);
        return EX_NOINPUT;
    }
    struct table *table = table_new(call, "holders", &code);
    if (!table)
        return code;
    int result = kin_filelock_each_holder(fd, KIN_FILELOCK(.flags = KIN_FILELOCK_FLOCK), add_holder, table);
    if (result == 0)
        result = kin_filelock_each_holder(fd, NULL, add_holder, table);
    close(fd);
    return table_end(table, result < 0 ? failed(call, result) : EXIT_OK);
}
