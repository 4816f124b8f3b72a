/* libqb's ring buffer, shared between processes. */
#include "common/contestant.h"
#include "common/require.h"
#include "common/scratch.h"
#include <errno.h>
#include <qb/qbrb.h>
#include <stdio.h>
#include <stdlib.h>

#define RING_BYTES ((size_t)1 << 20)
#define PATIENCE 1000 /* ms; a receive that got nothing asks again */

struct rings {
    qb_ringbuffer_t *rings[2];
};

static void *create(void)
{
    struct rings *both = malloc(sizeof *both);
    require(both);
    for (unsigned i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s-%u", scratch_name(), i);
        both->rings[i] = qb_rb_open(name, RING_BYTES, QB_RB_FLAG_CREATE | QB_RB_FLAG_SHARED_PROCESS, 0);
        require(both->rings[i]);
    }
    return both;
}

static void send(void *self, unsigned channel, void *data, size_t length)
{
    ssize_t written;
    while ((written = qb_rb_chunk_write(((struct rings *)self)->rings[channel], data, length)) == -EAGAIN)
        sched_yield();
    require(written == (ssize_t)length);
}

static void receive(void *self, unsigned channel, void *data, size_t length)
{
    ssize_t got;
    while ((got = qb_rb_chunk_read(((struct rings *)self)->rings[channel], data, length, PATIENCE)) < 0)
        require(got == -ETIMEDOUT || got == -EAGAIN);
    require(got == (ssize_t)length);
}

static void destroy(void *self)
{
    struct rings *both = self;
    for (unsigned i = 0; i < 2; i++)
        qb_rb_close(both->rings[i]);
    free(both);
}

int main(int argc, char **argv)
{
    static const struct transport transport = {
        .create = create, .send = send, .receive = receive, .destroy = destroy};
    static const struct contestant contestant = {.name = "ring", .transport = &transport};
    return contestant_main(argc, argv, &contestant, 1);
}
