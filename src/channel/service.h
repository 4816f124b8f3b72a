/* A service: two queues and what stands in their messages. Nothing of it is in shared memory but that; the six headings
 * are in channel/queue.h.
 *
 * The number of a call is the type of its request and of its reply: the caller's process, and a count. Behind the
 * payload of each stands a note. The caller sleeps on the event of his request's record, which whoever ends that
 * record fires. */
#ifndef CHANNEL_SERVICE_H
#define CHANNEL_SERVICE_H

#include "channel/queue.h"
#include <kin/service.h>
#include <string.h>

struct note {
    int64_t until;  /* nobody wants the reply later */
    uint32_t tries; /* of a request: how many servers may have it */
    int32_t status; /* of a reply: the server's, or the caller's error */
};
_Static_assert(sizeof(struct note) == 16, "one layout for 32 and 64 bits");

struct kin_service {
    kin_queue *requests, *replies;
    bool serves;
    struct kin_message seat; /* a server's loan among the replies */
    char name[KIN_NAME_MAX + 1];
};

#define CALL_NUMBER(process, count) ((int64_t)(process) << 32 | (count))
#define CALL_PROCESS(number) ((uint32_t)((uint64_t)(number) >> 32))

/* Behind the payload. */
static inline void note_write(void *data, uint64_t length, const struct note *note)
{
    memcpy((unsigned char *)data + length, note, sizeof *note);
}

/* False: whoever sent the message does not know of notes. */
static inline bool note_read(const void *data, uint64_t length, struct note *note)
{
    if (length < sizeof *note)
        return false;
    memcpy(note, (const unsigned char *)data + length - sizeof *note, sizeof *note);
    return true;
}

/* Whether somebody still waits for the reply to that call. */
bool service_wants(const kin_queue *queue, int64_t number, kin_time until);
/* Drops those of the `most` oldest messages that nobody waits for. How many. */
unsigned service_discard(kin_queue *queue, uint32_t most);
/* A place for a message of that length and its note. While there is none, what nobody waits for is dropped; every now
 * and then -EAGAIN says that the caller should look whether waiting still makes sense. */
int service_room(kin_queue *queue, uint64_t length, kin_time until, struct kin_message *out);

#endif
