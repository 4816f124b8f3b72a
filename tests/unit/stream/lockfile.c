#include "lockfile.h"
#include <stdio.h>
#include <unistd.h>

struct ask {
    void **state;
    unsigned flags;
    uint64_t offset, length;
    int *locked; /* NULL: only try */
};

int lockfile_open(void **state, unsigned flags)
{
    char path[256];
    int fd;
    snprintf(path, sizeof path, "%s/lockfile", (char *)*state);
    check_is(kin_filelock_open(path, KIN_FILELOCK(.flags = flags), &fd), 0);
    return fd;
}

static int ask_for(void *context)
{
    const struct ask *ask = context;
    int fd = lockfile_open(ask->state, ask->flags);
    int result = kin_filelock_acquire(
        fd, KIN_FILELOCK(.flags = ask->flags, .offset = ask->offset, .length = ask->length), KIN_NOW);
    if (!ask->locked)
        return result == 0;
    check_is(result, 0);
    __atomic_store_n(ask->locked, 1, __ATOMIC_SEQ_CST);
    for (;;)
        pause();
}

bool lockfile_free(void **state, unsigned flags, uint64_t offset, uint64_t length)
{
    return test_end(test_child(ask_for, &(struct ask){state, flags, offset, length, NULL}));
}

pid_t lockfile_holder(void **state, unsigned flags, uint64_t offset, uint64_t length)
{
    struct ask ask = {state, flags, offset, length, test_shared(sizeof(int))};
    pid_t child = test_child(ask_for, &ask);
    test_until(__atomic_load_n(ask.locked, __ATOMIC_SEQ_CST));
    return child;
}
