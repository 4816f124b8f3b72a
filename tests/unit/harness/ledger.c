#include "ledger.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BACKSTOP_NS 20000000

void book_open(struct book *book, enum ledger_bug bug)
{
    memset(book, 0, sizeof *book);
    book->bug = bug;
    book->live = mmap(NULL, sizeof *book->live, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    book->region = (struct kin_crash_region){book->live, &book->copy, sizeof book->copy};
}

void book_close(struct book *book)
{
    munmap(book->live, sizeof *book->live);
}

/* The amount is not zero, so that using it before it was written shows. */
int ledger_prepare(void *context)
{
    struct book *book = context;
    *book->live = (struct ledger){.intent_amount = 77};
    return 0;
}

static uint32_t applied_sequence(const struct ledger *ledger)
{
    return (uint32_t)(__atomic_load_n(&ledger->applied, __ATOMIC_ACQUIRE) >> 32);
}

static uint32_t balance(const struct ledger *ledger)
{
    return (uint32_t)__atomic_load_n(&ledger->applied, __ATOMIC_ACQUIRE);
}

static void apply(struct ledger *ledger)
{
    uint64_t sequence = ledger->intent_sequence;
    uint64_t sum = balance(ledger) + ledger->intent_amount;
    __atomic_store_n(&ledger->applied, sequence << 32 | sum, __ATOMIC_RELEASE);
}

static void apply_in_two_stores(struct ledger *ledger)
{
    uint64_t sequence = applied_sequence(ledger), sum = balance(ledger) + ledger->intent_amount;
    __atomic_store_n(&ledger->applied, sequence << 32 | sum, __ATOMIC_RELEASE);
    __atomic_store_n(&ledger->applied, (sequence + 1) << 32 | sum, __ATOMIC_RELEASE);
}

static void settle(const struct book *book, struct ledger *ledger)
{
    if (__atomic_load_n(&ledger->intent_sequence, __ATOMIC_ACQUIRE) == applied_sequence(ledger))
        return;
    if (book->bug == LEDGER_SETTLES_TWICE)
        apply_in_two_stores(ledger);
    else
        apply(ledger);
}

int ledger_deposit(void *context)
{
    struct book *book = context;
    struct ledger *ledger = book->live;
    uint32_t sequence = applied_sequence(ledger) + 1;
    if (book->bug == LEDGER_COMMITS_EARLY)
        __atomic_store_n(&ledger->intent_sequence, sequence, __ATOMIC_RELEASE);
    __atomic_store_n(&ledger->intent_amount, LEDGER_AMOUNT, __ATOMIC_RELEASE);
    __atomic_store_n(&ledger->intent_sequence, sequence, __ATOMIC_RELEASE);
    apply(ledger);
    syscall(SYS_futex, &ledger->intent_sequence, FUTEX_WAKE, 1, NULL, NULL, 0);
    return 0;
}

int ledger_settle(void *context)
{
    struct book *book = context;
    settle(book, book->live);
    return 0;
}

int ledger_check(void *context, const struct kin_crash_point *point)
{
    struct book *book = context;
    struct ledger *ledger = point->copied ? &book->copy : book->live;
    settle(book, ledger);
    if (balance(ledger) != LEDGER_AMOUNT && (balance(ledger) != 0 || point->finished))
        return kin_crash_fail("the balance is %u", balance(ledger));
    return 0;
}

size_t ledger_regions(void *context, const struct kin_crash_region **list)
{
    struct book *book = context;
    *list = &book->region;
    return 1;
}

int ledger_await(void *context)
{
    struct book *book = context;
    struct timespec backstop = {0, BACKSTOP_NS};
    while (__atomic_load_n(&book->live->intent_sequence, __ATOMIC_ACQUIRE) == 0)
        syscall(SYS_futex, &book->live->intent_sequence, FUTEX_WAIT, 0,
                book->bug == LEDGER_NO_BACKSTOP ? NULL : &backstop, NULL, 0);
    return 0;
}

int ledger_due(void *context, const struct kin_crash_point *point)
{
    struct book *book = context;
    (void)point;
    return __atomic_load_n(&book->live->intent_sequence, __ATOMIC_ACQUIRE) != 0;
}
