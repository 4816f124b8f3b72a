/* What instances tell by themselves: the datagrams of sd_notify(3), and the descriptors that they store.
 *
 * The kernel vouches for the sender's number: it is that of an instance's process, or is in the group of one. */
#include "supervise/supervisor.h"
#include "sys/file.h"
#include "sys/reason.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOTE_MOST 4096

struct note {
    struct instance *instance;
    bool store, forget;
    char name[64];
    int *fds;
    size_t fd_count;
};

static struct instance *sender_of(const kin_supervisor *self, pid_t pid)
{
    pid_t group = getpgid(pid);
    for (const struct program *program = self->programs; program; program = program->next)
        for (uint32_t i = 0; i < program->count; i++) {
            const kin_process *process = program->instances[i]->process;
            if (process && (kin_process_pid(process) == pid || kin_process_pid(process) == group))
                return program->instances[i];
        }
    return NULL;
}

/* The rest of the line if it begins with that. */
static const char *after(const char *line, const char *start)
{
    size_t length = strlen(start);
    return strncmp(line, start, length) == 0 ? line + length : NULL;
}

static void read_line(struct note *note, const char *line)
{
    struct instance *instance = note->instance;
    const char *rest;
    if (strcmp(line, "READY=1") == 0)
        instance_event(instance, SAYS_READY);
    else if (strcmp(line, "RELOADING=1") == 0)
        instance_event(instance, SAYS_RELOADING);
    else if (strcmp(line, "STOPPING=1") == 0)
        instance_event(instance, SAYS_LEAVING);
    else if (strcmp(line, "WATCHDOG=1") == 0)
        instance_alive(instance);
    else if (strcmp(line, "WATCHDOG=trigger") == 0)
        instance_event(instance, LATE);
    else if ((rest = after(line, "STATUS=")))
        instance_say(instance, rest);
    else if (strcmp(line, "FDSTORE=1") == 0)
        note->store = true;
    else if (strcmp(line, "FDSTOREREMOVE=1") == 0)
        note->forget = true;
    else if ((rest = after(line, "FDNAME=")))
        snprintf(note->name, sizeof note->name, "%.*s", (int)strcspn(rest, ":"), rest);
}

/* Of the descriptors that come, those that are taken are -1 afterwards. */
static void store(struct note *note)
{
    struct instance *instance = note->instance;
    uint32_t most = instance->program->wish.store_max;
    for (size_t i = 0; i < note->fd_count; i++) {
        if (instance->body.stored >= most) {
            tell_trouble(instance, "its store has room for %u descriptors; no more are kept", most);
            return;
        }
        struct stored *more = realloc(instance->stored, (instance->body.stored + 1) * sizeof *more);
        if (!more) {
            tell_trouble(instance, "no memory to store a descriptor");
            return;
        }
        instance->stored = more;
        more += instance->body.stored++;
        more->fd = note->fds[i];
        note->fds[i] = -1;
        snprintf(more->name, sizeof more->name, "%s", note->name[0] ? note->name : "stored");
    }
}

static void forget(struct note *note)
{
    struct instance *instance = note->instance;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < instance->body.stored; i++) {
        if (strcmp(instance->stored[i].name, note->name) == 0)
            file_close(instance->stored[i].fd);
        else
            instance->stored[kept++] = instance->stored[i];
    }
    instance->body.stored = kept;
}

void store_close(struct instance *instance)
{
    for (uint32_t i = 0; instance->stored && i < instance->body.stored; i++)
        file_close(instance->stored[i].fd);
    free(instance->stored);
    instance->stored = NULL;
    instance->body.stored = 0;
}

static void take_note(kin_supervisor *self, struct kin_packet *packet)
{
    struct note note = {
        .instance = sender_of(self, packet->sender.pid), .fds = packet->fds, .fd_count = packet->fd_count};
    char *text = packet->data, *rest = NULL;
    text[packet->length] = 0;
    for (char *line = note.instance ? strtok_r(text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest))
        read_line(&note, line);
    if (note.store)
        store(&note);
    if (note.forget)
        forget(&note);
    if (note.store || note.forget)
        instance_write(note.instance);
    for (size_t i = 0; i < packet->fd_count; i++)
        file_close(packet->fds[i]);
}

static void heard(struct source *source)
{
    kin_supervisor *self = source->owner;
    char text[NOTE_MOST + 1];
    int fds[KIN_FDS_MAX];
    struct kin_packet packet = {.data = text, .room = NOTE_MOST, .fds = fds, .fd_room = KIN_FDS_MAX};
    if (kin_socket_receive_packets(self->notify, &packet, 1, KIN_NOW) > 0)
        take_note(self, &packet);
}

/* The name stays the same from one supervisor to the next, so that instances that are adopted are heard. Should
 * somebody have it still, a child that the dead one was about to make, another is taken: those are not heard then. */
int notify_open(kin_supervisor *self)
{
    const struct kin_socket_options *options = KIN_SOCKET(.kind = KIN_SOCKET_DATAGRAM, .credentials = true);
    source_init(&self->notes, heard, self);
    int length = snprintf(self->notify_name, sizeof self->notify_name, "@kin/notify/%" PRIx64, self->identity);
    int result = kin_socket_listen(self->notify_name, options, KIN_NOW, &self->notify);
    if (result == -EADDRINUSE) {
        snprintf(self->notify_name + length, sizeof self->notify_name - (size_t)length, ".%d", (int)getpid());
        result = kin_socket_listen(self->notify_name, options, KIN_NOW, &self->notify);
    }
    return result < 0 ? result : source_watch(self, &self->notes, kin_socket_fd(self->notify), EPOLLIN);
}

void notify_close(kin_supervisor *self)
{
    source_forget(self, &self->notes);
    kin_socket_close(self->notify);
}
