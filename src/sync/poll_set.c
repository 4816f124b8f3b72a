/* Making sets, and what is in them. */
#include "sync/poll_set.h"
#include "sync/wait.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int no_memory(void)
{
    return reason(-ENOMEM, "no memory left in this process");
}

int kin_poll_create(kin_poll **out)
{
    kin_poll *set = calloc(1, sizeof *set);
    if (!set)
        return no_memory();
    set->epoll = set->timer = -1;
    set->rang = RANG_ANY;
    *out = set;
    return 0;
}

static bool is_ours(const struct set_bell *bell)
{
    return bell->id && bell->process == LOAD(*bell->domain->own);
}

static bool is_shared(const kin_poll *set, const struct member *member)
{
    for (unsigned i = 0; i < set->size; i++)
        if (&set->members[i] != member && set->members[i].kind == MEMBER_THING &&
            set->members[i].poller == member->poller)
            return true;
    return false;
}

/* Another set of this thread may have the same entry, and is to see that its arms are off. */
static void leave_entry(const kin_poll *set, const struct member *member)
{
    const struct set_bell *bell = &set->bells[member->bell];
    poll_leave(member->poller, bell_of(set, member));
    if (bell->fd < 0)
        bell_ring(bell->domain, bell_of(set, member));
}

static void leave(kin_poll *set, struct member *member)
{
    const struct set_bell *bell = &set->bells[member->bell];
    if (member->poller && is_ours(bell) && !is_shared(set, member))
        leave_entry(set, member);
    member->poller = NULL;
    member->armed = false;
}

static void drop_bell(kin_poll *set, struct set_bell *bell)
{
    for (unsigned i = 0; i < set->size; i++)
        if (set->members[i].kind == MEMBER_THING && &set->bells[set->members[i].bell] == bell)
            leave(set, &set->members[i]);
    if (bell->fd >= 0 && is_ours(bell))
        bell_remove(bell->domain, bell->id);
    file_close(bell->fd);
    bell->fd = -1;
    bell->id = 0;
}

static void drop_epoll(kin_poll *set)
{
    file_close(set->epoll);
    file_close(set->timer);
    set->epoll = set->timer = -1;
}

void kin_poll_destroy(kin_poll *set)
{
    if (!set)
        return;
    for (unsigned i = 0; i < set->bell_count; i++) {
        drop_bell(set, &set->bells[i]);
        domain_drop(set->bells[i].domain);
    }
    drop_epoll(set);
    free(set->members);
    free(set->fds);
    free(set);
}

static int watch(kin_poll *set, int fd, short events)
{
    struct epoll_event event = {.events = (uint32_t)events, .data.fd = fd};
    if (set->epoll < 0 || epoll_ctl(set->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
        return 0;
    return reason_errno("cannot poll descriptor %d", fd);
}

static int make_epoll(kin_poll *set)
{
    int result = 0;
    struct timespec span = {BACKSTOP(WAIT_BACKSTOP) / SECOND, BACKSTOP(WAIT_BACKSTOP) % SECOND};
    struct itimerspec every = {span, span};
    set->process = (uint32_t)getpid();
    set->epoll = epoll_create1(EPOLL_CLOEXEC);
    set->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (set->epoll < 0 || set->timer < 0)
        return reason_errno("cannot make a descriptor to poll");
    timerfd_settime(set->timer, 0, &every, NULL);
    result = watch(set, set->timer, EPOLLIN);
    for (unsigned i = 0; i < set->bell_count && result == 0; i++)
        if (set->bells[i].fd >= 0)
            result = watch(set, set->bells[i].fd, EPOLLIN);
    for (unsigned i = 0; i < set->size && result == 0; i++)
        if (set->members[i].kind == MEMBER_FD)
            result = watch(set, set->members[i].fd, set->members[i].events);
    return result;
}

static int make_bell(kin_poll *set, struct set_bell *bell)
{
    int result = 0;
    struct seat *seat = life_enter(bell->domain, &result);
    if (!seat)
        return result;
    bool by_life = !set->exported && set->descriptors == 0 && set->bell_count == 1;
    bell_id own = BELL_OF_LIFE | seat->id;
    if (is_ours(bell) && (by_life ? bell->id == own : bell->fd >= 0))
        return 0;
    drop_bell(set, bell);
    bell->process = seat->process;
    if (by_life) {
        bell->id = own;
        return 0;
    }
    bell->fd = bell_make(seat, &bell->id);
    if (bell->fd < 0) {
        bell->id = 0;
        return bell->fd;
    }
    return watch(set, bell->fd, EPOLLIN);
}

int set_prepare(kin_poll *set)
{
    int result = 0;
    if (set->epoll >= 0 && set->process != (uint32_t)getpid()) {
        drop_epoll(set); /* the parent's: what is in it stays in it */
        for (unsigned i = 0; i < set->bell_count; i++)
            drop_bell(set, &set->bells[i]);
    }
    if (set->exported && set->epoll < 0)
        result = make_epoll(set);
    for (unsigned i = 0; i < set->bell_count && result == 0; i++)
        result = make_bell(set, &set->bells[i]);
    return result;
}

int set_arm(kin_poll *set, struct member *member)
{
    const struct pollable *thing = &member->thing;
    const struct set_bell *bell = &set->bells[member->bell];
    if (!member->poller || LOAD(member->poller->bell) != bell_of(set, member))
        member->poller = poll_join(bell->domain, thing->table, bell_of(set, member));
    if (!member->poller)
        return reason(-EBUSY, "%s has %u pollers already", thing->object->segment.path, thing->table.count);
    poll_arm(thing->table, member->poller, thing->bit);
    member->armed = true;
    return 0;
}

static int find_bell(kin_poll *set, kin_domain *domain)
{
    unsigned i = 0;
    while (i < set->bell_count && set->bells[i].domain != domain)
        i++;
    if (i == SET_BELLS_MAX)
        return reason(-EXDEV, "the set has things of %u domains already: make another set", SET_BELLS_MAX);
    if (i == set->bell_count) {
        domain_keep(domain);
        set->bells[set->bell_count++] = (struct set_bell){.domain = domain, .fd = -1};
    }
    return (int)i;
}

static int grow(kin_poll *set)
{
    unsigned size = set->size ? set->size * 2 : 8;
    struct member *members = realloc(set->members, size * sizeof *members);
    if (!members)
        return no_memory();
    set->members = members;
    struct pollfd *fds = realloc(set->fds, (size + SET_BELLS_MAX) * sizeof *fds);
    if (!fds)
        return no_memory();
    set->fds = fds;
    for (unsigned i = set->size; i < size; i++)
        members[i] = (struct member){.kind = MEMBER_FREE};
    set->size = size;
    return 0;
}

/* The number of a free place, or an error. */
static int find_place(kin_poll *set)
{
    unsigned number = 0;
    while (number < set->size && set->members[number].kind != MEMBER_FREE)
        number++;
    int result = number < set->size ? 0 : grow(set);
    return result < 0 ? result : (int)number;
}

int poll_add(kin_poll *set, const struct pollable *thing)
{
    int number = find_place(set), bell = number < 0 ? number : find_bell(set, thing->object->domain);
    if (bell < 0)
        return bell;
    struct member *member = &set->members[number];
    *member = (struct member){.kind = MEMBER_THING, .thing = *thing, .bell = (unsigned)bell,
                              .sort = (int)(thing->object->id % BELL_SORTS)};
    set->used++;
    int result = set_prepare(set);
    if (result == 0)
        result = set_arm(set, member);
    member->armed = false; /* nobody looked yet */
    if (result < 0)
        kin_poll_remove(set, number);
    return result < 0 ? result : number;
}

int kin_poll_add_fd(kin_poll *set, int fd, short events)
{
    if (fcntl(fd, F_GETFD) < 0)
        return reason(-EBADF, "descriptor %d is not open", fd);
    if (events == 0 || events & ~(POLLIN | POLLOUT | POLLPRI | POLLRDHUP))
        return reason(-EINVAL, "ask for POLLIN or POLLOUT of descriptor %d, not for events %#x", fd, (unsigned)events);
    int number = find_place(set), result = number < 0 ? number : watch(set, fd, events);
    if (result < 0)
        return result;
    set->members[number] = (struct member){.kind = MEMBER_FD, .fd = fd, .events = events};
    set->used++;
    set->descriptors++;
    return number;
}

int kin_poll_remove(kin_poll *set, int which)
{
    if (which < 0 || (unsigned)which >= set->size || set->members[which].kind == MEMBER_FREE)
        return reason(-ENOENT, "the set has nothing with number %d", which);
    struct member *member = &set->members[which];
    if (member->kind == MEMBER_THING) {
        leave(set, member);
    } else {
        set->descriptors--;
        if (set->epoll >= 0 && set->process == (uint32_t)getpid())
            epoll_ctl(set->epoll, EPOLL_CTL_DEL, member->fd, NULL);
    }
    member->kind = MEMBER_FREE;
    set->used--;
    return 0;
}
