/* The six headings are in sync/place.h. */
#include "sync/place.h"
#include "life/settle.h"
#include "sync/semaphore.h"
#include "sys/atomic.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <kin/barrier.h>
#include <kin/latch.h>
#include <kin/once.h>
#include <kin/rwlock.h>
#include <string.h>

int place_refuse(const kin_segment *segment, const void *at, const struct make *make)
{
    uint64_t offset;
    if (!segment->may_write)
        return reason(-EROFS, "%s is attached for reading only: no %s in it can be used", segment->object.segment.path,
                      make->noun);
    if (!place_inside(segment, at, make, &offset))
        return reason(-EINVAL, "the %s is not inside the segment %s, or not aligned to 8 bytes", make->noun,
                      segment->object.segment.path);
    return reason(-EBADMSG, "there is no %s at byte %llu of %s: kin_%s_init makes one", make->noun,
                  (unsigned long long)offset, segment->object.segment.path, make->noun);
}

int place_clear(const kin_segment *segment, void *at, const struct make *make)
{
    uint64_t offset;
    if (!place_inside(segment, at, make, &offset))
        return reason(-EINVAL, "the %s is not inside the segment, or not aligned to 8 bytes", make->noun);
    memset(at, 0, make->bytes);
    KEEP_ORDER();
    return 0;
}

void place_ready(void *at, const struct make *make)
{
    STORE_RELEASE(*(uint32_t *)(void *)((char *)at + make->magic_at), make->magic);
}

int place_open(kin_domain *domain, const char *name, const struct named *named, kin_segment **home, void **out)
{
    struct kin_segment_options segment = {
        .size = sizeof segment,
        .flags = named->flags,
        .mode = named->mode,
        .bytes = named->bytes,
        .setup = named->setup,
        .context = named->context,
    };
    kin_segment *opened;
    int result = segment_handle_open(domain, name, named->kind, &segment, &opened);
    if (result < 0)
        return result;
    *home = opened;
    *out = kin_segment_data(opened);
    return 0;
}

struct seat *place_enter(kin_segment *segment, const void *at, const struct make *make, uint64_t *offset, int *result)
{
    if (place_is(segment, at, make, offset))
        return life_enter(segment->object.domain, result);
    *result = place_refuse(segment, at, make);
    return NULL;
}

int place_not_held(const kin_segment *segment, const struct make *make)
{
    return reason(-EPERM, "this thread does not hold the %s in %s", make->noun, segment->object.segment.path);
}

int place_held(kin_segment *segment, const void *at, const struct make *make, uint64_t *offset, struct seat **out)
{
    int result = 0;
    struct seat *seat = *out = place_enter(segment, at, make, offset, &result);
    if (!seat)
        return result;
    int number = life_holds(seat, segment->object.id, *offset);
    return number >= 0 ? number : place_not_held(segment, make);
}

bool place_is_gone(const struct seat *seat, uint32_t id, enum effort effort)
{
    struct life *life = ID_INDEX(id) ? life_at(seat->domain, id) : NULL;
    if (!life || id & ~ID_MASK)
        return true;
    bool ask = effort == EFFORT_SLOW || (effort == EFFORT_FAIR && LOAD(life->witness) == WITNESS_TASK);
    enum verdict verdict = ask ? life_prove(seat->domain, id) : life_verdict(seat->domain, id);
    return verdict != VERDICT_ALIVE && !PLANTED(NO_DEATH_CHECK);
}

bool place_is_named(const struct seat *seat, uint32_t id, uint64_t object, uint64_t offset)
{
    const struct life *life = ID_INDEX(id) ? life_at(seat->domain, id) : NULL;
    for (unsigned i = 0; life && i < HOLDS_MAX; i++)
        if (LOAD(life->holds[i].object) == object && LOAD(life->holds[i].offset) == offset)
            return true;
    return false;
}

static place_settle *settler_of(const kin_segment *segment, uint64_t offset)
{
    static const struct {
        uint32_t magic, bytes;
        place_settle *settle;
    } kinds[] = {
        {MAGIC_LOCK, sizeof(kin_lock), lock_settle},       {MAGIC_RWLOCK, sizeof(kin_rwlock), rwlock_settle},
        {MAGIC_BARRIER, sizeof(kin_barrier), barrier_settle}, {MAGIC_LATCH, sizeof(kin_latch), latch_settle},
        {MAGIC_ONCE, sizeof(kin_once), once_settle},
    };
    if (offset % 8 != 0 || offset >= segment->bytes || segment->bytes - offset < sizeof(struct head))
        return NULL;
    uint32_t magic = LOAD(((const struct head *)(const void *)(segment->data + offset))->magic);
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].magic == magic && segment->bytes - offset >= kinds[i].bytes)
            return kinds[i].settle;
    return NULL; /* nothing any more: nothing to settle */
}

int place_settle_object(kin_domain *domain, const char *name, uint32_t id)
{
    static const struct kin_segment_options existing = {.size = sizeof existing, .flags = KIN_MUST_EXIST};
    struct life *life = ID_INDEX(id) ? life_at(domain, id) : NULL;
    kin_segment *segment;
    int result = 0;
    struct seat *seat = life_enter(domain, &result);
    if (!seat)
        return result;
    result = segment_handle_open(domain, name, KIN_KIND_ANY, &existing, &segment);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    for (unsigned i = 0; life && i < HOLDS_MAX && result == 0; i++)
        if (LOAD(life->holds[i].object) == segment->object.id) {
            uint64_t offset = LOAD(life->holds[i].offset);
            place_settle *settle = settler_of(segment, offset);
            result = settle ? settle(segment, seat, segment->data + offset, id) : 0;
        }
    if (result == 0)
        result = semaphore_settle_all(segment, seat, life ? LOAD(life->process) : 0);
    kin_segment_close(segment);
    return result;
}

/* Of semaphores. The others are held by lives, and the lives name them. */
uint64_t place_count_held(kin_domain *domain, const char *name, uint32_t process)
{
    static const struct kin_segment_options existing = {.size = sizeof existing, .flags = KIN_MUST_EXIST};
    kin_segment *segment;
    if (segment_handle_open(domain, name, KIN_KIND_ANY, &existing, &segment) < 0)
        return 0;
    uint64_t count = semaphore_count_held(segment, process);
    kin_segment_close(segment);
    return count;
}
