/* A queue against a model that is too simple to be wrong: an array of all messages, searched from end to end. */
#include "queues.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OPERATIONS 100000
#define MESSAGES 300
#define MESSAGE_MAX 5000
#define TYPES 6

enum where { NOWHERE, QUEUED, LOANED, BORROWED, LEASED };

struct entry {
    enum where where;
    uint64_t number; /* its payload; unique */
    uint64_t age;    /* order of sending */
    int64_t type;
    uint32_t priority, attempts;
    uint64_t length;
    struct kin_message message; /* while in hand */
};

struct model {
    kin_queue *queue;
    struct dice dice;
    struct entry entries[MESSAGES];
    uint64_t numbers, ages;
    bool bytes_are_short; /* the space may be full before the queue is */
    unsigned char buffer[MESSAGE_MAX];
};

static bool comes_before(const struct entry *a, const struct entry *b)
{
    return a->priority != b->priority ? a->priority > b->priority : a->age < b->age;
}

static bool wanted(const struct entry *entry, const struct kin_receive *how)
{
    if (how->type == 0)
        return true;
    if (how->type < 0)
        return entry->type <= -how->type;
    return (entry->type == how->type) != ((how->flags & KIN_EXCEPT) != 0);
}

static struct entry *expected(struct model *model, const struct kin_receive *how)
{
    struct entry *best = NULL;
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct entry *entry = &model->entries[i];
        if (entry->where != QUEUED || !wanted(entry, how))
            continue;
        bool better = !best || comes_before(entry, best);
        if (best && how->type < 0 && entry->type != best->type)
            better = entry->type < best->type;
        if (better)
            best = entry;
    }
    return best;
}

static unsigned count(const struct model *model, enum where where)
{
    unsigned found = 0;
    for (unsigned i = 0; i < MESSAGES; i++)
        found += model->entries[i].where == where;
    return found;
}

/* Any entry that is there, or NULL. */
static struct entry *any(struct model *model, enum where where)
{
    unsigned start = (unsigned)dice_roll(&model->dice, MESSAGES);
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct entry *entry = &model->entries[(start + i) % MESSAGES];
        if (entry->where == where)
            return entry;
    }
    return NULL;
}

static uint64_t some_length(struct model *model)
{
    switch (dice_roll(&model->dice, 6)) {
    case 0:
        return 0;
    case 1:
        return dice_roll(&model->dice, 65);
    case 2:
        return 63 + dice_roll(&model->dice, 4);
    case 3:
        return dice_roll(&model->dice, 600);
    case 4:
        return 2040 + dice_roll(&model->dice, 20);
    default:
        return dice_roll(&model->dice, MESSAGE_MAX + 1);
    }
}

static struct kin_send some_send(struct model *model)
{
    struct kin_send how = {.size = sizeof how, .type = (int64_t)dice_roll(&model->dice, TYPES)};
    switch (dice_roll(&model->dice, 4)) {
    case 0:
        how.priority = (uint32_t)dice_roll(&model->dice, 3);
        break;
    case 1:
        how.priority = (uint32_t)dice_roll(&model->dice, KIN_PRIORITY_MAX + 1);
        break;
    default:
        break;
    }
    return how;
}

static struct kin_receive some_receive(struct model *model)
{
    struct kin_receive how = {.size = sizeof how};
    if (dice_roll(&model->dice, 2))
        how.type = (int64_t)dice_roll(&model->dice, 2 * TYPES) - TYPES;
    if (how.type > 0 && dice_roll(&model->dice, 2))
        how.flags |= KIN_EXCEPT;
    return how;
}

static void becomes_queued(struct model *model, struct entry *entry, const struct kin_send *how)
{
    entry->where = QUEUED;
    entry->age = ++model->ages;
    entry->type = how->type ? how->type : 1;
    entry->priority = how->priority;
    entry->attempts = 0;
}

/* -ETIMEDOUT is right when all is in use. Where bytes are short only this is known: a queue that holds no block has
 * room. */
static void check_full(struct model *model, uint64_t length)
{
    unsigned blocks = 0;
    for (unsigned i = 0; i < MESSAGES; i++)
        blocks += model->entries[i].where != NOWHERE;
    check(blocks == MESSAGES || (model->bytes_are_short && length > 64 && blocks > 0));
}

static void send_one(struct model *model)
{
    struct entry *entry = any(model, NOWHERE);
    struct kin_send how = some_send(model);
    uint64_t length = some_length(model), number = ++model->numbers;
    payload_write(model->buffer, length, number);
    int result = kin_queue_send(model->queue, model->buffer, length, &how, KIN_NOW);
    if (result == -ETIMEDOUT) {
        check_full(model, length);
        return;
    }
    check_is(result, 0);
    check(entry != NULL);
    entry->number = number;
    entry->length = length;
    becomes_queued(model, entry, &how);
}

static void loan_one(struct model *model)
{
    struct entry *entry = any(model, NOWHERE);
    struct kin_message message;
    uint64_t length = some_length(model);
    int result = kin_queue_loan(model->queue, length, KIN_NOW, &message);
    if (result == -ETIMEDOUT) {
        check_full(model, length);
        return;
    }
    check_is(result, 0);
    check(entry != NULL);
    check_is((uintptr_t)message.data % 64, 0);
    check_is(message.length, length);
    entry->where = LOANED;
    entry->number = ++model->numbers;
    entry->length = length;
    entry->message = message;
    payload_write(message.data, length, entry->number);
}

static void check_message(const struct entry *entry, const struct kin_message *message)
{
    check_is(message->type, entry->type);
    check_is(message->priority, entry->priority);
    check_is(message->length, entry->length);
    check_is(message->attempts, entry->attempts);
}

static void receive_one(struct model *model)
{
    struct kin_receive how = some_receive(model);
    struct kin_message message = {0};
    uint64_t capacity = dice_roll(&model->dice, 3) ? MESSAGE_MAX : some_length(model);
    how.flags |= (unsigned)(dice_roll(&model->dice, 3) ? 0 : KIN_SHORTEN) | (dice_roll(&model->dice, 4) ? 0 : KIN_PEEK);
    struct entry *entry = expected(model, &how);
    int result = kin_queue_receive(model->queue, model->buffer, capacity, &how, KIN_NOW, &message);
    if (!entry) {
        check_is(result, -ETIMEDOUT);
        return;
    }
    bool fits = entry->length <= capacity || how.flags & KIN_SHORTEN;
    check_is(result, fits ? 0 : -E2BIG);
    check_message(entry, &message);
    check(message.data == NULL);
    if (fits)
        check(payload_is(model->buffer, entry->length < capacity ? entry->length : capacity, entry->number));
    if (fits && !(how.flags & KIN_PEEK))
        entry->where = NOWHERE;
}

static void hold_one(struct model *model, enum where where)
{
    struct kin_receive how = some_receive(model);
    struct kin_message message;
    struct entry *entry = expected(model, &how);
    int result = where == LEASED ? kin_queue_take(model->queue, &how, KIN_NOW, &message)
                                 : kin_queue_borrow(model->queue, &how, KIN_NOW, &message);
    check_is(result, entry ? 0 : -ETIMEDOUT);
    if (!entry)
        return;
    check_message(entry, &message);
    check_is((uintptr_t)message.data % 64, 0);
    entry->where = where;
    entry->message = message;
}

static void end_loan(struct model *model)
{
    struct entry *entry = any(model, LOANED);
    struct kin_send how = some_send(model);
    if (!entry)
        return;
    if (dice_roll(&model->dice, 4) == 0) {
        check_is(kin_queue_release(model->queue, &entry->message), 0);
        entry->where = NOWHERE;
        return;
    }
    if (dice_roll(&model->dice, 3) == 0)
        entry->length = entry->message.length = dice_roll(&model->dice, entry->length + 1);
    check_is(kin_queue_send_loan(model->queue, &entry->message, &how), 0);
    becomes_queued(model, entry, &how);
    check_is(kin_queue_send_loan(model->queue, &entry->message, &how), -EINVAL);
}

static void end_borrow(struct model *model)
{
    struct entry *entry = any(model, BORROWED);
    if (!entry)
        return;
    check(payload_is(entry->message.data, entry->length, entry->number));
    check_is(kin_queue_release(model->queue, &entry->message), 0);
    check_is(kin_queue_release(model->queue, &entry->message), -EINVAL);
    entry->where = NOWHERE;
}

static void end_lease(struct model *model)
{
    struct entry *entry = any(model, LEASED), *result = any(model, LOANED);
    struct kin_send how = some_send(model);
    if (!entry)
        return;
    check(payload_is(entry->message.data, entry->length, entry->number));
    if (result && dice_roll(&model->dice, 2)) {
        check_is(kin_queue_done_and_send(model->queue, &entry->message, model->queue, &result->message, &how), 0);
        becomes_queued(model, result, &how);
        entry->where = NOWHERE;
    } else if (dice_roll(&model->dice, 2)) {
        check_is(kin_queue_put_back(model->queue, &entry->message), 0);
        entry->where = QUEUED;
        entry->attempts++;
    } else {
        check_is(kin_queue_done(model->queue, &entry->message), 0);
        entry->where = NOWHERE;
    }
    check_is(kin_queue_done(model->queue, &entry->message), -EINVAL);
}

static void check_status(struct model *model)
{
    struct kin_queue_status status = status_of(model->queue);
    check_is(status.queued, count(model, QUEUED));
    check_is(status.leased, count(model, LEASED));
    check_is(status.loaned, count(model, LOANED));
    check_is(status.borrowed, count(model, BORROWED));
    check_is(status.aside, 0);
}

/* Fills for a while, then drains for a while, so that both ends are met. */
static void one_operation(struct model *model, unsigned turn)
{
    bool filling = turn / 2500 % 2 == 0;
    switch (dice_roll(&model->dice, filling ? 14 : 12)) {
    case 0:
        receive_one(model);
        break;
    case 1:
        loan_one(model);
        break;
    case 2:
        hold_one(model, BORROWED);
        break;
    case 3:
        hold_one(model, LEASED);
        break;
    case 4:
        end_loan(model);
        break;
    case 5:
        end_borrow(model);
        break;
    case 6:
        end_lease(model);
        break;
    case 7:
        check_status(model);
        break;
    default:
        filling ? send_one(model) : receive_one(model);
    }
}

static void run(uint64_t bytes)
{
    static struct model model;
    memset(&model, 0, sizeof model);
    model.queue = queue_of("model", MESSAGES, MESSAGE_MAX, bytes);
    model.bytes_are_short = bytes != 0;
    model.dice = dice_new();
    unsigned most = 0;
    for (unsigned turn = 0; turn < OPERATIONS; turn++) {
        one_operation(&model, turn);
        unsigned now = count(&model, NOWHERE);
        most = MESSAGES - now > most ? MESSAGES - now : most;
    }
    check(bytes || most == MESSAGES);
    kin_queue_close(model.queue);
}

static void does_what_the_model_does(void **state)
{
    (void)state;
    run(0);
}

static void does_what_the_model_does_with_little_space(void **state)
{
    (void)state;
    run(128 << 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(does_what_the_model_does),
        TEST(does_what_the_model_does_with_little_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
