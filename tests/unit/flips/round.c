#include "round.h"
#include "support.h"
#include <kin/kin.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGES 40
#define MESSAGE_MAX 3000
#define BRIEFLY kin_after(300000)

struct account {
    kin_lock lock;
    int64_t balance;
    kin_lock other;
    kin_condition condition;
    kin_latch latch;
    kin_once once;
    kin_barrier barrier;
    kin_rwlock rwlock;
};

static int set_up(void *context, kin_segment *segment)
{
    struct account *account = kin_segment_data(segment);
    (void)context;
    int result = kin_lock_init(segment, &account->lock);
    if (result == 0)
        result = kin_lock_init(segment, &account->other);
    check_is(kin_condition_init(segment, &account->condition), 0);
    check_is(kin_latch_init(segment, &account->latch, 3), 0);
    check_is(kin_once_init(segment, &account->once), 0);
    check_is(kin_barrier_init(segment, &account->barrier, 3), 0);
    check_is(kin_rwlock_init(segment, &account->rwlock), 0);
    return result < 0 ? result : kin_arena_init(segment, KIN_ARENA(.offset = ROUND_ARENA_AT));
}

static kin_segment *open_segment(void)
{
    kin_segment *segment;
    int result = kin_segment_open(
        NULL, "s", KIN_SEGMENT(.bytes = ROUND_ARENA_AT + 2 * KIN_ARENA_LEAST, .setup = set_up), &segment);
    return result < 0 ? NULL : segment;
}

#define SET_SIZE 3
static kin_semaphore *open_set(kin_segment **home)
{
    kin_semaphore *set;
    return kin_semaphore_open(NULL, "e", KIN_SEMAPHORE(.count = SET_SIZE, .value = 9, .holders = 20), home, &set) < 0
               ? NULL
               : set;
}

static void hold_units(void)
{
    static const struct kin_semaphore_op ops[] = {{0, -2, KIN_SEMAPHORE_UNDO}, {2, 1, KIN_SEMAPHORE_UNDO}};
    kin_segment *home;
    kin_semaphore *set = open_set(&home);
    check(set != NULL);
    check_is(kin_semaphore_operate(home, set, ops, 2, KIN_NOW), 0);
}

static void send_some(kin_queue *queue, uint64_t length, uint32_t priority, int64_t type)
{
    static unsigned char bytes[MESSAGE_MAX];
    check_is(kin_queue_send(queue, bytes, length, KIN_SEND(.priority = priority, .type = type), KIN_NOW), 0);
}

static void fill(kin_queue *queue, kin_queue *dead)
{
    struct kin_message message;
    send_some(dead, 8, 0, 1); /* full: it takes one */
    send_some(queue, 8, 0, 1);
    check_is(kin_queue_take(queue, NULL, KIN_NOW, &message), 0);
    check_is(kin_queue_put_back(queue, &message), 0);
    check_is(kin_queue_take(queue, KIN_RECEIVE(.attempts = 1, .dead_letter = dead), KIN_NOW, &message), -ETIMEDOUT);
    for (unsigned i = 0; i < 3; i++) { /* for two holders, a record of each kind, and some that are free again */
        send_some(queue, 20, 0, 1);
        send_some(queue, 20, 0, 1);
        send_some(queue, 700, 0, 1);
        send_some(queue, 30, 0, 1);
    }
}

static void hold(kin_queue *queue)
{
    struct kin_message message;
    check_is(kin_queue_take(queue, NULL, KIN_NOW, &message), 0);
    check_is(kin_queue_borrow(queue, NULL, KIN_NOW, &message), 0);
    check_is(kin_queue_take(queue, NULL, KIN_NOW, &message), 0);
    check_is(kin_queue_loan(queue, 300, KIN_NOW, &message), 0);
    check_is(kin_queue_loan(queue, 10, KIN_NOW, &message), 0);
}

static int see_block(void *context, const struct kin_arena_block *block)
{
    (void)context;
    check(block->bytes != 0);
    return 0;
}

/* Blocks that others have, a list of nobody's blocks, and some of our own. */
static void use_arena(kin_segment *segment)
{
    kin_arena *arena;
    uint64_t blocks[8] = {0}, bytes;
    if (kin_arena_open(segment, ROUND_ARENA_AT, &arena) < 0)
        return;
    uint64_t *head = kin_arena_root(arena, 0), first = *head;
    for (unsigned i = 0; i < 8; i++)
        if (kin_arena_alloc(arena, 40 + i * i * 50, i == 7 ? 512 : 0, &blocks[i]) == 0) {
            check(kin_arena_at(arena, blocks[i]) != NULL);
            memset(kin_arena_at(arena, blocks[i]), 1, 40 + i * i * 50);
        }
    kin_arena_commit(arena, head, first, blocks[0], blocks[0], 0);
    kin_arena_commit(arena, head, blocks[0], first, 0, blocks[0]);
    kin_arena_realloc(arena, blocks[1], 700, &blocks[1]);
    kin_arena_realloc(arena, blocks[5], 60, &blocks[5]);
    kin_arena_give(arena, blocks[2], 0);
    kin_arena_usable(arena, first, &bytes);
    kin_arena_free(arena, first);
    for (unsigned i = 0; i < 8; i += 2)
        kin_arena_free(arena, blocks[i]);
    kin_arena_alloc(arena, 3 * KIN_ARENA_LEAST, 0, &blocks[0]);
    kin_arena_reclaim(arena);
    kin_arena_each(arena, see_block, NULL);
    kin_arena_close(arena);
}

/* A reader, a party, a promise. */
static void take_part(kin_segment *segment)
{
    struct account *account = kin_segment_data(segment);
    check_is(kin_rwlock_acquire_read(segment, &account->rwlock, KIN_NOW), 0);
    check_is(kin_barrier_join(segment, &account->barrier), 0);
    check_is(kin_latch_promise(segment, &account->latch), 0);
}

static int hold_and_die(void *context)
{
    kin_segment *segment = open_segment();
    check(segment != NULL);
    use_arena(segment);
    hold(context);
    check_is(kin_lock_acquire(segment, kin_segment_data(segment), KIN_NOW), 0);
    hold_units();
    take_part(segment);
    raise(SIGKILL);
    return 0;
}

static int hold_and_live(void *context)
{
    int *ready = context;
    kin_queue *queue, *dead;
    check_is(kin_queue_open(NULL, "q", KIN_QUEUE(.messages = MESSAGES, .message_max = MESSAGE_MAX), &queue), 0);
    check_is(kin_queue_open(NULL, "d", KIN_QUEUE(.messages = 1, .message_max = 64), &dead), 0);
    kin_segment *segment = open_segment();
    check(segment != NULL);
    fill(queue, dead);
    check_is(test_end(test_child(hold_and_die, queue)), -SIGKILL);
    hold(queue);
    hold_units();
    struct account *account = kin_segment_data(segment);
    use_arena(segment);
    check_is(kin_lock_acquire(segment, &account->other, KIN_NOW), 0);
    take_part(segment);
    send_some(queue, 20, 3, 2);
    send_some(queue, 700, 700, 3);
    send_some(queue, 2500, 700, 3);
    check(kin_lock_fd(segment, &account->other) >= 0);
    send_some(queue, 10, 1500, 1); /* no more: the lanes up to it are restored before each flip */
    check(kin_queue_fd(queue, KIN_CAN_SEND) >= 0);
    __atomic_store_n(ready, 1, __ATOMIC_RELEASE);
    for (;;)
        pause();
}

void scene_build(void)
{
    int *ready = test_shared(sizeof *ready);
    test_child(hold_and_live, ready);
    test_until(__atomic_load_n(ready, __ATOMIC_ACQUIRE));
}

static unsigned char buffer[MESSAGE_MAX];

/* What a message in hand points to must be there. */
static void touch(const struct kin_message *message, bool write)
{
    volatile unsigned char *bytes = message->data, sum = 0;
    check(message->length <= UINT64_C(1) << 30);
    for (uint64_t i = 0; i < message->length; i++) {
        if (write)
            bytes[i] = (unsigned char)i;
        sum = (unsigned char)(sum + bytes[i]);
    }
}

static void copies(kin_queue *queue)
{
    static const struct kin_receive hows[] = {
        {.type = 0, .flags = KIN_PEEK},    {.type = 3}, {.type = -2},
        {.type = 1, .flags = KIN_EXCEPT},  {.type = 0}, {.type = 99},
        {.type = 0, .flags = KIN_SHORTEN},
    };
    static const uint64_t lengths[] = {10, 64, 65, 500, 2500};
    for (unsigned i = 0; i < 5; i++)
        kin_queue_send(queue, buffer, lengths[i], KIN_SEND(.priority = i * 300, .type = i + 1), KIN_NOW);
    for (unsigned i = 0; i < sizeof hows / sizeof *hows; i++) {
        struct kin_message message;
        kin_queue_receive(queue, buffer, i == 6 ? 5 : sizeof buffer, &hows[i], KIN_NOW, &message);
    }
}

static void loans(kin_queue *queue)
{
    struct kin_message message;
    if (kin_queue_loan(queue, 400, KIN_NOW, &message) == 0) {
        touch(&message, true);
        kin_queue_release(queue, &message);
    }
    if (kin_queue_loan(queue, 30, KIN_NOW, &message) == 0) {
        touch(&message, true);
        kin_queue_send_loan(queue, &message, KIN_SEND(.priority = 2));
    }
    if (kin_queue_borrow(queue, NULL, KIN_NOW, &message) == 0) {
        touch(&message, false);
        kin_queue_release(queue, &message);
    }
}

static void leases(kin_queue *queue, kin_queue *dead)
{
    struct kin_message message, result;
    if (kin_queue_take(queue, NULL, KIN_NOW, &message) == 0) {
        touch(&message, false);
        kin_queue_put_back(queue, &message);
    }
    if (kin_queue_take(queue, KIN_RECEIVE(.type = -5), KIN_NOW, &message) == 0) {
        touch(&message, false);
        kin_queue_done(queue, &message);
    }
    if (kin_queue_take(queue, KIN_RECEIVE(.attempts = 1, .dead_letter = dead), KIN_NOW, &message) == 0) {
        touch(&message, false);
        if (kin_queue_loan(queue, 100, KIN_NOW, &result) == 0) {
            touch(&result, true);
            kin_queue_done_and_send(queue, &message, queue, &result, NULL);
        }
    }
}

/* Both ends, with a wait at each. Waits are dear where the processors are busy: few, unless `thorough`. */
static void drain_and_fill(kin_queue *queue, bool thorough)
{
    kin_time brief = thorough ? BRIEFLY : KIN_NOW;
    for (unsigned i = 0; i < 2 * MESSAGES; i++)
        if (kin_queue_receive(queue, buffer, sizeof buffer, KIN_RECEIVE(.flags = KIN_SHORTEN), KIN_NOW, NULL) < 0)
            break;
    kin_queue_receive(queue, buffer, sizeof buffer, NULL, BRIEFLY, NULL);
    kin_queue_receive(queue, buffer, sizeof buffer, KIN_RECEIVE(.type = 4), brief, NULL);
    for (unsigned i = 0; i < 2 * MESSAGES; i++)
        if (kin_queue_send(queue, buffer, i * 40 % MESSAGE_MAX, KIN_SEND(.priority = i % 3), KIN_NOW) < 0)
            break;
    kin_queue_send(queue, buffer, 3, NULL, BRIEFLY);
    kin_queue_send(queue, buffer, 2999, NULL, brief);
    kin_queue_receive(queue, buffer, sizeof buffer, KIN_RECEIVE(.type = -9), KIN_NOW, NULL);
}

static void queues(bool thorough)
{
    kin_queue *queue, *dead;
    struct kin_queue_status status;
    struct kin_message none = {0};
    if (kin_queue_open(NULL, "q", KIN_QUEUE(.flags = KIN_MUST_EXIST), &queue) < 0)
        return;
    if (kin_queue_open(NULL, "d", KIN_QUEUE(.flags = KIN_MUST_EXIST), &dead) < 0)
        dead = NULL;
    kin_queue_done(queue, &none); /* waits for the queue's lock for ever: what follows does not wait at all */
    kin_queue_status(queue, &status);
    copies(queue);
    loans(queue);
    leases(queue, dead);
    kin_queue_fd(queue, KIN_CAN_RECEIVE);
    kin_queue_fd(queue, KIN_CAN_SEND);
    kin_queue_clear(queue, KIN_CAN_RECEIVE);
    drain_and_fill(queue, thorough);
    kin_queue_clear(queue, KIN_CAN_SEND);
    kin_queue_status(queue, &status);
    kin_queue_close(dead);
    kin_queue_close(queue);
}

static void locks(void)
{
    kin_segment *segment = open_segment();
    struct kin_owner owner;
    if (!segment)
        return;
    struct account *account = kin_segment_data(segment);
    use_arena(segment);
    if (kin_segment_bytes(segment) >= sizeof *account) {
        if (kin_lock_acquire(segment, &account->lock, KIN_NOW) >= 0) {
            kin_lock_dead_owner(segment, &account->lock, &owner);
            account->balance++;
            kin_lock_release(segment, &account->lock);
        }
        if (kin_lock_acquire(segment, &account->other, BRIEFLY) >= 0)
            kin_lock_release(segment, &account->other);
    }
    kin_segment_close(segment);
}

/* All values, however many the set says that it has. */
static void all_values(kin_segment *home, kin_semaphore *set)
{
    struct kin_semaphore_status status;
    if (kin_semaphore_status(home, set, &status) < 0)
        return;
    uint16_t *values = calloc(status.count, sizeof *values);
    check(values != NULL);
    if (kin_semaphore_get_all(home, set, values) == 0)
        kin_semaphore_set_all(home, set, values);
    free(values);
}

static void semaphores(void)
{
    static const struct kin_semaphore_op ops[] = {
        {0, -1, KIN_SEMAPHORE_UNDO}, {1, 3, KIN_SEMAPHORE_UNDO}, {2, -1, 0}, {0, 1, 0}};
    static const struct kin_semaphore_op zero = {1, 0, 0}, much = {0, -2000, KIN_SEMAPHORE_UNDO};
    struct kin_semaphore_value value;
    kin_segment *home;
    kin_semaphore *set = open_set(&home);
    if (!set)
        return;
    kin_semaphore_get(home, set, 1, &value); /* waits for its lock for ever: what follows does not wait at all */
    kin_semaphore_acquire(home, set, KIN_NOW);
    kin_semaphore_operate(home, set, ops, 4, KIN_NOW);
    kin_semaphore_operate(home, set, &zero, 1, KIN_NOW);
    kin_semaphore_operate(home, set, &much, 1, BRIEFLY);
    kin_semaphore_release(home, set);
    kin_semaphore_set(home, set, 2, 7);
    all_values(home, set);
    kin_segment_close(home);
}

static void poll_things(kin_poll *set, kin_segment *segment)
{
    kin_segment *home;
    kin_semaphore *units = open_set(&home);
    int unit = units ? kin_poll_add_semaphore(set, home, units) : -1, which;
    if (segment && kin_segment_bytes(segment) >= sizeof(struct account)) {
        struct account *account = kin_segment_data(segment);
        kin_poll_add_rwlock(set, segment, &account->rwlock, KIN_CAN_READ);
        kin_poll_add_rwlock(set, segment, &account->rwlock, KIN_CAN_WRITE);
        kin_poll_add_condition(set, segment, &account->condition);
        kin_poll_add_barrier(set, segment, &account->barrier);
        kin_poll_add_latch(set, segment, &account->latch);
        kin_latch_fd(segment, &account->latch);
        kin_latch_clear(segment, &account->latch);
    }
    for (unsigned i = 0; i < 4; i++)
        kin_poll_wait(set, KIN_NOW, &which);
    if (unit >= 0)
        kin_poll_remove(set, unit);
    if (units)
        kin_segment_close(home);
}

static void polls(void)
{
    int which;
    kin_poll *set;
    kin_queue *queue = NULL;
    kin_segment *segment = open_segment();
    check_is(kin_poll_create(&set), 0);
    if (kin_queue_open(NULL, "q", KIN_QUEUE(.flags = KIN_MUST_EXIST), &queue) == 0)
        kin_poll_add_queue(set, queue, KIN_CAN_RECEIVE);
    if (segment && kin_segment_bytes(segment) >= sizeof(struct account)) {
        struct account *account = kin_segment_data(segment);
        kin_lock_fd(segment, &account->other);
        kin_poll_add_lock(set, segment, &account->other);
        if (kin_lock_acquire(segment, &account->lock, KIN_NOW) >= 0) {
            kin_poll_add_lock(set, segment, &account->lock);
            kin_poll_wait(set, BRIEFLY, &which);
            kin_lock_release(segment, &account->lock);
        }
        kin_lock_clear(segment, &account->other);
    }
    poll_things(set, segment);
    kin_poll_wait(set, KIN_NOW, &which);
    kin_poll_destroy(set);
    kin_segment_close(segment);
    kin_queue_close(queue);
}

static int nothing(void *context, int begun)
{
    (void)context;
    (void)begun;
    return 0;
}

static void others(void)
{
    kin_segment *segment = open_segment();
    if (!segment)
        return;
    struct account *account = kin_segment_data(segment);
    if (kin_segment_bytes(segment) >= sizeof *account) {
        if (kin_rwlock_acquire_read(segment, &account->rwlock, KIN_NOW) >= 0) {
            kin_rwlock_upgrade(segment, &account->rwlock, KIN_NOW);
            kin_rwlock_release(segment, &account->rwlock);
        }
        if (kin_rwlock_acquire_write(segment, &account->rwlock, BRIEFLY) >= 0 &&
            kin_rwlock_downgrade(segment, &account->rwlock) >= 0)
            kin_rwlock_release(segment, &account->rwlock);
        kin_condition_signal(segment, &account->condition);
        kin_condition_broadcast(segment, &account->condition);
        kin_barrier_wait(segment, &account->barrier, BRIEFLY);
        kin_barrier_leave(segment, &account->barrier);
        kin_latch_promise(segment, &account->latch);
        kin_latch_wait(segment, &account->latch, BRIEFLY);
        kin_latch_count_down(segment, &account->latch);
        kin_once_run(segment, &account->once, nothing, NULL, BRIEFLY);
    }
    kin_segment_close(segment);
}

static int see_object(void *context, const struct kin_object *object)
{
    (void)context;
    check(memchr(object->name, 0, sizeof object->name) != NULL);
    return 0;
}

static int see_party(void *context, const struct kin_party *party)
{
    (void)context;
    check(memchr(party->command, 0, sizeof party->command) != NULL);
    return 0;
}

static int see_death(void *context, const struct kin_death *death)
{
    (void)context;
    check(memchr(death->name, 0, sizeof death->name) && memchr(death->held, 0, sizeof death->held) &&
          memchr(death->command, 0, sizeof death->command));
    return 0;
}

static void see_stale(void *context, const struct kin_stale *stale)
{
    (void)context;
    check(stale->what && stale->proof && *stale->proof);
}

static void listings(void)
{
    struct kin_object object;
    struct kin_facilities facilities;
    kin_domain *domain;
    if (kin_domain_open(NULL, NULL, &domain) < 0)
        return;
    kin_domain_each(domain, see_object, NULL);
    kin_object_find(domain, "q", &object);
    kin_object_each_party(domain, "q", see_party, NULL);
    kin_object_each_party(domain, "s", see_party, NULL);
    kin_domain_each_death(domain, 0, see_death, NULL);
    kin_domain_facilities(domain, &facilities);
    kin_domain_clean(domain, 0, see_stale, NULL);
    kin_domain_clean(domain, KIN_CLEAN_ACT, see_stale, NULL);
    kin_domain_close(domain);
}

int round_run(bool thorough)
{
    queues(thorough);
    locks();
    semaphores();
    polls();
    others();
    if (thorough)
        listings();
    kin_remove(NULL, "q", 0); /* a living process holds something of it, so it mostly stays */
    return 0;
}
