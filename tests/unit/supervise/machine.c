/* The table state x event, cell by cell: what each state and each event promise, over all of the other. */
#include "supervise/machine.h"
#include "support.h"
#include <stdlib.h>

#define EACH(state, event)                                                                                             \
    for (int state = 0; state < STATES; state++)                                                                       \
        for (int event = 0; event < EVENTS; event++)

static bool is_end(int event)
{
    return event == ENDED_AGAIN || event == ENDED_WELL || event == ENDED_BADLY;
}

static void every_cell_leads_to_a_state(void **state)
{
    (void)state;
    EACH(from, event)
    {
        struct reaction reaction = machine_react(from, event);
        check(reaction.next < STATES);
        check(reaction.deeds < 2 * COUNT);
    }
}

/* A process begins by LAUNCH alone, and is gone by an end alone. */
static void processes_come_and_go_as_told(void **state)
{
    (void)state;
    EACH(from, event)
    {
        struct reaction reaction = machine_react(from, event);
        bool before = machine_runs(from), after = machine_runs(reaction.next);
        check_is(!before && after, !!(reaction.deeds & LAUNCH));
        if (before && is_end(event))
            check(!after);
        else if (before)
            check(after);
        if (reaction.deeds & (TELL | KILL | ABORT | RELOAD))
            check(before && after);
    }
}

static void what_is_refused_changes_nothing(void **state)
{
    (void)state;
    EACH(from, event)
    {
        struct reaction reaction = machine_react(from, event);
        if (reaction.deeds & REFUSE) {
            check_is(reaction.deeds, REFUSE);
            check_is((int)reaction.next, from);
            check_is(event, ASK_RELOAD);
        }
        if (event == ASK_RELOAD)
            check_is(!(reaction.deeds & REFUSE), from == KIN_INSTANCE_READY || from == KIN_INSTANCE_RELOADING);
    }
}

/* Wherever it stands, asking to stop and its end lead to off; asking to start, to a start. */
static void it_can_be_stopped_and_started_from_anywhere(void **state)
{
    (void)state;
    for (int from = 0; from < STATES; from++) {
        enum kin_instance_state now = machine_react(from, ASK_STOP).next;
        for (int end = ENDED_AGAIN; end <= ENDED_BADLY; end++)
            check_is(machine_runs(now) ? (int)machine_react(now, end).next : (int)now, KIN_INSTANCE_OFF);
        now = machine_react(from, ASK_START).next;
        for (int end = ENDED_AGAIN; end <= ENDED_BADLY && now == KIN_INSTANCE_RESTARTING; end++)
            check_is((int)machine_react(now, end).next, KIN_INSTANCE_HELD);
        check(now == KIN_INSTANCE_HELD || machine_runs(now));
        check(now != KIN_INSTANCE_STOPPING);
    }
}

/* A stop that takes too long ends by force; one that takes long to get ready is told to end first. */
static void what_is_late_is_dealt_with(void **state)
{
    (void)state;
    for (int from = 0; from < STATES; from++) {
        struct reaction reaction = machine_react(from, LATE);
        bool ends = from == KIN_INSTANCE_STOPPING || from == KIN_INSTANCE_RESTARTING || from == KIN_INSTANCE_LEAVING;
        check_is(!!(reaction.deeds & KILL), ends);
        check_is(!!(reaction.deeds & ABORT), from == KIN_INSTANCE_READY || from == KIN_INSTANCE_RELOADING);
        check_is(!!(reaction.deeds & TELL), from == KIN_INSTANCE_STARTING);
    }
}

/* What counts towards giving up: an end that is tried again and was not asked for, and what is ended for being late. */
static void only_ends_that_nobody_asked_for_count(void **state)
{
    (void)state;
    EACH(from, event)
    {
        bool counts = machine_react(from, event).deeds & COUNT;
        bool unasked = machine_runs(from) && from != KIN_INSTANCE_STOPPING && from != KIN_INSTANCE_RESTARTING;
        if (event == ENDED_AGAIN)
            check_is(counts, unasked);
        else if (event == LATE)
            check_is(counts, unasked && from != KIN_INSTANCE_LEAVING);
        else
            check(!counts);
    }
}

/* 10,000 random sequences, with the world as it can be: an end comes only while there is a process, once a process;
 * LATE only where there is a deadline. After all, a stop brings it to rest. */
static void random_sequences_reach_no_impossible_state(void **state)
{
    unsigned seed = (unsigned)(kin_after(1000) / 1000);
    (void)state;
    print_message("# seed %u\n", seed);
    for (int sequence = 0; sequence < 10000; sequence++) {
        enum kin_instance_state now = KIN_INSTANCE_OFF;
        int processes = 0;
        for (int step = 0; step < 50; step++) {
            enum event event = (enum event)(rand_r(&seed) % EVENTS);
            if (is_end((int)event) && processes == 0)
                continue;
            struct reaction reaction = machine_react(now, event);
            processes += !!(reaction.deeds & LAUNCH) - is_end((int)event);
            now = reaction.next;
            check_is(processes, machine_runs(now));
        }
        now = machine_react(now, ASK_STOP).next;
        if (processes)
            now = machine_react(now, ENDED_AGAIN).next;
        check_is((int)now, KIN_INSTANCE_OFF);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_leads_to_a_state),
        cmocka_unit_test(processes_come_and_go_as_told),
        cmocka_unit_test(what_is_refused_changes_nothing),
        cmocka_unit_test(it_can_be_stopped_and_started_from_anywhere),
        cmocka_unit_test(what_is_late_is_dealt_with),
        cmocka_unit_test(only_ends_that_nobody_asked_for_count),
        cmocka_unit_test(random_sequences_reach_no_impossible_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
