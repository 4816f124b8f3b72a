/* Who may go on, and when: the order of starting and stopping, turns, deadlines, and giving up. */
#include "supervise/supervisor.h"

static bool is_ready(const struct program *program)
{
    if (!program->on)
        return false;
    for (uint32_t i = 0; i < program->wanted; i++) {
        enum kin_instance_state state = program->instances[i]->body.state;
        if (state != KIN_INSTANCE_READY && state != KIN_INSTANCE_RELOADING)
            return false;
    }
    return true;
}

/* A program that has done its work (it ended well, and is not started again) is as good as ready. */
static bool is_done(const struct program *program)
{
    for (uint32_t i = 0; i < program->wanted; i++) {
        const struct body *body = &program->instances[i]->body;
        if (body->state != KIN_INSTANCE_OFF || body->end_kind != KIN_EXITED || body->end_status != 0)
            return false;
    }
    return program->wish.restart != KIN_RESTART_ALWAYS;
}

static bool is_free(const struct program *program)
{
    for (const char *const *name = program->wish.after; name && *name; name++) {
        const struct program *other = program_find(program->supervisor, *name);
        if (other && !is_ready(other) && !is_done(other))
            return false;
    }
    return true;
}

static bool runs(const struct program *program)
{
    for (uint32_t i = 0; i < program->count; i++)
        if (machine_runs(program->instances[i]->body.state))
            return true;
    return false;
}

static bool comes_after(const struct program *program, const struct program *other)
{
    for (const char *const *name = program->wish.after; name && *name; name++)
        if (program_find(program->supervisor, *name) == other)
            return true;
    return false;
}

static bool must_wait(const struct program *program)
{
    for (const struct program *other = program->supervisor->programs; other; other = other->next)
        if (comes_after(other, program) && (other->ending || (other->stopping && runs(other))))
            return true;
    return false;
}

static bool advance_end(struct program *program)
{
    if (!program->ending || must_wait(program))
        return false;
    program->ending = false;
    program->stopping = true;
    program->on = false;
    for (uint32_t i = 0; i < program->count; i++)
        instance_event(program->instances[i], ASK_STOP);
    return true;
}

/* The next one's turn comes when this one is ready again, or will not be. */
static bool advance_turn(struct program *program)
{
    if (!program->rolling)
        return false;
    if (program->turn >= program->wanted) {
        program->rolling = false;
        return true;
    }
    struct instance *instance = program->instances[program->turn];
    enum kin_instance_state state = instance->body.state;
    if (program->turn_starts == 0) {
        program->turn_starts = instance->body.starts + 1;
        if (machine_runs(state))
            instance_event(instance, ASK_RESTART);
        return true;
    }
    bool ready = state == KIN_INSTANCE_READY && instance->body.starts >= program->turn_starts;
    if (!ready && state != KIN_INSTANCE_OFF && state != KIN_INSTANCE_FAILED)
        return false;
    program->turn++;
    program->turn_starts = 0;
    return true;
}

static bool advance_start(struct program *program)
{
    bool any = false, free = false;
    for (uint32_t i = 0; i < program->count; i++)
        if (program->instances[i]->body.state == KIN_INSTANCE_HELD && (free || (free = is_free(program)))) {
            instance_event(program->instances[i], FREED);
            any = true;
        }
    return any;
}

bool order_advance(kin_supervisor *self)
{
    bool any = false;
    for (struct program *program = self->programs; program; program = program->next) {
        program->stopping = program->stopping && runs(program);
        any |= advance_end(program);
        any |= advance_turn(program);
        any |= !program->ending && advance_start(program);
    }
    return any;
}

static void sooner(kin_time *first, kin_time moment)
{
    if (moment < *first)
        *first = moment;
}

kin_time order_deadline(const kin_supervisor *self)
{
    kin_time first = KIN_FOREVER;
    for (const struct program *program = self->programs; program; program = program->next) {
        sooner(&first, program->depth_look);
        for (uint32_t i = 0; i < program->count; i++) {
            sooner(&first, program->instances[i]->deadline);
            sooner(&first, program->instances[i]->probe_at);
        }
    }
    return first;
}

void order_fire(kin_supervisor *self)
{
    int64_t now = clock_monotonic();
    for (struct program *program = self->programs; program; program = program->next) {
        if (program->depth_look <= now)
            pool_look(program);
        for (uint32_t i = 0; i < program->count; i++) {
            struct instance *instance = program->instances[i];
            if (instance->probe_at <= now)
                ready_probe(instance);
            if (instance->deadline <= now)
                instance_event(instance, LATE);
        }
    }
}

static bool is_too_much(kin_supervisor *self)
{
    if (!self->ends)
        return false;
    uint32_t intensity = self->options.intensity;
    int64_t now = clock_monotonic();
    self->ends[self->end_count++ % intensity] = now;
    return self->end_count >= intensity && now - self->ends[self->end_count % intensity] <= self->options.window;
}

static void give_up(kin_supervisor *self)
{
    self->gave_up = true;
    tell_gave_up(self);
    for (struct program *program = self->programs; program; program = program->next)
        program->ending = true;
}

static void restart_others(struct instance *instance)
{
    kin_supervisor *self = instance->supervisor;
    bool behind = false;
    for (struct program *program = self->programs; program; program = program->next) {
        if (self->options.strategy == KIN_ONE_FOR_ALL || behind)
            for (uint32_t i = 0; i < program->count; i++) {
                struct instance *other = program->instances[i];
                if (other != instance && machine_runs(other->body.state) && other->body.state != KIN_INSTANCE_STOPPING)
                    instance_event(other, ASK_RESTART);
            }
        behind = behind || program == instance->program;
    }
}

void order_count(struct instance *instance)
{
    kin_supervisor *self = instance->supervisor;
    if (self->gave_up)
        return;
    if (is_too_much(self))
        give_up(self);
    else if (self->options.strategy != KIN_ONE_FOR_ONE)
        restart_others(instance);
}

void order_failed(struct instance *instance)
{
    for (struct program *program = instance->supervisor->programs; program; program = program->next)
        for (uint32_t i = 0; i < program->count && comes_after(program, instance->program); i++)
            if (program->instances[i]->body.state == KIN_INSTANCE_HELD)
                tell_trouble(program->instances[i], "waits for %s, which has failed", instance->name);
}

/* Who is held and has not been freed by now waits for one that will never be ready. */
bool order_is_over(const kin_supervisor *self)
{
    for (const struct program *program = self->programs; program; program = program->next)
        for (uint32_t i = 0; i < program->count; i++) {
            enum kin_instance_state state = program->instances[i]->body.state;
            if (state == KIN_INSTANCE_PAUSE || machine_runs(state))
                return false;
        }
    return true;
}
