/* The two ends: who has one, taking it, giving it back. The six headings are in channel/spsc.h. */
#include "channel/spsc.h"
#include "life/settle.h"
#include "sys/cpu.h"
#include "sys/membarrier.h"
#include "sys/reason.h"
#include <errno.h>

#define PAGE 4096u
#define TOUCHED (1u << 20)

static const char *const names[] = {"producer", "consumer"};

static uint64_t offset_of(enum side side)
{
    return offsetof(struct channel_header, ends) + side * sizeof(struct channel_end);
}

/* Whether the life has, or is about to take, that end. If not, a word that names it is damaged. */
static bool life_names(const kin_channel *channel, uint32_t id, enum side side)
{
    const struct life *life = life_at(channel->object.domain, id);
    for (unsigned i = 0; life && i < HOLDS_MAX; i++)
        if (LOAD(life->holds[i].object) == channel->object.id && LOAD(life->holds[i].offset) == offset_of(side))
            return true;
    return false;
}

enum standing end_look(kin_channel *channel, enum side side, bool slow, uint32_t *word)
{
    kin_domain *domain = channel->object.domain;
    struct channel_end *end = &channel->shared->ends[side];
    do {
        *word = LOAD_ACQUIRE(end->word);
        uint32_t owner = END_OWNER(*word);
        if (owner == 0)
            return STANDING_NOBODY;
        if (owner == END_DIED)
            return STANDING_DIED;
        enum verdict verdict = slow ? life_prove(domain, owner) : life_verdict(domain, owner);
        if (verdict == VERDICT_ALIVE && life_names(channel, owner, side))
            return STANDING_LIVES;
    } while (LOAD_ACQUIRE(end->word) != *word); /* he may have given it back while we looked */
    return STANDING_DIED;
}

/* Puts another owner into the word, if that one still is there; AWAITED stays. */
static bool replace(struct channel_end *end, uint32_t owner, uint32_t next)
{
    uint32_t word = LOAD_ACQUIRE(end->word);
    while (END_OWNER(word) == owner)
        if (CAS(end->word, &word, next | (word & AWAITED)))
            return true;
    return false;
}

/* From head on, slots are full as far as the producers before had come. */
static uint64_t find_tail(const kin_channel *channel, uint64_t head)
{
    uint64_t low = head, high = head + channel->capacity;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (slot_is_full(channel, middle))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Reading maps many pages at once, and for writing too; else the first round of the ring faults at each. */
static void touch_slots(const kin_channel *channel)
{
    uint64_t bytes = channel->capacity * channel->stride;
    for (uint64_t offset = 0; offset < bytes && offset < TOUCHED; offset += PAGE)
        LOAD(channel->slots[offset]);
}

static void begin(kin_channel *channel, enum side side)
{
    struct claim *claim = &channel->claims[side];
    claim->head = LOAD_ACQUIRE(channel->shared->head);
    claim->position = side == PRODUCER ? find_tail(channel, claim->head) : claim->head;
    STORE(channel->shared->ends[side].cpu, cpu_now());
    touch_slots(channel);
}

static int busy(const kin_channel *channel, enum side side, bool mine)
{
    if (mine)
        return reason(-EBUSY, "this thread is the %s of %s already, through another handle", names[side],
                      channel->object.segment.path);
    return reason(-EBUSY, "%s has a %s: `kin show` tells which process", channel->object.segment.path, names[side]);
}

int end_claim(kin_channel *channel, struct seat *seat, enum side side)
{
    kin_domain *domain = channel->object.domain;
    uint32_t word, owner;
    int hold = life_hold(seat, channel->object.id, offset_of(side));
    if (hold < 0)
        return reason(hold, "this thread holds %u locks and ends of channels already: let go of one first", HOLDS_MAX);
    if (!membarrier_join())
        STORE(channel->shared->fenced, 1);
    do {
        enum standing standing = end_look(channel, side, true, &word);
        owner = END_OWNER(word);
        if (standing == STANDING_LIVES) {
            life_forget(seat, hold);
            return busy(channel, side, owner == seat->id);
        }
    } while (!replace(&channel->shared->ends[side], owner, seat->id));
    if (owner != 0 && owner != END_DIED)
        life_log(domain, &channel->object.segment, life_verdict(domain, owner) == VERDICT_DEAD ? owner : 0, 0, "%s",
                 names[side]);
    begin(channel, side);
    channel->claims[side].hold = hold;
    STORE(channel->claims[side].life, seat->id);
    return 0;
}

void end_release(kin_channel *channel, struct seat *seat, enum side side)
{
    struct claim *claim = &channel->claims[side];
    if (LOAD(claim->life) != seat->id)
        return;
    STORE(claim->life, 0);
    replace(&channel->shared->ends[side], seat->id, 0);
    life_forget(seat, claim->hold);
}

int channel_settle_object(kin_domain *domain, const char *name, uint32_t id)
{
    static const struct kin_channel_options existing = {.size = sizeof existing, .flags = KIN_MUST_EXIST};
    kin_channel *channel;
    if (id == 0)
        return 0; /* ends are held by lives */
    int result = kin_channel_open(domain, name, &existing, &channel);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    for (enum side side = PRODUCER; side <= CONSUMER; side++)
        if (replace(&channel->shared->ends[side], id, END_DIED))
            life_log(domain, &channel->object.segment, id, 0, "%s", names[side]);
    kin_channel_close(channel);
    return 0;
}

uint64_t channel_count_held(kin_domain *domain, const char *name, uint32_t process)
{
    (void)domain;
    (void)name;
    (void)process;
    return 0; /* ends are held by lives, and the lives name them */
}
