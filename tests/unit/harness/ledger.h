/* A toy in shared memory with a right commit protocol, and with planted bugs, each for one mode to catch.
 *
 * A deposit writes the amount, commits it by the intent's sequence, and applies it by one store of {sequence, balance}.
 * Whoever comes next applies what is committed and not applied. */
#ifndef LEDGER_H
#define LEDGER_H

#include <kin/crash.h>
#include <stdint.h>

enum ledger_bug {
    LEDGER_SOUND,
    LEDGER_COMMITS_EARLY,  /* the sequence before the amount: any sweep */
    LEDGER_SETTLES_TWICE,  /* settling applies balance and sequence by two stores: kill twice */
    LEDGER_NO_BACKSTOP     /* who waits for a deposit trusts the depositor's wake: a peer */
};

#define LEDGER_AMOUNT 5

struct ledger {
    uint64_t applied; /* sequence above, balance below */
    uint32_t intent_sequence, intent_amount;
};

/* The context of all callbacks below. */
struct book {
    enum ledger_bug bug;
    struct ledger *live, copy;
    struct kin_crash_region region;
};

void book_open(struct book *book, enum ledger_bug bug);
void book_close(struct book *book);

int ledger_prepare(void *context);
int ledger_deposit(void *context);
int ledger_settle(void *context);
int ledger_check(void *context, const struct kin_crash_point *point);
size_t ledger_regions(void *context, const struct kin_crash_region **list);
/* The peer: waits for the deposit. */
int ledger_await(void *context);
int ledger_due(void *context, const struct kin_crash_point *point);

#define LEDGER_CRASH(book)                                                                                             \
    .context = (book), .prepare = ledger_prepare, .victim = {.operate = ledger_deposit}, .check = ledger_check,        \
    .regions = ledger_regions, .second = {.operate = ledger_settle}

#endif
