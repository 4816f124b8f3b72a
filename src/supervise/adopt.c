/* What a supervisor that died has left running is taken over, or ended. The headings are in supervise/board.h. */
#include "supervise/supervisor.h"
#include "sys/task.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_BITS 0x7fffffffu

/* The process that took the claim: it started when that was opened or later, and before it took it. NULL: ended. */
static kin_process *find_process(uint32_t pid, uint64_t intent, uint64_t tick)
{
    kin_process *process;
    uint64_t start = pid ? task_start(pid) : 0;
    if (start < intent || ((tick - start) & TICK_BITS) > ((tick - intent) & TICK_BITS))
        return NULL;
    if (kin_process_open((pid_t)pid, start, KIN_PROCESS_REAP, &process) == 0 ||
        kin_process_open((pid_t)pid, start, 0, &process) == 0)
        return process;
    return NULL;
}

static void go_on(struct instance *instance)
{
    instance_watch(instance, instance->process);
    output_adopt(instance);
    instance_write(instance);
    instance_set_deadline(instance);
    tell_state(instance);
    switch (instance->body.state) {
    case KIN_INSTANCE_STARTING:
        if (instance->program->wish.readiness == KIN_READY_AT_ONCE)
            instance_event(instance, SAYS_READY);
        else
            ready_begin(instance, -1);
        break;
    case KIN_INSTANCE_STOPPING:
    case KIN_INSTANCE_RESTARTING:
        instance_signal(instance, instance->program->wish.stop_signal);
        break;
    default:
        break;
    }
}

/* What another kind of supervisor left: it should have died with that, and the lifeline has seen to most of it. */
static void end_it(struct instance *instance)
{
    group_kill(instance);
    instance_signal(instance, SIGKILL);
    instance->body.state = KIN_INSTANCE_STOPPING;
    instance_write(instance);
    instance_watch(instance, instance->process);
}

/* A state with a process, and no claim of one: the supervisor died before there was one, and none will come. A claim
 * beside a state without a process: the end has been told. */
void adopt_instance(struct instance *instance)
{
    const struct kin_exit unknown = {.kind = KIN_ENDED};
    struct body *body = &instance->body;
    bool killed = instance->supervisor->killed_before;
    uint64_t tick;
    uint32_t pid = claim_settle(instance->record, &tick);
    instance->adopted = true;
    body->stored = 0;
    instance->process = machine_runs(body->state) ? find_process(pid, body->intent, tick) : NULL;
    if (instance->process && killed) {
        end_it(instance);
    } else if (instance->process) {
        go_on(instance);
    } else if (machine_runs(body->state) && !killed) {
        instance_ended(instance, &unknown);
    } else {
        body->state = killed ? KIN_INSTANCE_OFF : body->state;
        instance_write(instance);
        claim_empty(instance->record);
        instance_set_deadline(instance);
    }
}

/* Of a program that is not ours any more: nobody is left out. */
static void end_stranger(kin_supervisor *self, struct record *record)
{
    struct body body;
    uint64_t tick;
    uint32_t pid = claim_settle(record, &tick);
    body_read(record, &body);
    struct instance stranger = {.supervisor = self, .record = record, .body = body, .group = -1, .adopted = true};
    if (body.program[0] == 0)
        return;
    snprintf(stranger.name, sizeof stranger.name, body.index ? "%s.%u" : "%s", body.program, body.index);
    stranger.process = machine_runs(body.state) ? find_process(pid, body.intent, tick) : NULL;
    if (stranger.process) {
        tell_trouble(&stranger, "its program is not known any more: it is killed");
        group_kill(&stranger);
        kin_process_signal(stranger.process, SIGKILL);
        kin_process_wait(stranger.process, 0, KIN_FOREVER, NULL);
        kin_process_close(stranger.process);
    }
    memset(&body, 0, sizeof body);
    body_write(record, &body);
    claim_empty(record);
}

void adopt_strangers(kin_supervisor *self)
{
    uint32_t count = board_records(self->segment);
    const struct record *first = board_of(self->segment)->record;
    bool *known = self->strangers_met ? NULL : calloc(count + 1, sizeof *known);
    if (!known)
        return;
    self->strangers_met = true;
    for (const struct program *program = self->programs; program; program = program->next)
        for (uint32_t i = 0; i < program->count; i++)
            known[program->instances[i]->record - first] = true;
    for (uint32_t i = 0; i < count; i++)
        if (!known[i])
            end_stranger(self, &board_of(self->segment)->record[i]);
    free(known);
}
