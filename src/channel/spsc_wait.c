/* Waiting for the other side. The six headings are in channel/spsc.h. */
#include "channel/spsc.h"
#include "sync/wait.h"
#include "sys/cpu.h"
#include "sys/membarrier.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>

static int damaged(const kin_channel *channel)
{
    return reason(-EBADMSG, "%s is damaged: remove it and make it anew", channel->object.segment.path);
}

/* How many messages the producer has room for. More than the capacity: head is damaged. */
static uint64_t room(kin_channel *channel)
{
    struct claim *claim = &channel->claims[PRODUCER];
    claim->head = LOAD_ACQUIRE(channel->shared->head);
    return channel->capacity - (claim->position - claim->head);
}

/* 1: the next message is there; 0: not yet. -EBADMSG: it cannot be, or the one behind it is there already. */
static int look_for_message(const kin_channel *channel)
{
    uint64_t position = channel->claims[CONSUMER].position;
    bool passed_over = slot_is_full(channel, position + 1);
    uint32_t sequence = HEADER_SEQUENCE(slot_header(slot_at(channel, position)));
    if (sequence == (uint32_t)(position + 1))
        return 1;
    uint32_t before = position < channel->capacity ? 0 : (uint32_t)(position + 1 - channel->capacity);
    return sequence == before && !passed_over ? 0 : damaged(channel);
}

int channel_look(kin_channel *channel, enum side side)
{
    if (side == CONSUMER)
        return look_for_message(channel);
    uint64_t found = room(channel);
    return found <= channel->capacity ? found != 0 : damaged(channel);
}

/* The same for a loop: it touches one line only, and none that the producer is about to write. */
static uint64_t glance(kin_channel *channel, enum side side)
{
    return side == CONSUMER ? slot_is_full(channel, channel->claims[CONSUMER].position) : room(channel);
}

static void note_cpu(kin_channel *channel, enum side side)
{
    uint32_t *place = &channel->shared->ends[side].cpu, cpu = cpu_now();
    if (LOAD(*place) != cpu)
        STORE(*place, cpu);
}

/* A producer who finds room for one message only is back here at once, and each time takes head's line away from the
 * consumer, who is the slower one: so he lets a few more be received first. */
static bool look_a_while(kin_channel *channel, enum side side)
{
    uint64_t enough = side == PRODUCER ? channel->capacity / 8 + 1 : 1, found = 0;
    bool elsewhere = LOAD(channel->shared->ends[!side].cpu) != cpu_now();
    for (unsigned i = 0; elsewhere && i < WAIT_LOOKS * WAIT_PAUSES; i++) {
        found = glance(channel, side);
        if (found >= enough)
            break;
        relax();
    }
    for (unsigned i = 0; i < WAIT_YIELDS && found == 0; i++) {
        sched_yield();
        found = glance(channel, side);
    }
    return found != 0 && found <= channel->capacity;
}

bool channel_arm(kin_channel *channel, uint32_t *place, uint32_t word)
{
    if (!(word & AWAITED) && !CAS(*place, &word, word | AWAITED))
        return false;
    FULL_FENCE();
    if (!LOAD(channel->shared->fenced) && !membarrier_fence_all())
        STORE(channel->shared->fenced, 1);
    return true;
}

/* `word` is the other end's, `lives` whether its owner does. */
static enum woken sleep_once(kin_channel *channel, struct seat *seat, enum side side, uint32_t word, bool lives,
                             kin_time until)
{
    uint32_t *place = &channel->shared->ends[!side].word;
    struct wait wait = {
        .seat = seat,
        .object = channel->object.id,
        .word = place,
        .value = word | AWAITED,
        .until = until,
        .lives = lives,
        .life = {END_OWNER(word)},
    };
    if (!channel_arm(channel, place, word) || channel_look(channel, side) != 0)
        return WOKEN_LOOK;
    if (PLANTED(STOP_AWAKE))
        raise(SIGSTOP);
    return wait_sleep(&wait);
}

static int late(const kin_channel *channel, enum side side)
{
    const char *path = channel->object.segment.path;
    return side == CONSUMER ? reason(-ETIMEDOUT, "no message came in %s", path)
                            : reason(-ETIMEDOUT, "%s is full", path);
}

static int broken(const kin_channel *channel, enum side side)
{
    const char *path = channel->object.segment.path;
    return side == CONSUMER ? reason(-EPIPE, "%s is empty, and its producer died", path)
                            : reason(-EPIPE, "%s is full, and its consumer died", path);
}

/* A head that was damaged is put right by its owner: the producer may be waiting for it. */
static void mend(kin_channel *channel, enum side side)
{
    uint64_t position = channel->claims[side].position;
    if (side == CONSUMER && LOAD(channel->shared->head) != position)
        STORE_RELEASE(channel->shared->head, position);
}

int channel_wait(kin_channel *channel, struct seat *seat, enum side side, kin_time until)
{
    enum woken woken = WOKEN_LOOK;
    note_cpu(channel, side);
    if (until != KIN_NOW && look_a_while(channel, side))
        return 0;
    for (;;) {
        uint32_t word;
        bool slow = woken != WOKEN_LOOK || !futex_has_waitv();
        enum standing standing = end_look(channel, !side, slow, &word);
        int found = channel_look(channel, side); /* after the look at him: he may have died behind his last commit */
        if (found != 0)
            return found < 0 ? found : 0;
        if (END_OWNER(LOAD(channel->shared->ends[side].word)) != seat->id) {
            end_release(channel, seat, side);
            return damaged(channel);
        }
        mend(channel, side);
        if (standing == STANDING_DIED)
            return broken(channel, side);
        if (until == KIN_NOW || woken == WOKEN_LATE)
            return late(channel, side);
        woken = sleep_once(channel, seat, side, word, standing == STANDING_LIVES, until);
        int result = object_removed(&channel->object, woken != WOKEN_LOOK);
        if (result < 0)
            return result;
    }
}

void channel_wake_slowly(kin_channel *channel, enum side side)
{
    struct channel_end *end = &channel->shared->ends[side];
    note_cpu(channel, side);
    if (!PLANTED(NO_FIRE))
        FETCH_AND(end->word, ~AWAITED);
    KEEP_ORDER();
    futex_wake(&end->word, 1);
    poll_ring(channel->object.domain, channel_pollers(channel), UINT64_C(1) << !side);
}
