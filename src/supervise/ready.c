/* Ways to tell that one is ready: a newline on a descriptor, or a command that finds it so. */
#include "supervise/supervisor.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include <errno.h>
#include <string.h>

#define PROBE_EVERY SECOND

static void heard(struct source *source)
{
    struct instance *instance = source->owner;
    char text[64];
    ssize_t length = pipe_read(source->fd, text, sizeof text, false);
    if (length == 0 || (length > 0 && memchr(text, '\n', (size_t)length)))
        instance_event(instance, SAYS_READY);
}

static void forget_probe(struct instance *instance)
{
    source_forget(instance->supervisor, &instance->probing);
    kin_process_close(instance->probe);
    instance->probe = NULL;
}

static void probed(struct source *source)
{
    struct instance *instance = source->owner;
    struct kin_exit how = {.kind = KIN_ENDED};
    kin_process_wait(instance->probe, 0, KIN_FOREVER, &how);
    forget_probe(instance);
    if (how.kind == KIN_EXITED && how.status == 0)
        instance_event(instance, SAYS_READY);
    else
        instance->probe_at = kin_after(PROBE_EVERY);
}

/* It runs where the instance runs, as whom the instance runs. */
void ready_probe(struct instance *instance)
{
    const struct program *program = instance->program;
    const struct kin_spawn_options *theirs = &program->spawn;
    int null = instance->supervisor->null;
    const struct kin_fd_map quiet[] = {{0, null}, {1, null}, {2, null}};
    struct kin_spawn_options spawn = {.size = sizeof spawn,
                                      .flags = KIN_SPAWN_GROUP | KIN_SPAWN_LIFELINE,
                                      .environment = theirs->environment,
                                      .directory = theirs->directory,
                                      .uid = theirs->uid,
                                      .gid = theirs->gid,
                                      .fds = quiet,
                                      .fd_count = 3};
    instance->probe_at = KIN_FOREVER;
    if (kin_process_spawn(program->wish.probe, &spawn, &instance->probe) == 0) {
        source_watch(instance->supervisor, &instance->probing, kin_process_fd(instance->probe), EPOLLIN);
        return;
    }
    tell_trouble(instance, "%s", kin_reason());
    instance->probe_at = kin_after(PROBE_EVERY);
}

void ready_begin(struct instance *instance, int fd)
{
    source_init(&instance->ready, heard, instance);
    source_init(&instance->probing, probed, instance);
    if (fd >= 0 && source_watch(instance->supervisor, &instance->ready, fd, EPOLLIN) < 0)
        file_close(fd);
    if (instance->program->wish.readiness == KIN_READY_PROBE)
        ready_probe(instance);
}

void ready_end(struct instance *instance)
{
    int fd = instance->ready.fd;
    source_forget(instance->supervisor, &instance->ready);
    file_close(fd);
    instance->probe_at = KIN_FOREVER;
    if (!instance->probe)
        return;
    kin_process_signal(instance->probe, SIGKILL);
    kin_process_wait(instance->probe, 0, KIN_FOREVER, NULL);
    forget_probe(instance);
}
