/* A number of instances that follows how much work waits in a queue. */
#include "supervise/supervisor.h"
#include "sys/reason.h"
#include <errno.h>

#define LOOK_AGAIN (100 * MILLISECOND) /* while there is work */
#define OPEN_AGAIN SECOND              /* until there is a queue */
#define IDLE_MOST 20                   /* looks in a row at which fewer would have done, before one is stopped */

static void told(struct source *source)
{
    struct program *program = source->owner;
    pool_look(program);
}

static int open_queue(struct program *program)
{
    kin_supervisor *self = program->supervisor;
    if (program->queue)
        return 0;
    int result = kin_queue_open(self->domain, program->wish.queue, KIN_QUEUE(.flags = KIN_MUST_EXIST), &program->queue);
    if (result < 0)
        return result;
    source_init(&program->depth, told, program);
    return 0;
}

static void grow(struct program *program, uint32_t wanted)
{
    while (program->wanted < wanted) {
        instance_event(program->instances[program->wanted], ASK_START);
        program->wanted++;
    }
}

static void shrink(struct program *program)
{
    program->wanted--;
    instance_event(program->instances[program->wanted], ASK_STOP);
}

static uint32_t needed(const struct program *program)
{
    struct kin_queue_status status = {0};
    kin_queue_status(program->queue, &status);
    uint64_t work = status.queued + status.leased;
    if (work < program->wish.instances)
        return program->wish.instances;
    return work < program->wish.instances_max ? (uint32_t)work : program->wish.instances_max;
}

/* With nothing to do and nobody too many, the queue's descriptor tells when there is something again. */
static void wait_for_work(struct program *program)
{
    bool idle = program->wanted == program->wish.instances;
    source_forget(program->supervisor, &program->depth);
    program->depth_look = kin_after(LOOK_AGAIN);
    if (!idle)
        return;
    int fd = kin_queue_fd(program->queue, KIN_CAN_RECEIVE);
    kin_queue_clear(program->queue, KIN_CAN_RECEIVE);
    if (fd < 0 || needed(program) != program->wanted)
        return;
    if (source_watch(program->supervisor, &program->depth, fd, EPOLLIN) == 0)
        program->depth_look = KIN_FOREVER;
}

void pool_look(struct program *program)
{
    program->depth_look = KIN_FOREVER;
    if (!program->on)
        return;
    if (open_queue(program) < 0) {
        program->depth_look = kin_after(OPEN_AGAIN);
        return;
    }
    uint32_t wanted = needed(program);
    program->idle = wanted < program->wanted ? program->idle + 1 : 0;
    grow(program, wanted);
    if (program->idle >= IDLE_MOST) {
        program->idle = 0;
        shrink(program);
    }
    wait_for_work(program);
}

void pool_close(struct program *program)
{
    source_forget(program->supervisor, &program->depth);
    kin_queue_close(program->queue);
}
