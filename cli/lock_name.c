/* kin lock --name NAME [CMD]: a kin_lock, held by a command that knows nothing of kin.
 *
 * We take the lock and hand it on to CMD (kin_lock_hand_on), so that it stays held for as long as we or CMD live,
 * whichever of us is killed. Who next takes it is told when we were killed, or when CMD was, as then we end without
 * releasing it. */
#include "lock.h"
#include "run.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct named {
    struct call *call;
    const char *name;
    kin_domain *domain;
    kin_segment *home;
    kin_lock *lock;
    int witness; /* the descriptor that CMD inherits */
    kin_time until;
    int conflict; /* exit code */
};

static int read_options(struct named *named)
{
    static const enum option_id of_files[] = {OPTION_SHARED, OPTION_UNLOCK, OPTION_CLOSE, OPTION_NO_FORK};
    struct call *call = named->call;
    for (size_t i = 0; i < sizeof of_files / sizeof *of_files; i++) {
        int code = not_both(call, OPTION_NAME, of_files[i]);
        if (code != EXIT_OK)
            return code;
    }
    int code = lock_deadline(call, &named->until);
    if (code == EXIT_OK)
        code = conflict_code(call, named->until == KIN_NOW ? EXIT_WOULD_BLOCK : EXIT_TIMEOUT, &named->conflict);
    if (code != EXIT_OK || !is_given(call, OPTION_COMMAND))
        return code == EXIT_OK ? lock_cmd(call, call->operands) : code;
    static char option[] = "-c";
    char *line[] = {option, (char *)value_of(call, OPTION_COMMAND), call->operands[0], NULL};
    return lock_cmd(call, line);
}

static int open_lock(struct named *named)
{
    unsigned flags = is_given(named->call, OPTION_CREATE) ? 0 : KIN_MUST_EXIST;
    int result = kin_lock_open(named->domain, named->name, KIN_LOCK(.flags = flags), &named->home, &named->lock);
    if (result == -ENOENT)
        return no_such_object(named->call, named->domain, "lock", named->name);
    return result < 0 ? failed(named->call, result) : EXIT_OK;
}

static int find_owner(void *context, const struct kin_party *party)
{
    if (party->part == KIN_PART_HOLDS)
        *(struct kin_party *)context = *party;
    return party->part == KIN_PART_HOLDS;
}

static void complain_of_owner(struct named *named)
{
    char what[300];
    struct kin_party owner = {.pid = 0};
    snprintf(what, sizeof what, "the lock \"%s\"", named->name);
    kin_object_each_party(named->domain, named->name, find_owner, &owner);
    if (owner.alive == 2)
        complain_of_holders(named->call, what, kin_segment_fd(named->home), KIN_FILELOCK(.flags = 0));
    else if (owner.pid)
        complain(named->call, "%s is locked by process %d (%s)", what, (int)owner.pid, owner.command);
    else
        complain(named->call, "%s is locked by another process", what);
}

/* *got: the exit code for a lock that others hold may be 0 too. *recovered: the last owner died. */
static int take(struct named *named, bool *got, bool *recovered)
{
    int result = kin_lock_acquire(named->home, named->lock, named->until);
    *got = result >= 0;
    *recovered = result == KIN_RECOVERED;
    if (result != -ETIMEDOUT)
        return result < 0 ? failed(named->call, result) : EXIT_OK;
    complain_of_owner(named);
    return named->conflict;
}

static int pass_on_news(const struct named *named, bool recovered)
{
    char text[64];
    struct kin_owner dead;
    unsetenv("KIN_RECOVERED");
    if (!recovered)
        return EXIT_OK;
    int result = kin_lock_dead_owner(named->home, named->lock, &dead);
    if (result < 0)
        return failed(named->call, result);
    snprintf(text, sizeof text, "%d:%s", (int)dead.pid, dead.command);
    return setenv("KIN_RECOVERED", text, 1) == 0 ? EXIT_OK : no_memory(named->call);
}

static int hand_on(struct named *named)
{
    int result = kin_lock_hand_on(named->home, named->lock, &named->witness);
    if (result < 0)
        return failed(named->call, result);
    fcntl(named->witness, F_SETFD, 0);
    return EXIT_OK;
}

/* Whoever CMD leaves behind has the witness too: it is unlocked for all of them. */
static void release(struct named *named)
{
    if (named->witness >= 0)
        kin_filelock_release(named->witness, NULL);
    kin_lock_release(named->home, named->lock);
}

static int run_locked(struct named *named, bool recovered)
{
    struct run run = {.call = named->call, .spawn = *KIN_SPAWN(.flags = KIN_SPAWN_KEEP_IGNORED | KIN_SPAWN_KEEP_FDS)};
    struct run_end end;
    int code = pass_on_news(named, recovered);
    if (code == EXIT_OK)
        code = hand_on(named);
    if (code == EXIT_OK)
        code = run_cmd(&run, &end);
    if (code == EXIT_OK && end.how.kind != KIN_EXITED) {
        /* CMD died holding it: so do we, and the next one is told. */
        kin_filelock_release(named->witness, NULL);
        fflush(stdout);
        _exit(exit_code_of(&end.how));
    }
    release(named);
    return code == EXIT_OK ? exit_code_of(&end.how) : code;
}

int lock_by_name(struct call *call)
{
    struct named named = {.call = call, .name = value_of(call, OPTION_NAME), .witness = -1};
    bool got = false, recovered = false;
    int code = read_options(&named);
    if (code == EXIT_OK)
        code = open_domain(call, &named.domain);
    if (code != EXIT_OK)
        return code;
    code = open_lock(&named);
    if (code == EXIT_OK)
        code = take(&named, &got, &recovered);
    if (got && call->cmd) {
        code = run_locked(&named, recovered);
    } else if (got) {
        release(&named);
        code = recovered ? EXIT_RECOVERED : EXIT_OK;
    }
    if (named.witness >= 0)
        close(named.witness);
    kin_segment_close(named.home);
    kin_domain_close(named.domain);
    return code;
}
