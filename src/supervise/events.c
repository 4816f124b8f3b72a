/* What the owner of a supervisor is told. */
#include "supervise/supervisor.h"
#include <stdarg.h>
#include <stdio.h>

static void tell(const kin_supervisor *self, const struct kin_supervisor_event *event)
{
    if (self->options.event)
        self->options.event(self->options.context, event);
}

static struct kin_supervisor_event about(const struct instance *instance, enum kin_supervisor_event_kind kind)
{
    return (struct kin_supervisor_event){.kind = kind,
                                         .instance = instance->name,
                                         .state = instance->body.state,
                                         .pid = instance->process ? kin_process_pid(instance->process) : 0,
                                         .text = instance->body.status};
}

void tell_state(struct instance *instance)
{
    struct kin_supervisor_event event = about(instance, KIN_EVENT_STATE);
    tell(instance->supervisor, &event);
}

void tell_end(struct instance *instance, const struct kin_exit *how)
{
    struct kin_supervisor_event event = about(instance, KIN_EVENT_ENDED);
    event.exit = how;
    tell(instance->supervisor, &event);
}

void tell_trouble(struct instance *instance, const char *format, ...)
{
    char text[512];
    struct kin_supervisor_event event = about(instance, KIN_EVENT_TROUBLE);
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    event.text = text;
    tell(instance->supervisor, &event);
}

void tell_gave_up(kin_supervisor *self)
{
    char text[128];
    snprintf(text, sizeof text, "%u have ended within %.3g s", self->options.intensity,
             (double)self->options.window / 1e9);
    struct kin_supervisor_event event = {.kind = KIN_EVENT_GAVE_UP, .text = text};
    tell(self, &event);
}
