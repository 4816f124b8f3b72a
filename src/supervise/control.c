/* The control socket: one question a connection, "VERB NAME SIGNAL", and one answer, "RESULT sentence". A name may be
 * missing ("-"), and a signal too ("0"). */
#include "supervise/supervisor.h"
#include "sys/reason.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_MOST 1024

static int start(kin_supervisor *self, const char *name, int signal)
{
    (void)signal;
    return kin_supervisor_start(self, name);
}

static int stop(kin_supervisor *self, const char *name, int signal)
{
    (void)signal;
    return kin_supervisor_stop(self, name);
}

static int restart(kin_supervisor *self, const char *name, int signal)
{
    (void)signal;
    return kin_supervisor_restart(self, name);
}

static int reload(kin_supervisor *self, const char *name, int signal)
{
    (void)signal;
    return kin_supervisor_reload(self, name);
}

static const struct verb {
    const char *name;
    int (*act)(kin_supervisor *self, const char *name, int signal);
} verbs[] = {
    {"start", start}, {"stop", stop}, {"restart", restart}, {"reload", reload}, {"signal", kin_supervisor_signal}};
#define VERBS (sizeof verbs / sizeof *verbs)

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(name, verbs[i].name) == 0)
            return &verbs[i];
    return NULL;
}

static int act(kin_supervisor *self, char *text)
{
    char *rest = NULL, *word = strtok_r(text, " ", &rest), *name = strtok_r(NULL, " ", &rest);
    char *signal = strtok_r(NULL, " ", &rest);
    const struct verb *verb = word ? find_verb(word) : NULL;
    if (!verb || !name || !signal)
        return reason(-EINVAL, "a question to a supervisor is VERB NAME SIGNAL");
    return verb->act(self, strcmp(name, "-") == 0 ? NULL : name, atoi(signal));
}

static int check_peer(const kin_socket *socket)
{
    struct kin_peer peer;
    int result = kin_socket_peer(socket, &peer);
    if (result < 0 || peer.uid == 0 || peer.uid == geteuid())
        return result;
    return reason(-EACCES, "user %u may not do this: it takes user %u, or root", (unsigned)peer.uid,
                  (unsigned)geteuid());
}

static void control_end(kin_supervisor *self, struct control *control)
{
    source_forget(self, &control->source);
    kin_socket_close(control->socket);
    control->socket = NULL;
}

static void asked(struct source *source)
{
    kin_supervisor *self = source->owner;
    struct control *control = (struct control *)(void *)((char *)source - offsetof(struct control, source));
    char text[MESSAGE_MOST + 1], answer[MESSAGE_MOST];
    ssize_t length = kin_socket_receive(control->socket, text, MESSAGE_MOST, KIN_NOW);
    if (length > 0) {
        text[length] = 0;
        int result = check_peer(control->socket);
        if (result == 0)
            result = act(self, text);
        snprintf(answer, sizeof answer, "%d %s", result, result < 0 ? kin_reason() : "");
        kin_socket_send(control->socket, answer, strlen(answer), KIN_NOW);
    }
    control_end(self, control);
}

/* Who asks nothing for long makes room for the next. */
static struct control *free_place(kin_supervisor *self)
{
    for (size_t i = 0; i < CONTROLS; i++)
        if (!self->controls[i].socket)
            return &self->controls[i];
    struct control *place = &self->controls[self->control_turn++ % CONTROLS];
    control_end(self, place);
    return place;
}

static void came(struct source *source)
{
    kin_supervisor *self = source->owner;
    kin_socket *socket;
    if (kin_socket_accept(self->control, KIN_NOW, &socket) < 0)
        return;
    struct control *control = free_place(self);
    control->socket = socket;
    source_init(&control->source, asked, self);
    if (source_watch(self, &control->source, kin_socket_fd(socket), EPOLLIN) < 0)
        control_end(self, control);
}

int control_open(kin_supervisor *self)
{
    source_init(&self->asks, came, self);
    for (size_t i = 0; i < CONTROLS; i++)
        self->controls[i].source.fd = -1;
    if (!self->control_name)
        return 0;
    int result = kin_socket_listen(self->control_name, KIN_SOCKET(.kind = KIN_SOCKET_SEQPACKET),
                                   kin_after(10 * SECOND), &self->control);
    return result < 0 ? result : source_watch(self, &self->asks, kin_socket_fd(self->control), EPOLLIN);
}

void control_close(kin_supervisor *self)
{
    for (size_t i = 0; i < CONTROLS; i++)
        if (self->controls[i].socket)
            control_end(self, &self->controls[i]);
    source_forget(self, &self->asks);
    kin_socket_close(self->control);
}

static int check_question(const char *verb, const char *name)
{
    if (!verb || !find_verb(verb))
        return reason(-EINVAL, "\"%s\" is no verb of a supervisor: start, stop, restart, reload, signal",
                      verb ? verb : "");
    if (name && (!*name || strlen(name) > NAME_BYTES || strpbrk(name, " \n") || strcmp(name, "-") == 0))
        return reason(-EINVAL, "\"%s\" cannot be the name of a program", name);
    if (!name && strcmp(verb, "signal") == 0)
        return reason(-EINVAL, "signal: needs the name of a program or of an instance");
    return 0;
}

static int read_answer(const char *control, char *text, ssize_t length)
{
    if (length <= 0)
        return reason(-ECONNRESET, "%s: the supervisor has ended without an answer", control);
    text[length] = 0;
    char *sentence;
    int result = (int)strtol(text, &sentence, 10);
    return result < 0 ? reason(result, "%s", sentence + (*sentence == ' ')) : result;
}

int kin_supervisor_ask(const char *control, const char *verb, const char *name, int signal, kin_time until)
{
    char text[MESSAGE_MOST + 1];
    kin_socket *socket;
    int result = check_question(verb, name);
    if (result == 0)
        result = kin_socket_connect(control, KIN_SOCKET(.kind = KIN_SOCKET_SEQPACKET), until, &socket);
    if (result < 0)
        return result;
    int length = snprintf(text, sizeof text, "%s %s %d", verb, name ? name : "-", signal);
    ssize_t moved = kin_socket_send(socket, text, (size_t)length, until);
    if (moved >= 0)
        moved = kin_socket_receive(socket, text, MESSAGE_MOST, until);
    result = moved < 0 ? (int)moved : read_answer(control, text, moved);
    kin_socket_close(socket);
    return result;
}
