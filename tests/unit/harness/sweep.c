/* The harness against a toy whose bugs are known: what is right passes in every mode, each bug is caught by the mode
 * that can, at the moment where it is. */
#include "../../support/support.h"
#include "ledger.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static struct kin_crash_result result;

static int run(const struct kin_crash *crash, enum kin_crash_mode mode)
{
    int found = kin_crash_run(crash, mode, &result);
    kin_crash_print(stderr, "#", &result);
    return found;
}

static void a_sound_ledger_passes_in_every_mode(void **state)
{
    (void)state;
    struct book book;
    book_open(&book, LEDGER_SOUND);
    check_is(run(KIN_CRASH(LEDGER_CRASH(&book)), KIN_CRASH_SNAPSHOT), 0);
    uint64_t moments = result.points;
    check(moments > 10);
    check(result.checked > 3 && result.checked < moments);
    check_is(run(KIN_CRASH(LEDGER_CRASH(&book)), KIN_CRASH_KILL), 0);
    check_is(result.points, moments);
    check_is(result.checked, moments);
    check_is(run(KIN_CRASH(LEDGER_CRASH(&book)), KIN_CRASH_KILL_TWICE), 0);
    check(result.points > moments * 3);
    book_close(&book);
}

static void an_early_commit_is_caught_where_it_is(void **state)
{
    (void)state;
    struct book book;
    book_open(&book, LEDGER_COMMITS_EARLY);
    check_is(run(KIN_CRASH(LEDGER_CRASH(&book)), KIN_CRASH_SNAPSHOT), KIN_CRASH_FAULT);
    uint64_t step = result.failed.step;
    check_is(strcmp(result.sentence, "the balance is 77"), 0);
    check(test_contains(result.where, "ledger_deposit+0x"));
    check_is(result.failed.finished, 0);

    check_is(run(KIN_CRASH(LEDGER_CRASH(&book)), KIN_CRASH_KILL), KIN_CRASH_FAULT);
    check_is(result.failed.step, step);
    check_is(result.points, step + 1);
    check(test_contains(result.where, "ledger_deposit+0x"));

    check_is(run(KIN_CRASH(LEDGER_CRASH(&book), .first = step, .limit = 1), KIN_CRASH_SNAPSHOT), KIN_CRASH_FAULT);
    check_is(result.failed.step, step);
    check_is(run(KIN_CRASH(LEDGER_CRASH(&book), .limit = step), KIN_CRASH_SNAPSHOT), 0);
    book_close(&book);
}

static void a_settler_that_doubles_needs_two_deaths(void **state)
{
    (void)state;
    struct book book;
    book_open(&book, LEDGER_SETTLES_TWICE);
    check_is(run(KIN_CRASH(LEDGER_CRASH(&book)), KIN_CRASH_SNAPSHOT), 0);
    check_is(run(KIN_CRASH(LEDGER_CRASH(&book)), KIN_CRASH_KILL), 0);
    check_is(run(KIN_CRASH(LEDGER_CRASH(&book)), KIN_CRASH_KILL_TWICE), KIN_CRASH_FAULT);
    check_is(strcmp(result.sentence, "the balance is 10"), 0);
    check(result.failed.second_step > 0);
    check_is(result.failed.second_finished, 0);
    check(test_contains(result.where, "settle+0x") || test_contains(result.where, "apply_in_two_stores+0x"));
    book_close(&book);
}

static void a_sample_of_two_deaths_repeats_by_its_seed(void **state)
{
    (void)state;
    struct book book;
    book_open(&book, LEDGER_SOUND);
    check_is(run(KIN_CRASH(LEDGER_CRASH(&book), .limit = 200), KIN_CRASH_KILL_TWICE), 0);
    check(result.points > 100 && result.points <= 200);
    book.bug = LEDGER_SETTLES_TWICE;
    int found = 0;
    for (int i = 0; i < 50 && found == 0; i++)
        found = run(KIN_CRASH(LEDGER_CRASH(&book), .limit = 200), KIN_CRASH_KILL_TWICE);
    check_is(found, KIN_CRASH_FAULT);
    struct kin_crash_result first = result;
    check_is(run(KIN_CRASH(LEDGER_CRASH(&book), .limit = 200, .seed = first.seed), KIN_CRASH_KILL_TWICE),
             KIN_CRASH_FAULT);
    check_is(result.failed.step, first.failed.step);
    check_is(result.failed.second_step, first.failed.second_step);
    check_is(result.points, first.points);
    book_close(&book);
}

static void a_peer_with_a_backstop_always_ends(void **state)
{
    (void)state;
    struct book book;
    book_open(&book, LEDGER_SOUND);
    check_is(run(KIN_CRASH(LEDGER_CRASH(&book), .peer = {.operate = ledger_await}, .due = ledger_due,
                           .feed = ledger_deposit), KIN_CRASH_KILL), 0);
    check_is(run(KIN_CRASH(LEDGER_CRASH(&book), .peer = {.operate = ledger_await}, .due = ledger_due,
                           .feed = ledger_deposit, .limit = 60), KIN_CRASH_KILL_TWICE), 0);
    book_close(&book);
}

static void a_lost_wake_is_caught_by_a_peer_alone(void **state)
{
    (void)state;
    struct book book;
    book_open(&book, LEDGER_NO_BACKSTOP);
    check_is(run(KIN_CRASH(LEDGER_CRASH(&book)), KIN_CRASH_KILL), 0);
    check_is(run(KIN_CRASH(LEDGER_CRASH(&book), .peer = {.operate = ledger_await}, .due = ledger_due,
                           .feed = ledger_deposit, .hang_ms = 3000), KIN_CRASH_KILL), KIN_CRASH_FAULT);
    check(test_contains(result.sentence, "the peer hung: still in system call"));
    check(result.failed.step > 0);
    check_is(result.failed.finished, 0);
    check_is(book.live->intent_sequence, 1);
    book_close(&book);
}

static void a_peer_that_is_not_fed_is_caught(void **state)
{
    (void)state;
    struct book book;
    book_open(&book, LEDGER_SOUND);
    check_is(run(KIN_CRASH(LEDGER_CRASH(&book), .peer = {.operate = ledger_await}, .hang_ms = 500), KIN_CRASH_KILL),
             KIN_CRASH_FAULT);
    check_is(result.failed.step, 0);
    check_is(run(KIN_CRASH(LEDGER_CRASH(&book), .peer = {.operate = ledger_settle}), KIN_CRASH_KILL), KIN_CRASH_FAULT);
    check(test_contains(result.sentence, "the peer ended before the victim began"));
    book_close(&book);
}

int main(void)
{
    const char *reason;
    if (!kin_crash_available(&reason)) {
        printf("1..0 # SKIP %s\n", reason);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        TEST(a_sound_ledger_passes_in_every_mode),
        TEST(an_early_commit_is_caught_where_it_is),
        TEST(a_settler_that_doubles_needs_two_deaths),
        TEST(a_sample_of_two_deaths_repeats_by_its_seed),
        TEST(a_peer_with_a_backstop_always_ends),
        TEST(a_lost_wake_is_caught_by_a_peer_alone),
        TEST(a_peer_that_is_not_fed_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
