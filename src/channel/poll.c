/* A queue as a descriptor. The armed pollers stand in the queue's header; whoever makes something possible takes the
 * arm off and rings. The six headings are in channel/queue.h.
 *
 * The descriptor is an epoll set over the bell's FIFO and a timer: the backstop of all who wait holds here too. */
#include "channel/queue.h"
#include "life/bell.h"
#include "sync/wait.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/reason.h"
#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

static struct poller *find(kin_queue *queue, uint64_t bell)
{
    for (unsigned i = 0; i < POLLERS_MAX; i++)
        if (LOAD(queue->shared->pollers[i].bell) == bell)
            return &queue->shared->pollers[i];
    return NULL;
}

/* A free entry, or one whose owner is dead. */
static struct poller *claim(kin_queue *queue, uint64_t bell)
{
    struct poller *poller = find(queue, 0);
    for (unsigned i = 0; !poller && i < POLLERS_MAX; i++)
        if (process_verdict(queue->object.domain, (uint32_t)LOAD(queue->shared->pollers[i].bell), false) !=
            VERDICT_ALIVE)
            poller = &queue->shared->pollers[i];
    if (poller) {
        STORE(poller->what, 0);
        STORE(poller->bell, bell);
    }
    return poller;
}

static bool possible(const kin_queue *queue, enum kin_ready what)
{
    const struct hot *hot = queue->hot;
    return what == KIN_CAN_RECEIVE ? LOAD(hot->depth) != 0
                                   : LOAD(hot->free) != 0 || LOAD(hot->fresh) <= queue->messages;
}

/* Arms, and rings at once if there is something to be had already. */
static int arm(kin_queue *queue, enum kin_ready what, uint64_t bell)
{
    struct seat *seat;
    struct standing standing;
    int result = queue_enter(queue, &seat, KIN_NOW);
    if (result < 0)
        return result;
    queue_settle(queue, seat, false, &standing);
    struct poller *poller = find(queue, bell);
    if (!poller)
        poller = claim(queue, bell);
    bool now = possible(queue, what);
    if (poller && !now) {
        STORE(poller->what, what);
        STORE(queue->hot->armed, LOAD(queue->hot->armed) | what);
    }
    queue_unlock(queue, seat);
    if (now)
        bell_ring(queue->object.domain, bell);
    return poller ? 0 : reason(-EBUSY, "%s has %u pollers already", queue->object.segment.path, POLLERS_MAX);
}

/* Takes the arms off. How many bells are to be rung. */
static unsigned disarm(kin_queue *queue, uint32_t what, uint64_t bells[POLLERS_MAX])
{
    unsigned count = 0;
    for (unsigned i = 0; i < POLLERS_MAX; i++) {
        struct poller *poller = &queue->shared->pollers[i];
        if (LOAD(poller->what) & what) {
            STORE(poller->what, 0);
            bells[count++] = LOAD(poller->bell);
        }
    }
    STORE(queue->hot->armed, LOAD(queue->hot->armed) & ~what);
    return count;
}

static void ring_all(kin_queue *queue, const uint64_t *bells, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bell_ring(queue->object.domain, bells[i]);
}

void poll_ring(kin_queue *queue, uint32_t what)
{
    struct seat *seat;
    uint64_t bells[POLLERS_MAX];
    if (queue_enter(queue, &seat, KIN_NOW) < 0)
        return;
    unsigned count = disarm(queue, what, bells);
    queue_unlock(queue, seat);
    ring_all(queue, bells, count);
}

/* For who holds the lock and goes on to hold it: after a death only. */
void poll_ring_locked(kin_queue *queue, uint32_t what)
{
    uint64_t bells[POLLERS_MAX];
    ring_all(queue, bells, disarm(queue, what, bells));
}

static int add(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? reason_errno("cannot poll the doorbell") : 0;
}

/* A child of fork has copies of the descriptors, but the bell is its parent's. */
static bool is_ours(const kin_queue *queue, const struct poll_set *set)
{
    return set->id && (uint32_t)set->id == LOAD(*queue->object.domain->own);
}

static void discard(kin_queue *queue, struct poll_set *set)
{
    if (is_ours(queue, set))
        bell_remove(queue->object.domain, set->id);
    if (set->epoll > 0)
        file_close(set->epoll);
    if (set->bell > 0)
        file_close(set->bell);
    if (set->timer > 0)
        file_close(set->timer);
    *set = (struct poll_set){0};
}

static int make(kin_queue *queue, struct poll_set *set)
{
    int result;
    struct seat *seat = life_enter(queue->object.domain, &result);
    if (!seat)
        return result;
    set->bell = bell_make(seat, &set->id);
    if (set->bell < 0)
        return set->bell;
    set->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    set->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (set->timer < 0 || set->epoll < 0)
        return reason_errno("cannot make a descriptor to poll %s", queue->object.segment.path);
    struct timespec span = {0, WAIT_BACKSTOP};
    struct itimerspec every = {span, span};
    timerfd_settime(set->timer, 0, &every, NULL);
    result = add(set->epoll, set->bell);
    return result < 0 ? result : add(set->epoll, set->timer);
}

static struct poll_set *set_of(kin_queue *queue, enum kin_ready what)
{
    return what == KIN_CAN_RECEIVE || what == KIN_CAN_SEND ? &queue->poll[what - 1] : NULL;
}

int kin_queue_fd(kin_queue *queue, enum kin_ready what)
{
    struct poll_set *set = set_of(queue, what);
    if (!set)
        return reason(-EINVAL, "ask for KIN_CAN_RECEIVE or KIN_CAN_SEND, not for %d", (int)what);
    pthread_mutex_lock(&queue->poll_lock);
    if (set->epoll > 0 && !is_ours(queue, set))
        discard(queue, set);
    int result = set->epoll > 0 ? 0 : make(queue, set);
    if (result == 0 && !find(queue, set->id))
        result = arm(queue, what, set->id);
    if (result < 0)
        discard(queue, set);
    int fd = set->epoll;
    pthread_mutex_unlock(&queue->poll_lock);
    return result < 0 ? result : fd;
}

int kin_queue_clear(kin_queue *queue, enum kin_ready what)
{
    struct poll_set *set = set_of(queue, what);
    char bytes[256];
    uint64_t ticks;
    if (!set || set->epoll <= 0 || !is_ours(queue, set))
        return reason(-EINVAL, "kin_queue_fd was not asked for this descriptor");
    while (file_read(set->bell, bytes, sizeof bytes) > 0)
        continue;
    if (file_read(set->timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN)
        return reason_errno("cannot read the timer of %s", queue->object.segment.path);
    return arm(queue, what, set->id);
}

void poll_close(kin_queue *queue)
{
    struct seat *seat;
    for (unsigned i = 0; i < 2; i++) {
        struct poll_set *set = &queue->poll[i];
        if (set->epoll <= 0)
            continue;
        if (is_ours(queue, set) && queue_enter(queue, &seat, KIN_FOREVER) == 0) {
            struct poller *poller = find(queue, set->id);
            if (poller) {
                STORE(poller->what, 0);
                STORE(poller->bell, 0);
            }
            queue_unlock(queue, seat);
        }
        discard(queue, set);
    }
}
