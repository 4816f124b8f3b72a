/* Making, looking at and setting semaphores. The six headings are in sync/semaphore.h. */
#include "sync/semaphore.h"
#include "sync/place.h"
#include "sys/clock.h"
#include "sys/reason.h"
#include <errno.h>
#include <string.h>

#define HOLDERS_DEFAULT 1024u

uint64_t kin_semaphore_bytes(unsigned count, unsigned holders)
{
    if (count < 1 || count > KIN_SEMAPHORE_COUNT_MAX || holders < 1 || holders > SEMAPHORE_HOLDERS_MAX)
        return 0;
    return (semaphore_words(count, holders) * 8 + 63) & ~UINT64_C(63);
}

int semaphore_refuse(const kin_segment *segment, const kin_semaphore *semaphore)
{
    uint64_t offset = (uint64_t)((uintptr_t)semaphore - (uintptr_t)segment->data);
    if (offset >= segment->bytes || segment->bytes - offset < sizeof(struct semaphore) || offset % 8)
        return reason(-EINVAL, "the semaphore is not inside the segment %s, or not aligned to 8 bytes",
                      segment->object.segment.path);
    return reason(-EBADMSG, "there is no semaphore at byte %llu of %s: kin_semaphore_init makes one",
                  (unsigned long long)offset, segment->object.segment.path);
}

int semaphore_enter(kin_segment *segment, kin_semaphore *semaphore, kin_time until, struct set *set, struct seat **seat)
{
    int result = 0;
    if (!semaphore_view(segment, semaphore, set))
        return semaphore_refuse(segment, semaphore);
    *seat = life_enter(segment->object.domain, &result);
    if (!*seat)
        return result;
    result = object_removed(&segment->object, false);
    if (result == 0)
        result = semaphore_lock(set, *seat, until);
    if (result == -ETIMEDOUT)
        reason(result, "a semaphore in %s is held by a process that does not go on (stopped?): `kin show` tells which",
               segment->object.segment.path);
    return result;
}

/* ---- making ---- */

static int check_values(const char *where, const struct kin_semaphore_options *options, uint32_t count)
{
    if (count > KIN_SEMAPHORE_COUNT_MAX)
        return reason(-EINVAL, "%s: a set of %u semaphores is too large, %u are possible", where, count,
                      KIN_SEMAPHORE_COUNT_MAX);
    for (uint32_t i = 0; i < count; i++) {
        unsigned value = options->values ? options->values[i] : options->value;
        if (value > VALUE_MAX)
            return reason(-ERANGE, "%s: %u is too much for a semaphore, %u is the most", where, value, VALUE_MAX);
    }
    return 0;
}

/* How many entries there is room for. */
static int fit(const kin_segment *segment, uint64_t offset, const struct kin_semaphore_options *options, uint32_t count,
               uint32_t *holders)
{
    uint64_t bytes = options->bytes ? options->bytes : sizeof(kin_semaphore), least = kin_semaphore_bytes(count, 1);
    if (offset >= segment->bytes || segment->bytes - offset < bytes || offset % 8)
        return reason(-EINVAL, "the semaphore is not inside the segment %s, or not aligned to 8 bytes",
                      segment->object.segment.path);
    if (options->holders)
        least = kin_semaphore_bytes(count, options->holders);
    else if (bytes >= semaphore_words(count, 1) * 8)
        least = semaphore_words(count, 1) * 8;
    if (bytes < least || least == 0)
        return reason(-EINVAL,
                      "%llu bytes are too little for a set of %u with undo for %u: kin_semaphore_bytes says how "
                      "many it needs, at most for %u",
                      (unsigned long long)bytes, count, options->holders ? options->holders : 1, SEMAPHORE_HOLDERS_MAX);
    uint64_t room = bytes / 8 - semaphore_words(count, 0);
    *holders =
        options->holders ? options->holders : (uint32_t)(room < SEMAPHORE_HOLDERS_MAX ? room : SEMAPHORE_HOLDERS_MAX);
    return 0;
}

int kin_semaphore_init(kin_segment *segment, kin_semaphore *semaphore, const struct kin_semaphore_options *options)
{
    static const struct kin_semaphore_options defaults = {.size = sizeof defaults};
    struct semaphore *shared = (struct semaphore *)(void *)semaphore;
    uint64_t offset = (uint64_t)((uintptr_t)semaphore - (uintptr_t)segment->data);
    if (!options)
        options = &defaults;
    uint32_t count = options->count ? options->count : 1, holders = 0;
    int result = check_values(segment->object.segment.path, options, count);
    if (result == 0)
        result = fit(segment, offset, options, count, &holders);
    if (result < 0)
        return result;
    STORE(shared->magic, 0);
    result = segment_register(segment, INNER_SEMAPHORE, offset);
    if (result < 0)
        return result;
    memset(semaphore, 0, semaphore_words(count, holders) * 8);
    STORE(shared->count, count);
    STORE(shared->holders, holders);
    STORE(shared->times, options->times != 0);
    STORE(shared->changed, clock_realtime());
    for (uint32_t i = 0; i < count; i++)
        STORE(semaphore->kin[CELLS_AT + i], CELL_MAKE(options->values ? options->values[i] : options->value, 0));
    STORE_RELEASE(shared->magic, SEMAPHORE_MAGIC);
    return 0;
}

void kin_semaphore_fini(kin_segment *segment, kin_semaphore *semaphore)
{
    struct set set;
    if (!semaphore_view(segment, semaphore, &set))
        return;
    STORE_RELEASE(set.shared->magic, 0);
    segment_unregister(segment, INNER_SEMAPHORE, set.offset);
    FETCH_ADD(set.shared->event, EVENT_ONE);
    semaphore_wake(&set, EVENT_BITS);
}

static int set_up(void *context, kin_segment *segment)
{
    struct kin_semaphore_options options = *(const struct kin_semaphore_options *)context;
    options.bytes = segment->bytes;
    return kin_semaphore_init(segment, kin_segment_data(segment), &options);
}

/* Made with as much memory as its options need, opened with as much as it has. */
static int open_or_make(kin_domain *domain, const char *name, const struct kin_semaphore_options *options,
                        kin_segment **out)
{
    struct kin_segment_options segment = {
        .size = sizeof segment,
        .mode = options->mode,
        .bytes = kin_semaphore_bytes(options->count, options->holders),
        .setup = set_up,
        .context = (void *)(uintptr_t)options,
    };
    static const struct kin_segment_options existing = {.size = sizeof existing, .flags = KIN_MUST_EXIST};
    if (segment.bytes == 0)
        return reason(-EINVAL, "%s: undo for %u holders is too much, %u are possible", name ? name : "",
                      options->holders, SEMAPHORE_HOLDERS_MAX);
    segment.flags = KIN_MUST_CREATE;
    for (unsigned tries = 0; tries < 8; tries++) {
        int result = -ENOENT;
        if (!(options->flags & KIN_MUST_CREATE))
            result = segment_handle_open(domain, name, KIN_KIND_SEMAPHORE, &existing, out);
        if (result != -ENOENT || options->flags & KIN_MUST_EXIST)
            return result;
        result = segment_handle_open(domain, name, KIN_KIND_SEMAPHORE, &segment, out);
        if (result != -EEXIST || options->flags & KIN_MUST_CREATE)
            return result;
    }
    return reason(-EAGAIN, "%s is being made and removed all the time", name);
}

int kin_semaphore_open(kin_domain *domain, const char *name, const struct kin_semaphore_options *options,
                       kin_segment **home, kin_semaphore **out)
{
    struct kin_semaphore_options checked = {.size = sizeof checked};
    struct set set;
    kin_segment *opened;
    if (options)
        checked = *options;
    unsigned least = checked.count;
    if (checked.count == 0)
        checked.count = 1;
    if (checked.holders == 0)
        checked.holders = checked.count < HOLDERS_DEFAULT ? HOLDERS_DEFAULT : checked.count;
    int result = check_values(name ? name : "", &checked, checked.count);
    if (result == 0)
        result = open_or_make(domain, name, &checked, &opened);
    if (result < 0)
        return result;
    if (!semaphore_view(opened, kin_segment_data(opened), &set))
        result = reason(-EBADMSG, "%s is damaged: remove it and make it anew", opened->object.segment.path);
    else if (set.count < least)
        result = reason(-EINVAL, "%s is a set of %u, %u are asked for: remove it and make it anew",
                        opened->object.segment.path, set.count, least);
    if (result < 0) {
        kin_segment_close(opened);
        return result;
    }
    *home = opened;
    *out = kin_segment_data(opened);
    return 0;
}

/* ---- looking and setting ---- */

static int no_such_number(const struct set *set, unsigned number)
{
    return reason(-EFBIG, "%s has no semaphore %u: it is a set of %u, counted from 0",
                  set->segment->object.segment.path, number, set->count);
}

static int too_much(const struct set *set, unsigned value)
{
    return reason(-ERANGE, "%u is too much for a semaphore of %s, %u is the most", value,
                  set->segment->object.segment.path, VALUE_MAX);
}

/* The log holds `words` cells: undo of those is forgotten with them. */
static int put(struct set *set, struct seat *seat, uint32_t words, uint32_t clear)
{
    STORE(set->shared->changed, clock_realtime());
    STORE(set->shared->clear, clear);
    uint32_t bits = event_fire(&set->shared->event);
    semaphore_commit(set, words);
    semaphore_unlock(set, seat);
    semaphore_wake(set, bits);
    return 0;
}

static void log_cell(const struct set *set, const struct seat *seat, uint32_t number, unsigned value, uint32_t word)
{
    STORE(set->log[word].place, CELLS_AT + number);
    STORE(set->log[word].word, CELL_MAKE(value, seat->pid));
}

int kin_semaphore_set(kin_segment *segment, kin_semaphore *semaphore, unsigned number, unsigned value)
{
    struct set set;
    struct seat *seat;
    if (!semaphore_view(segment, semaphore, &set))
        return semaphore_refuse(segment, semaphore);
    if (number >= set.count)
        return no_such_number(&set, number);
    if (value > VALUE_MAX)
        return too_much(&set, value);
    int result = semaphore_enter(segment, semaphore, KIN_FOREVER, &set, &seat);
    if (result < 0)
        return result;
    log_cell(&set, seat, number, value, 0);
    return put(&set, seat, 1, number + 1);
}

int kin_semaphore_set_all(kin_segment *segment, kin_semaphore *semaphore, const uint16_t *values)
{
    struct set set;
    struct seat *seat;
    if (!semaphore_view(segment, semaphore, &set))
        return semaphore_refuse(segment, semaphore);
    for (uint32_t i = 0; i < set.count; i++)
        if (values[i] > VALUE_MAX)
            return too_much(&set, values[i]);
    int result = semaphore_enter(segment, semaphore, KIN_FOREVER, &set, &seat);
    if (result < 0)
        return result;
    for (uint32_t i = 0; i < set.count; i++)
        log_cell(&set, seat, i, values[i], i);
    return put(&set, seat, set.count, CLEAR_ALL);
}

/* Threads that sleep on that semaphore, for more or for none. */
static void count_waiters(const struct set *set, unsigned number, struct kin_semaphore_value *out)
{
    kin_domain *domain = set->segment->object.domain;
    uint32_t lives = LOAD(domain->shared->lives.count);
    for (uint32_t i = 1; i < lives && i < domain->lives.limit; i++) {
        struct life *life = life_at(domain, i);
        if (!life)
            break;
        uint32_t word = LOAD_ACQUIRE(life->word), what = LOAD(life->waits_what);
        if (word == 0 || WORD_IS_DEAD(word) || LOAD(life->waits_for) != set->segment->object.id ||
            LOAD(life->waits_at) != set->offset || WAITS_NUMBER(what) != number)
            continue;
        out->zero += (what & WAITS_ZERO) != 0;
        out->waiting += (what & WAITS_ZERO) == 0;
    }
}

/* Enters, and has the dead give back what they owe: for those who only look. */
static int enter_to_look(kin_segment *segment, kin_semaphore *semaphore, struct set *set, struct seat **seat)
{
    struct owing owing;
    int result = semaphore_enter(segment, semaphore, KIN_FOREVER, set, seat);
    if (result == 0)
        semaphore_settle(set, *seat, false, 0, &owing);
    return result;
}

int kin_semaphore_get(kin_segment *segment, kin_semaphore *semaphore, unsigned number, struct kin_semaphore_value *out)
{
    struct set set;
    struct seat *seat;
    int result = enter_to_look(segment, semaphore, &set, &seat);
    if (result < 0)
        return result;
    if (number >= set.count) {
        semaphore_unlock(&set, seat);
        return no_such_number(&set, number);
    }
    uint64_t cell = LOAD(*cell_of(&set, number));
    semaphore_unlock(&set, seat);
    *out = (struct kin_semaphore_value){.value = CELL_VALUE(cell), .pid = (pid_t)(cell >> 32)};
    count_waiters(&set, number, out);
    return 0;
}

int kin_semaphore_get_all(kin_segment *segment, kin_semaphore *semaphore, uint16_t *values)
{
    struct set set;
    struct seat *seat;
    int result = enter_to_look(segment, semaphore, &set, &seat);
    if (result < 0)
        return result;
    for (uint32_t i = 0; i < set.count; i++)
        values[i] = (uint16_t)CELL_VALUE(LOAD(*cell_of(&set, i)));
    semaphore_unlock(&set, seat);
    return 0;
}

int kin_semaphore_status(kin_segment *segment, kin_semaphore *semaphore, struct kin_semaphore_status *out)
{
    struct set set;
    struct seat *seat;
    int result = enter_to_look(segment, semaphore, &set, &seat);
    if (result < 0)
        return result;
    struct kin_semaphore_status status = {
        .count = set.count,
        .holders = set.holders,
        .operated = LOAD(set.shared->operated),
        .changed = LOAD(set.shared->changed),
    };
    for (uint32_t i = 0; i < set.holders; i++)
        status.held += ENTRY_ADJUST(LOAD(set.words[set.entries_at + i])) != 0;
    semaphore_unlock(&set, seat);
    *out = status;
    return 0;
}

/* ---- polling ---- */

static bool is_ready(struct pollable *thing, bool slow)
{
    kin_segment *segment = thing->handle;
    kin_semaphore *semaphore = (kin_semaphore *)(void *)(segment->data + thing->offset);
    struct set set;
    struct seat *seat;
    struct owing owing;
    if (object_removed(&segment->object, slow) < 0 || !semaphore_view(segment, semaphore, &set) ||
        CELL_VALUE(LOAD(*cell_of(&set, 0))) != 0 || semaphore_enter(segment, semaphore, KIN_NOW, &set, &seat) < 0)
        return true;
    semaphore_settle(&set, seat, slow, 0, &owing);
    thing->ending = owing.ending;
    bool any = CELL_VALUE(LOAD(*cell_of(&set, 0))) != 0;
    if (!any)
        event_arm(&set.shared->event, EVENT_SLEEPERS);
    semaphore_unlock(&set, seat);
    return any;
}

static const struct make make = {"semaphore", SEMAPHORE_MAGIC, sizeof(struct semaphore),
                                 offsetof(struct semaphore, magic), is_ready};

int kin_semaphore_fd(kin_segment *segment, kin_semaphore *semaphore)
{
    return place_fd(segment, semaphore, &make, 0);
}

int kin_semaphore_clear(kin_segment *segment, kin_semaphore *semaphore)
{
    return place_clear_fd(segment, semaphore, &make, 0);
}

int kin_poll_add_semaphore(kin_poll *poll, kin_segment *segment, kin_semaphore *semaphore)
{
    return place_poll(poll, segment, semaphore, &make, 0);
}
