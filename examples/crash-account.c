/* crash-account: is this account safe from kill -9 at every instruction? Ask libkin-crash.
 *
 *     cc -O2 -o crash-account crash-account.c -lkin-crash -Wl,-z,now && ./crash-account
 *
 * The account keeps two copies of its figures and the number of the one that counts. A deposit writes the other copy,
 * then turns the number: one store, before which the deposit has not happened, and after which it has. The second
 * account turns the number first. Both look the same until somebody dies in the middle. */
#include <kin/crash.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>

struct figures {
    long balance, deposits;
};

struct account {
    unsigned valid; /* 0 or 1: which copy counts */
    struct figures copies[2];
};

/* The account in shared memory, where the harness copies it to, and whether the bug is in it. */
struct bank {
    struct account *live, copy;
    bool turns_too_early;
};

static void turn(struct account *account, unsigned valid)
{
    __atomic_store_n(&account->valid, valid, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* the compiler may not move what follows ahead of it either */
}

/* The operation that is swept: deposits 100. */
static int deposit(void *context)
{
    struct bank *bank = context;
    struct account *account = bank->live;
    unsigned valid = account->valid, other = !valid;
    if (bank->turns_too_early)
        turn(account, other);
    account->copies[other].balance = account->copies[valid].balance + 100;
    account->copies[other].deposits = account->copies[valid].deposits + 1;
    turn(account, other);
    return 0;
}

static int open_account(void *context)
{
    struct bank *bank = context;
    *bank->live = (struct account){.copies = {{.balance = 500, .deposits = 5}}};
    return 0;
}

/* What a survivor must find: all of the deposit or nothing of it. */
static int balance_is_right(void *context, const struct kin_crash_point *point)
{
    struct bank *bank = context;
    const struct account *account = point->copied ? &bank->copy : bank->live;
    const struct figures *figures = &account->copies[account->valid];
    if (figures->balance != 100 * figures->deposits)
        return kin_crash_fail("torn: %ld in %ld deposits", figures->balance, figures->deposits);
    if (figures->deposits != 6 && (figures->deposits != 5 || point->finished))
        return kin_crash_fail("%ld deposits, not 5 or 6", figures->deposits);
    return 0;
}

static size_t account_memory(void *context, const struct kin_crash_region **list)
{
    static struct kin_crash_region region;
    struct bank *bank = context;
    region = (struct kin_crash_region){bank->live, &bank->copy, sizeof bank->copy};
    *list = &region;
    return 1;
}

static int sweep(struct bank *bank, enum kin_crash_mode mode, const char *name)
{
    struct kin_crash_result result;
    int found = kin_crash_run(KIN_CRASH(.context = bank, .prepare = open_account, .victim = {.operate = deposit},
                                        .check = balance_is_right, .regions = account_memory), mode, &result);
    kin_crash_print(stdout, name, &result);
    return found;
}

int main(void)
{
    const char *reason;
    if (!kin_crash_available(&reason)) {
        printf("crash-account: skipped, %s\n", reason);
        return 77;
    }
    struct bank bank = {0};
    bank.live = mmap(NULL, sizeof *bank.live, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int safe = sweep(&bank, KIN_CRASH_SNAPSHOT, "deposit, in copies") == 0 &&
               sweep(&bank, KIN_CRASH_KILL, "deposit, by real kills") == 0;
    bank.turns_too_early = true;
    int caught = sweep(&bank, KIN_CRASH_SNAPSHOT, "early turn") == KIN_CRASH_FAULT;
    return safe && caught ? 0 : 1;
}
