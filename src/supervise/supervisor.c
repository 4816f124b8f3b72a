/* The object and its calls; what happens by itself is in supervise/loop.c. */
#include "supervise/supervisor.h"
#include "sys/atomic.h"
#include "sys/file.h"
#include "sys/reason.h"
#include "sys/timer.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INTENSITY 5u
#define INTENSITY_MOST 1000000u

static void time_passed(struct source *source)
{
    kin_supervisor *self = source->owner;
    uint64_t count;
    timer_read(source->fd, &count);
    self->timer_at = KIN_FOREVER;
    order_fire(self);
}

static int copy_options(kin_supervisor *self, const struct kin_supervisor_options *options)
{
    struct kin_supervisor_options *mine = &self->options;
    if (options)
        memcpy(mine, options, options->size < sizeof *mine ? options->size : sizeof *mine);
    mine->intensity = mine->intensity ? mine->intensity : INTENSITY;
    mine->window = mine->window ? mine->window : 5 * SECOND;
    mine->mode = mine->mode ? mine->mode : 0600;
    if (mine->intensity != UINT32_MAX && mine->intensity > INTENSITY_MOST)
        return reason(-EINVAL, "%s: an intensity of %u; at most %u, or UINT32_MAX for no limit", self->label,
                      mine->intensity, INTENSITY_MOST);
    if (mine->window < 0 || (unsigned)mine->strategy > KIN_ONE_FOR_ALL)
        return reason(-EINVAL, "%s: no such %s", self->label, mine->window < 0 ? "window" : "strategy");
    self->cgroup = mine->cgroup ? strdup(mine->cgroup) : NULL;
    self->control_name = mine->control ? strdup(mine->control) : NULL;
    self->ends = mine->intensity == UINT32_MAX ? NULL : calloc(mine->intensity, sizeof *self->ends);
    if ((mine->cgroup && !self->cgroup) || (mine->control && !self->control_name) ||
        (mine->intensity != UINT32_MAX && !self->ends))
        return reason(-ENOMEM, "%s: no memory for a supervisor", self->label);
    return 0;
}

static int open_loop(kin_supervisor *self)
{
    source_init(&self->timer, time_passed, self);
    self->timer_at = KIN_FOREVER;
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    self->null = file_open("/dev/null", O_RDWR | O_CLOEXEC, 0);
    int timer = timer_make(false);
    if (self->epoll < 0 || self->null < 0 || timer < 0) {
        file_close(timer);
        return reason_errno("%s: no descriptors for a supervisor", self->label);
    }
    return source_watch(self, &self->timer, timer, EPOLLIN);
}

/* What tokens and the notify socket's name are made of: the same for each supervisor of that name. */
static uint64_t identity_of(const kin_segment *segment)
{
    struct stat is = {0};
    fstat(kin_segment_fd((kin_segment *)segment), &is);
    return (uint64_t)is.st_dev << 48 ^ (uint64_t)is.st_ino;
}

static void take_board(kin_supervisor *self)
{
    self->identity = identity_of(self->segment);
    self->killed_before =
        board_records(self->segment) > 0 && !(LOAD(board_of(self->segment)->flags) & KIN_SUPERVISE_ADOPT);
    board_sign(self->segment, self->options.flags, self->control_name);
}

static int open_all(kin_supervisor *self, const char *name)
{
    int result = open_loop(self);
    if (result == 0)
        result = board_open(self->domain, name, self->options.mode, &self->segment);
    if (result < 0)
        return result;
    take_board(self);
    result = notify_open(self);
    if (result == 0)
        result = control_open(self);
    return result == 0 ? orphans_open(self) : result;
}

static kin_supervisor *make(kin_domain *domain, const char *name)
{
    kin_supervisor *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->domain = domain;
    self->epoll = self->null = self->timer.fd = -1;
    self->notes.fd = self->asks.fd = self->orphans.fd = -1;
    self->last = &self->programs;
    snprintf(self->label, sizeof self->label, "%s", name ? name : "a supervisor without a name");
    return self;
}

int kin_supervisor_open(kin_domain *domain, const char *name, const struct kin_supervisor_options *options,
                        kin_supervisor **out)
{
    kin_supervisor *self = make(domain, name);
    if (!self)
        return reason(-ENOMEM, "no memory for a supervisor");
    int result = copy_options(self, options);
    if (result == 0)
        result = open_all(self, name);
    if (result < 0)
        kin_supervisor_close(self);
    else
        *out = self;
    return result;
}

int kin_supervisor_look(kin_domain *domain, const char *name, kin_supervisor **out)
{
    kin_supervisor *self = make(domain, name);
    if (!self)
        return reason(-ENOMEM, "no memory for a supervisor");
    self->looks = true;
    int result = board_look(domain, name, &self->segment);
    if (result < 0)
        kin_supervisor_close(self);
    else
        *out = self;
    return result;
}

void kin_supervisor_close(kin_supervisor *self)
{
    if (!self)
        return;
    while (self->programs) {
        struct program *next = self->programs->next;
        program_free(self->programs);
        self->programs = next;
    }
    control_close(self);
    notify_close(self);
    orphans_close(self);
    if (self->segment && !self->looks)
        kin_lock_release(self->segment, &board_of(self->segment)->lock);
    kin_segment_close(self->segment);
    file_close(self->timer.fd);
    file_close(self->epoll);
    file_close(self->null);
    free(self->cgroup);
    free(self->control_name);
    free(self->ends);
    free(self);
}

static int add_instances(struct program *program)
{
    const struct kin_program *wish = &program->wish;
    int result = 0;
    program->wanted = wish->instances;
    for (uint32_t i = 0; i < wish->instances_max; i++) {
        result = instance_make(program, wish->instances_max == 1 ? 0 : i + 1, &program->instances[i]);
        if (result < 0)
            break;
        enum kin_instance_state state = program->instances[program->count++]->body.state;
        program->on = program->on || (state != KIN_INSTANCE_OFF && state != KIN_INSTANCE_FAILED);
        if (machine_runs(state) && program->wanted <= i)
            program->wanted = i + 1;
    }
    return result;
}

int kin_supervisor_add(kin_supervisor *self, const struct kin_program *wish)
{
    struct program *program;
    if (self->looks)
        return reason(-EINVAL, "%s: this handle only looks at it", self->label);
    int result = program_copy(self, wish, &program);
    if (result < 0)
        return result;
    if (program_find(self, program->wish.name))
        result = reason(-EEXIST, "%s has a program \"%s\" already", self->label, program->wish.name);
    else
        result = add_instances(program);
    if (result < 0) {
        program_free(program);
        return result;
    }
    *self->last = program;
    self->last = &program->next;
    if (program->wish.instances_max > program->wish.instances)
        program->depth_look = KIN_NOW;
    return 0;
}
