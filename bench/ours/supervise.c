/* A command that ends at once and is started again by a supervisor: the way from one end to the next. */
#include "ours/ours.h"
#include "common/require.h"
#include "common/resident.h"

static unsigned long ends;

static void told(void *context, const struct kin_supervisor_event *event)
{
    (void)context;
    require(event->kind == KIN_EVENT_STATE || event->kind == KIN_EVENT_ENDED);
    if (event->kind != KIN_EVENT_ENDED)
        return;
    require(event->exit->kind == KIN_EXITED && event->exit->status == 0);
    ends++;
}

static kin_supervisor *start(void)
{
    static char *const arguments[] = {(char *)RESIDENT_COMMAND, NULL};
    kin_supervisor *supervisor;
    must(kin_supervisor_open(domain_fresh(), NULL, KIN_SUPERVISOR(.intensity = UINT32_MAX, .event = told),
                             &supervisor));
    must(kin_supervisor_add(supervisor,
                            KIN_PROGRAM(.name = "it", .argv = arguments, .pause_min = 1, .pause_max = 1)));
    must(kin_supervisor_start(supervisor, NULL));
    return supervisor;
}

void supervise_restart(void)
{
    static kin_supervisor *supervisor;
    unsigned long before = ends;
    if (!supervisor)
        supervisor = start();
    while (ends == before)
        must(kin_supervisor_wait(supervisor, KIN_FOREVER));
}
