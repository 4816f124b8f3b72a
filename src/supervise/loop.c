/* What a supervisor waits for: one epoll descriptor with all sources, and one timer for what comes first. One event is
 * taken at a time, so that whatever is closed meanwhile is never called. */
#include "supervise/supervisor.h"
#include "sys/ready.h"
#include "sys/reason.h"
#include "sys/timer.h"
#include "sys/unix.h"
#include <errno.h>

void source_init(struct source *source, void (*ready)(struct source *source), void *owner)
{
    *source = (struct source){-1, ready, owner};
}

int source_watch(kin_supervisor *self, struct source *source, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    if (epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        return reason_errno("%s: cannot watch descriptor %d", self->label, fd);
    source->fd = fd;
    return 0;
}

void source_forget(kin_supervisor *self, struct source *source)
{
    if (source->fd >= 0)
        epoll_ctl(self->epoll, EPOLL_CTL_DEL, source->fd, NULL);
    source->fd = -1;
}

/* A moment that has passed already makes it expire at once; timerfd takes 0 for never. */
static void set_timer(kin_supervisor *self)
{
    kin_time moment = order_deadline(self);
    if (moment == self->timer_at)
        return;
    self->timer_at = moment;
    timer_arm(self->timer.fd, false, moment == KIN_FOREVER ? 0 : moment > 0 ? moment : 1, 0);
}

void loop_settle(kin_supervisor *self)
{
    while (order_advance(self))
        ;
    set_timer(self);
}

static bool step(kin_supervisor *self)
{
    struct epoll_event event;
    if (unix_events(self->epoll, &event, 1) <= 0)
        return false;
    struct source *source = event.data.ptr;
    source->ready(source);
    loop_settle(self);
    return true;
}

int kin_supervisor_wait(kin_supervisor *self, kin_time until)
{
    if (self->looks)
        return reason(-EINVAL, "%s: this handle only looks at it", self->label);
    adopt_strangers(self);
    loop_settle(self);
    while (!step(self)) {
        if (order_is_over(self))
            return self->gave_up ? reason(-ECANCELED, "%s: gave up, as too many have ended too soon", self->label)
                                 : reason(-ECHILD, "%s: nothing runs, and nothing will", self->label);
        int result = ready_one(self->epoll, POLLIN, until);
        if (result < 0)
            return result;
    }
    return 0;
}

int kin_supervisor_fd(const kin_supervisor *self)
{
    return self->epoll;
}
