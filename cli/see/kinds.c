#include "see.h"
#include <string.h>

const struct ipc_kind ipc_kinds[] = {
    {"sysv:msg", "sysv", "System V queue", LOOK_CALLS, SPACE_MSG, list_sysv, judge_sysv, remove_sysv},
    {"sysv:sem", "sysv", "System V semaphore set", LOOK_CALLS, SPACE_SEM, list_sysv, judge_sysv, remove_sysv},
    {"sysv:shm", "sysv", "System V memory", LOOK_MAPS, SPACE_SHM, list_sysv, judge_sysv, remove_sysv},
    {"mq", "posix", "POSIX queue", LOOK_FDS | LOOK_CALLS, SPACE_FILE, list_posix, judge_posix, remove_posix},
    {"sem", "posix", "POSIX semaphore", LOOK_FDS | LOOK_MAPS, SPACE_FILE, list_posix, judge_posix, remove_posix},
    {"shm", "posix", "POSIX memory", LOOK_FDS | LOOK_MAPS, SPACE_FILE, list_posix, judge_posix, remove_posix},
    {"fifo", NULL, "FIFO", LOOK_FDS, SPACE_FILE, NULL, NULL, NULL},
    {"socket", NULL, "Unix socket", LOOK_FDS, SPACE_SOCKET, list_sockets, judge_socket, remove_socket},
    {"filelock", NULL, "locked file", LOOK_FDS, SPACE_LOCKED, list_filelocks, NULL, NULL},
    {"memfd", NULL, "memfd", LOOK_FDS | LOOK_MAPS, SPACE_FILE, NULL, NULL, NULL},
};
const size_t ipc_kind_count = sizeof ipc_kinds / sizeof *ipc_kinds;

unsigned ipc_kinds_of(const char *word)
{
    unsigned set = 0;
    for (size_t i = 0; i < ipc_kind_count; i++)
        if (strcmp(word, ipc_kinds[i].word) == 0 || strcmp(word, "all") == 0 ||
            (ipc_kinds[i].group && strcmp(word, ipc_kinds[i].group) == 0))
            set |= 1U << i;
    return set;
}

const struct ipc_kind *ipc_kind_of_name(const char *word, const char **name)
{
    for (size_t i = 0; i < ipc_kind_count; i++) {
        size_t length = strlen(ipc_kinds[i].word);
        if (strncmp(word, ipc_kinds[i].word, length) != 0 || word[length] != ':')
            continue;
        *name = word + length + 1;
        return &ipc_kinds[i];
    }
    return NULL;
}
