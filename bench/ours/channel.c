/* The channel between one producer and one consumer. */
#include "ours/ours.h"
#include "common/require.h"
#include <stdlib.h>

struct channels {
    kin_domain *domain;
    kin_channel *both[2]; /* each process's own: an end belongs to the first thread that uses it */
};

static void *create(void)
{
    struct channels *channels = malloc(sizeof *channels);
    require(channels);
    channels->domain = domain_fresh();
    return channels;
}

static void join(void *self, unsigned number)
{
    static const char *const names[] = {"there", "back"};
    struct channels *channels = self;
    (void)number;
    for (unsigned i = 0; i < 2; i++)
        must(kin_channel_open(channels->domain, names[i], KIN_CHANNEL(.message_max = TRANSPORT_LENGTH),
                              &channels->both[i]));
}

static void send(void *self, unsigned channel, void *data, size_t length)
{
    must(kin_channel_send(((struct channels *)self)->both[channel], data, (uint32_t)length, KIN_FOREVER));
}

static void receive(void *self, unsigned channel, void *data, size_t length)
{
    must(kin_channel_receive(((struct channels *)self)->both[channel], data, (uint32_t)length, KIN_FOREVER));
}

static void leave(void *self)
{
    struct channels *channels = self;
    for (unsigned i = 0; i < 2; i++)
        kin_channel_close(channels->both[i]);
}

static void destroy(void *self)
{
    kin_domain_close(((struct channels *)self)->domain);
    free(self);
}

const struct transport channel_transport = {.create = create, .join = join, .send = send, .receive = receive,
                                            .leave = leave, .destroy = destroy};
