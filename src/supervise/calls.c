/* What can be asked of programs and instances by name. */
#include "supervise/supervisor.h"
#include "sys/reason.h"
#include <errno.h>
#include <string.h>

static bool is_meant(const struct instance *instance, const char *name)
{
    return !name || strcmp(name, instance->program->wish.name) == 0 || strcmp(name, instance->name) == 0;
}

/* How many instances the name means, that are wanted; each is given the event. */
static unsigned tell_each(struct program *program, const char *name, enum event event)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < program->wanted; i++)
        if (is_meant(program->instances[i], name) && instance_event(program->instances[i], event) == 0)
            count++;
    return count;
}

static bool means_program(const struct program *program, const char *name)
{
    return !name || strcmp(name, program->wish.name) == 0;
}

/* One of its instances, or all of it. */
static bool is_in(const struct program *program, const char *name)
{
    for (uint32_t i = 0; i < program->count; i++)
        if (is_meant(program->instances[i], name))
            return true;
    return false;
}

static int check_name(const kin_supervisor *self, const char *name)
{
    if (self->looks)
        return reason(-EINVAL, "%s: this handle only looks at it; ask its control socket", self->label);
    for (const struct program *program = self->programs; program; program = program->next)
        if (is_in(program, name))
            return 0;
    return name ? reason(-ENOENT, "%s: no program or instance \"%s\"", self->label, name) : 0;
}

/* What it comes after is started with it. */
static void start(struct program *program, const char *name)
{
    program->on = true;
    program->ending = program->stopping = false;
    tell_each(program, name, ASK_START);
    if (program->wish.instances_max > program->wish.instances)
        program->depth_look = KIN_NOW;
    for (const char *const *other = program->wish.after; other && *other; other++) {
        struct program *before = program_find(program->supervisor, *other);
        if (!before->on)
            start(before, *other);
    }
}

int kin_supervisor_start(kin_supervisor *self, const char *name)
{
    int result = check_name(self, name);
    if (result == 0)
        result = program_check_order(self);
    if (result < 0)
        return result;
    self->gave_up = false;
    self->end_count = 0;
    if (self->ends)
        memset(self->ends, 0, self->options.intensity * sizeof *self->ends);
    for (struct program *program = self->programs; program; program = program->next)
        if (is_in(program, name))
            start(program, name);
    adopt_strangers(self);
    loop_settle(self);
    return 0;
}

int kin_supervisor_stop(kin_supervisor *self, const char *name)
{
    int result = check_name(self, name);
    if (result < 0)
        return result;
    for (struct program *program = self->programs; program; program = program->next) {
        if (means_program(program, name)) {
            program->ending = true;
            program->rolling = false;
        } else {
            tell_each(program, name, ASK_STOP);
        }
    }
    loop_settle(self);
    return 0;
}

int kin_supervisor_restart(kin_supervisor *self, const char *name)
{
    int result = check_name(self, name);
    if (result == 0)
        result = program_check_order(self);
    if (result < 0)
        return result;
    for (struct program *program = self->programs; program; program = program->next) {
        if (!is_in(program, name))
            continue;
        program->on = true;
        program->ending = program->stopping = program->rolling = false;
        tell_each(program, name, ASK_RESTART);
    }
    loop_settle(self);
    return 0;
}

/* By signal to each that is ready; or, where reloading is a restart, one after the other. */
static unsigned reload(struct program *program, const char *name)
{
    if (program->wish.reload_signal != -1)
        return tell_each(program, name, ASK_RELOAD);
    if (!means_program(program, name))
        return tell_each(program, name, ASK_RESTART);
    if (!program->on || program->rolling)
        return program->rolling;
    program->rolling = true;
    program->turn = 0;
    program->turn_starts = 0;
    return 1;
}

int kin_supervisor_reload(kin_supervisor *self, const char *name)
{
    unsigned count = 0;
    int result = check_name(self, name);
    if (result < 0)
        return result;
    for (struct program *program = self->programs; program; program = program->next)
        if (is_in(program, name))
            count += reload(program, name);
    loop_settle(self);
    return count ? 0 : reason(-EINVAL, "%s is not ready: there is nothing to reload", name ? name : self->label);
}

int kin_supervisor_signal(kin_supervisor *self, const char *name, int signal)
{
    unsigned count = 0;
    int result = check_name(self, name);
    if (result < 0)
        return result;
    for (struct program *program = self->programs; result == 0 && program; program = program->next)
        for (uint32_t i = 0; result == 0 && i < program->count; i++)
            if (is_meant(program->instances[i], name) && program->instances[i]->process) {
                result = instance_signal(program->instances[i], signal);
                count++;
            }
    return result < 0 || count ? result : reason(-ESRCH, "%s does not run", name ? name : self->label);
}
