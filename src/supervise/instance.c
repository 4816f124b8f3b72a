/* One instance: carries out what the machine says, and keeps its record. */
#include "supervise/supervisor.h"
#include "sys/reason.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOON (10 * SECOND) /* one that ends earlier is tried later and later */

void instance_write(struct instance *instance)
{
    body_write(instance->record, &instance->body);
}

void instance_say(struct instance *instance, const char *status)
{
    snprintf(instance->body.status, sizeof instance->body.status, "%s", status);
    instance_write(instance);
}

/* Its group is killed before it is reaped, while nobody else can have its number. */
static void has_ended(struct source *source)
{
    struct instance *instance = source->owner;
    struct kin_exit how = {.kind = KIN_ENDED};
    source_forget(instance->supervisor, source);
    group_kill(instance);
    kin_process_wait(instance->process, 0, KIN_FOREVER, &how);
    instance_ended(instance, &how);
}

int instance_watch(struct instance *instance, kin_process *process)
{
    instance->process = process;
    return source_watch(instance->supervisor, &instance->end, kin_process_fd(process), EPOLLIN);
}

/* Its record from an earlier supervisor, or one that is free. */
static bool find_record(const kin_segment *segment, struct instance *instance, const struct body *wanted)
{
    for (uint32_t i = 0; i < board_records(segment); i++) {
        struct record *record = &board_of(segment)->record[i];
        body_read(record, &instance->body);
        if (instance->body.program[0] == 0)
            instance->record = record;
        if (instance->body.index != wanted->index || strcmp(instance->body.program, wanted->program) != 0)
            continue;
        instance->record = record;
        return true;
    }
    instance->body = *wanted;
    return false;
}

static int set_up_record(struct instance *instance, const struct body *wanted)
{
    kin_segment *segment = instance->supervisor->segment;
    if (find_record(segment, instance, wanted)) {
        adopt_instance(instance);
        return 0;
    }
    bool new = !instance->record;
    int result = new ? board_add(segment, &instance->record) : 0;
    if (result < 0)
        return result;
    instance_write(instance);
    if (new)
        board_count(segment);
    return 0;
}

/* Numbers begin with 1; of a program that has one instance only it is 0. */
int instance_make(struct program *program, uint32_t number, struct instance **out)
{
    struct instance *instance = calloc(1, sizeof *instance);
    struct body body = {.state = KIN_INSTANCE_OFF, .index = number, .since = clock_realtime()};
    if (!instance)
        return reason(-ENOMEM, "%s: no memory to add it", program->wish.name);
    instance->supervisor = program->supervisor;
    instance->program = program;
    instance->group = -1;
    instance->deadline = instance->probe_at = KIN_FOREVER;
    source_init(&instance->end, has_ended, instance);
    source_init(&instance->ready, NULL, instance);
    source_init(&instance->probing, NULL, instance);
    snprintf(body.program, sizeof body.program, "%s", program->wish.name);
    if (number == 0)
        snprintf(instance->name, sizeof instance->name, "%s", body.program);
    else
        snprintf(instance->name, sizeof instance->name, "%s.%u", body.program, number);
    int result = set_up_record(instance, &body);
    if (result < 0)
        free(instance);
    else
        *out = instance;
    return result;
}

static void forget_process(struct instance *instance)
{
    source_forget(instance->supervisor, &instance->end);
    kin_process_close(instance->process);
    instance->process = NULL;
}

/* With KIN_SUPERVISE_ADOPT what runs goes on; the others are killed here. */
void instance_free(struct instance *instance)
{
    if (instance->process && !(instance->supervisor->options.flags & KIN_SUPERVISE_ADOPT)) {
        group_kill(instance);
        kin_process_signal(instance->process, SIGKILL);
        kin_process_wait(instance->process, 0, KIN_FOREVER, NULL);
        claim_empty(instance->record);
        instance->body.state = KIN_INSTANCE_OFF;
        instance_write(instance);
    }
    ready_end(instance);
    output_end(instance);
    store_close(instance);
    if (instance->process)
        forget_process(instance);
    group_close(instance);
    free(instance);
}

/* Doubled with each that did not live long, and spread, so that many do not come at once. */
static int64_t pause_of(const struct instance *instance)
{
    const struct kin_program *wish = &instance->program->wish;
    int64_t pause = wish->pause_min;
    for (unsigned i = 1; i < instance->tries && pause < wish->pause_max; i++)
        pause *= 2;
    if (pause > wish->pause_max)
        pause = wish->pause_max;
    uint64_t noise = (uint64_t)clock_monotonic() * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    return pause - pause / 8 + (int64_t)(noise % 1024) * (pause / 4) / 1024;
}

static kin_time deadline_of(const struct instance *instance)
{
    const struct kin_program *wish = &instance->program->wish;
    switch (instance->body.state) {
    case KIN_INSTANCE_PAUSE:
        return kin_after(pause_of(instance));
    case KIN_INSTANCE_STARTING:
        return kin_after(wish->ready_within);
    case KIN_INSTANCE_READY:
    case KIN_INSTANCE_RELOADING:
        return wish->watchdog ? kin_after(wish->watchdog) : KIN_FOREVER;
    case KIN_INSTANCE_LEAVING:
    case KIN_INSTANCE_STOPPING:
    case KIN_INSTANCE_RESTARTING:
        return kin_after(wish->grace);
    default:
        return KIN_FOREVER;
    }
}

void instance_set_deadline(struct instance *instance)
{
    instance->deadline = deadline_of(instance);
}

void instance_alive(struct instance *instance)
{
    if (instance->body.state == KIN_INSTANCE_READY || instance->body.state == KIN_INSTANCE_RELOADING)
        instance_set_deadline(instance);
}

int instance_signal(struct instance *instance, int signal)
{
    return instance->process ? kin_process_signal(instance->process, signal)
                             : reason(-ESRCH, "%s does not run", instance->name);
}

/* The state that announces it stands in the record already: who dies in here has it done again by the next. */
static void carry_out(struct instance *instance, unsigned deeds)
{
    const struct kin_program *wish = &instance->program->wish;
    if (deeds & TELL)
        instance_signal(instance, wish->stop_signal);
    if (deeds & ABORT)
        instance_signal(instance, SIGABRT);
    if (deeds & KILL) {
        group_kill(instance);
        instance_signal(instance, SIGKILL);
    }
    if (deeds & RELOAD)
        instance_signal(instance, wish->reload_signal);
    if (deeds & COUNT)
        order_count(instance);
    if (deeds & LAUNCH)
        launch(instance);
}

int instance_event(struct instance *instance, enum event event)
{
    enum kin_instance_state before = instance->body.state;
    struct reaction reaction = machine_react(before, event);
    if (reaction.deeds & REFUSE)
        return reason(-EINVAL, "%s is %s: only what is ready can be reloaded", instance->name,
                      kin_instance_state_name(before));
    if (reaction.next != before) {
        instance->body.state = reaction.next;
        instance->body.since = clock_realtime();
        instance_write(instance);
        if (!machine_runs(reaction.next))
            claim_empty(instance->record);
    }
    if (reaction.next != before || event == LATE)
        instance_set_deadline(instance);
    if (before == KIN_INSTANCE_STARTING && reaction.next != before)
        ready_end(instance);
    if (reaction.next != before && reaction.next != KIN_INSTANCE_STARTING)
        tell_state(instance);
    if (reaction.next == KIN_INSTANCE_FAILED && before != KIN_INSTANCE_FAILED)
        order_failed(instance);
    carry_out(instance, reaction.deeds);
    return 0;
}

static enum event meaning_of(const struct instance *instance, const struct kin_exit *how)
{
    bool well = how->kind == KIN_EXITED && how->status == 0;
    switch (instance->program->wish.restart) {
    case KIN_RESTART_ALWAYS:
        return ENDED_AGAIN;
    case KIN_RESTART_ON_FAILURE:
        return well ? ENDED_WELL : ENDED_AGAIN;
    default:
        return well ? ENDED_WELL : ENDED_BADLY;
    }
}

/* The record tells of the end, and of what comes next, before the claim is emptied: who finds a claim of the dead
 * beside a state without a process knows that this end has been told. */
void instance_ended(struct instance *instance, const struct kin_exit *how)
{
    struct body *body = &instance->body;
    bool soon = clock_realtime() - body->started < SOON;
    instance->tries = soon ? instance->tries + 1 : 0;
    body->end_kind = (int32_t)how->kind;
    body->end_status = how->status;
    body->usage = how->usage;
    output_end(instance);
    ready_end(instance);
    tell_end(instance, how);
    if (instance->process)
        forget_process(instance);
    instance_event(instance, meaning_of(instance, how));
}
