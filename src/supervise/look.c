/* What a supervisor's board shows, to its own process and to others. */
#include "supervise/supervisor.h"
#include "sys/atomic.h"
#include "sys/task.h"
#include <stdio.h>
#include <string.h>

static void fill_in(const struct record *record, const struct body *body, struct kin_instance *out)
{
    memset(out, 0, sizeof *out);
    snprintf(out->program, sizeof out->program, "%s", body->program);
    if (body->index == 0)
        snprintf(out->name, sizeof out->name, "%s", body->program);
    else
        snprintf(out->name, sizeof out->name, "%s.%u", body->program, body->index);
    out->index = body->index;
    out->state = body->state < STATES ? body->state : KIN_INSTANCE_OFF;
    out->pid = machine_runs(out->state) ? (pid_t)claim_pid(record) : 0;
    out->start = out->pid ? task_start((uint32_t)out->pid) : 0;
    out->since = body->since;
    out->started = body->started;
    out->restarts = body->starts ? body->starts - 1 : 0;
    out->last = (struct kin_exit){body->end_kind, body->end_status, body->usage};
    memcpy(out->status, body->status, sizeof out->status);
    out->stored = body->stored;
}

int kin_supervisor_each(kin_supervisor *self, int (*visit)(void *context, const struct kin_instance *instance),
                        void *context)
{
    int result = 0;
    for (uint32_t i = 0; result == 0 && i < board_records(self->segment); i++) {
        const struct record *record = &board_of(self->segment)->record[i];
        struct kin_instance instance;
        struct body body;
        body_read(record, &body);
        if (body.program[0] == 0)
            continue;
        fill_in(record, &body, &instance);
        result = visit(context, &instance);
    }
    return result;
}

static void count(const struct record *record, struct kin_supervisor_status *out)
{
    struct body body;
    body_read(record, &body);
    if (body.program[0])
        out->instances++;
    out->running += claim_pid(record) != 0 && machine_runs(body.state);
    out->ready += body.state == KIN_INSTANCE_READY || body.state == KIN_INSTANCE_RELOADING;
    out->failed += body.state == KIN_INSTANCE_FAILED;
    out->ends += body.starts - (machine_runs(body.state) ? 1 : 0);
}

int kin_supervisor_status(kin_supervisor *self, struct kin_supervisor_status *out)
{
    const struct board *board = board_of(self->segment);
    memset(out, 0, sizeof *out);
    out->pid = (pid_t)LOAD(board->pid);
    out->start = LOAD(board->start);
    out->alive = task_state((uint32_t)out->pid, out->start) == TASK_LIVING;
    out->since = LOAD(board->since);
    out->orphans = LOAD(board->orphans);
    memcpy(out->control, board->control, sizeof out->control);
    out->control[sizeof out->control - 1] = 0;
    for (uint32_t i = 0; i < board_records(self->segment); i++)
        count(&board->record[i], out);
    return 0;
}
