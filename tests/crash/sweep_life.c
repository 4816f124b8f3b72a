/* Real kills of what is not a queue operation: taking a life and leaving it, opening, making and removing objects, the
 * user's lock, the sweep itself. After each the domain must be whole: everything can be used, and once it was cleaned
 * nothing of the dead is left.
 *
 *     sweep_life [NAME]; a sample of the moments, its seed printed; KIN_LONG=1 takes all. */
#include "aid.h"
#include "audit.h"
#include <dirent.h>
#include <errno.h>
#include <kin/crash.h>
#include <kin/kin.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) < 0)                                                                                                \
            return kin_crash_fail("%s: %s", #call, kin_reason());                                                      \
    } while (0)

struct account {
    kin_lock lock;
    long left, right; /* always equal when the lock is free */
};

struct act {
    const char *name;
    int (*before)(void); /* the victim, before it is stepped */
    int (*operate)(void);
    int (*check)(bool finished);
};

static char path[64];
static kin_queue *queue;
static kin_segment *segment;
static struct account *account;

static int set_up(void *context, kin_segment *made)
{
    (void)context;
    return kin_lock_init(made, kin_segment_data(made));
}

static int open_account(void)
{
    OK(kin_segment_open(NULL, "account", KIN_SEGMENT(.bytes = sizeof *account, .setup = set_up), &segment));
    account = kin_segment_data(segment);
    return 0;
}

static int open_queue(void)
{
    OK(kin_queue_open(NULL, "queue", NULL, &queue));
    return 0;
}

static int use(void)
{
    struct kin_queue_status status;
    OK(kin_queue_status(queue, &status));
    return 0;
}

static int open_and_use(void)
{
    return open_queue() < 0 ? -1 : use();
}

static int leave(void)
{
    exit(0);
}

static int make_new(void)
{
    kin_queue *new;
    OK(kin_queue_open(NULL, "new", KIN_QUEUE(.flags = KIN_MUST_CREATE), &new));
    return 0;
}

static int remove_queue(void)
{
    OK(kin_remove(NULL, "queue", 0));
    return 0;
}

static int transfer(void)
{
    int result = kin_lock_acquire(segment, &account->lock, KIN_FOREVER);
    OK(result);
    account->left++;
    account->right++;
    OK(kin_lock_release(segment, &account->lock));
    return 0;
}

static int hand_on_and_take_back(void)
{
    int witness;
    OK(kin_lock_acquire(segment, &account->lock, KIN_FOREVER));
    OK(kin_lock_hand_on(segment, &account->lock, &witness));
    account->left++;
    account->right++;
    OK(kin_filelock_release(witness, NULL));
    OK(kin_lock_release(segment, &account->lock));
    return 0;
}

static int attach_to_account(void)
{
    if (open_account() < 0)
        return -1;
    OK(kin_lock_acquire(segment, &account->lock, KIN_FOREVER));
    OK(kin_lock_release(segment, &account->lock));
    return 0;
}

static int open_growing(void)
{
    OK(kin_segment_open(NULL, "growing", KIN_SEGMENT(.bytes = 5000, .bytes_max = 50000), &segment));
    return 0;
}

static int attach_and_detach(void)
{
    if (open_growing() < 0)
        return -1;
    kin_segment_close(segment);
    return 0;
}

static int grow(void)
{
    OK(kin_segment_grow(segment, 20000));
    return 0;
}

static int write_bytes(void)
{
    static const char bytes[16] = "sixteen bytes, 0";
    OK(kin_segment_write(segment, 4990, bytes, 10));
    return 0;
}

static int leave_something_dead(void)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct kin_message message;
        if (open_account() == 0 && open_queue() == 0 && kin_queue_send(queue, "job", 4, NULL, KIN_NOW) == 0 &&
            kin_queue_take(queue, NULL, KIN_NOW, &message) == 0 &&
            kin_lock_acquire(segment, &account->lock, KIN_FOREVER) >= 0)
            raise(SIGKILL);
        _exit(1);
    }
    waitpid(child, NULL, 0);
    return open_and_use();
}

static int clean(void)
{
    OK(kin_domain_clean(NULL, KIN_CLEAN_ACT, NULL, NULL));
    return 0;
}

static int check_queue(bool finished)
{
    (void)finished;
    return open_and_use() < 0 ? -1 : audit_queue(queue);
}

static int check_new(bool finished)
{
    kin_queue *new;
    int result = kin_queue_open(NULL, "new", KIN_QUEUE(.flags = KIN_MUST_EXIST), &new);
    if (result == -ENOENT && !finished)
        return 0;
    OK(result);
    OK(kin_queue_send(new, "x", 1, NULL, KIN_NOW));
    return audit_queue(new);
}

static int check_removed(bool finished)
{
    int result = kin_queue_open(NULL, "queue", KIN_QUEUE(.flags = KIN_MUST_EXIST), &queue);
    if (result == -ENOENT)
        return 0;
    if (finished)
        return kin_crash_fail("it was removed, and is there");
    OK(result);
    /* Killed between the mark and the unlink: it counts as removed, and the name can be taken away and used again. */
    struct kin_queue_status status;
    result = kin_queue_status(queue, &status);
    if (result != 0 && result != -EIDRM)
        return kin_crash_fail("neither there nor removed: %s", kin_reason());
    kin_queue_close(queue);
    OK(kin_remove(NULL, "queue", 0));
    return check_queue(false);
}

static int check_account(bool finished)
{
    if (open_account() < 0)
        return -1;
    int result = kin_lock_acquire(segment, &account->lock, KIN_NOW);
    OK(result);
    if (account->left != account->right && result != KIN_RECOVERED)
        return kin_crash_fail("half a transfer, and no KIN_RECOVERED");
    if (finished && (account->left != 1 || account->right != 1 || result != 0))
        return kin_crash_fail("the transfer is not there");
    OK(kin_lock_release(segment, &account->lock));
    return 0;
}

/* It has one of its two lengths, those bytes are there, and nobody but me is counted. */
static int check_growing(bool finished)
{
    struct kin_segment_status status;
    char end;
    if (open_growing() < 0)
        return -1;
    OK(kin_segment_status(segment, &status));
    if (status.attached != 1)
        return kin_crash_fail("%u are attached, where nobody but me is", status.attached);
    if (status.bytes != 20000 && (status.bytes != 5000 || finished))
        return kin_crash_fail("it has %llu bytes", (unsigned long long)status.bytes);
    OK(kin_segment_read(segment, status.bytes - 1, &end, 1));
    OK(kin_segment_grow(segment, 50000));
    kin_segment_close(segment);
    return 0;
}

static int check_attached(bool finished)
{
    (void)finished;
    return check_growing(false);
}

/* The sweep made it an orphan, or the next one steals it: he is told either way. */
static int check_account_after_clean(bool finished)
{
    (void)finished;
    return clean() < 0 ? -1 : check_account(false);
}

static int check_leftovers(bool finished)
{
    char buffer[8];
    (void)finished;
    if (open_account() < 0 || open_and_use() < 0)
        return -1;
    int result = kin_lock_acquire(segment, &account->lock, KIN_NOW);
    if (result != KIN_RECOVERED)
        return kin_crash_fail("the dead one's lock gives %d: %s", result, kin_reason());
    OK(kin_lock_release(segment, &account->lock));
    OK(kin_queue_receive(queue, buffer, sizeof buffer, NULL, KIN_NOW, NULL));
    return audit_queue(queue);
}

static const struct act acts[] = {
    {"taking a life", open_queue, use, check_queue},
    {"leaving at exit", open_and_use, leave, check_queue},
    {"kin_queue_open, making it", NULL, make_new, check_new},
    {"kin_remove", NULL, remove_queue, check_removed},
    {"kin_lock_acquire and kin_lock_release", attach_to_account, transfer, check_account},
    {"kin_lock_acquire, swept before it is asked for", attach_to_account, transfer, check_account_after_clean},
    {"kin_lock_hand_on", attach_to_account, hand_on_and_take_back, check_account},
    {"kin_lock_hand_on, swept before it is asked for", attach_to_account, hand_on_and_take_back,
     check_account_after_clean},
    {"kin_segment_open, and close", open_queue, attach_and_detach, check_attached},
    {"kin_segment_grow", open_growing, grow, check_growing},
    {"kin_segment_write", open_growing, write_bytes, check_attached},
    {"kin_domain_clean", leave_something_dead, clean, check_leftovers},
};

static int prepare(void *context)
{
    (void)context;
    if (remove_directory(path) != 0)
        return kin_crash_fail("cannot remove %s", path);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        exit(open_account() < 0 || open_queue() < 0);
    int status;
    waitpid(child, &status, 0);
    return status == 0 ? 0 : kin_crash_fail("the domain cannot be made");
}

static int arrive(void *context)
{
    const struct act *act = context;
    return act->before ? act->before() : 0;
}

static int operate(void *context)
{
    const struct act *act = context;
    return act->operate();
}

static int check_files(void)
{
    DIR *list = opendir(path);
    struct dirent *entry;
    while (list && (entry = readdir(list)))
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "domain") != 0 && strcmp(entry->d_name, "witness") != 0 &&
            !strstr(entry->d_name, ".kin"))
            return kin_crash_fail("a file is left: %s", entry->d_name);
    closedir(list);
    return 0;
}

static int check(void *context, const struct kin_crash_point *point)
{
    const struct act *act = context;
    struct kin_facilities facilities;
    if (act->check(point->finished) < 0 || clean() < 0 || check_files() < 0)
        return -1;
    OK(kin_domain_facilities(NULL, &facilities));
    if (facilities.lives > 1 || facilities.lives_dead || facilities.processes > 1)
        return kin_crash_fail("%u lives, %u dead and %u processes are left, where nobody but me is", facilities.lives,
                              facilities.lives_dead, facilities.processes);
    return 0;
}

int main(int argc, char **argv)
{
    (void)argc;
    if (!tap_begin())
        return TAP_SKIP;
    strcpy(path, "/dev/shm/kin-life-XXXXXX");
    if (!mkdtemp(path) || setenv("KIN_DOMAIN", path, 1) < 0)
        return 1;
    for (unsigned i = 0; i < sizeof acts / sizeof *acts; i++) {
        struct kin_crash_result result;
        if (!tap_wants(argv[1], acts[i].name))
            continue;
        int found = kin_crash_run(
            KIN_CRASH(.context = (void *)(uintptr_t)&acts[i], .prepare = prepare, .victim = {arrive, operate},
                      .check = check, .limit = sweep_limit(5), .hang_ms = 60000, .seed = sweep_seed()),
            KIN_CRASH_KILL, &result);
        tap_sweep(found == 0, acts[i].name, &result, "%s", acts[i].name);
    }
    int result = tap_end();
    return remove_directory(path) != 0 ? 1 : result;
}
