#include "scene.h"
#include <errno.h>
#include <string.h>

static char buffer[8192];

#define A                                                                                                              \
    {                                                                                                                  \
        1, 64, 0, 1                                                                                                    \
    }
#define B                                                                                                              \
    {                                                                                                                  \
        2, 300, 0, 2                                                                                                   \
    }
#define C                                                                                                              \
    {                                                                                                                  \
        3, 10, 0, 3                                                                                                    \
    }
#define P                                                                                                              \
    {                                                                                                                  \
        4, 64, 5, 1                                                                                                    \
    }

static int send_letter(kin_queue *queue, const struct letter *letter)
{
    struct kin_send how = {.size = sizeof how, .type = letter->type ? letter->type : 1, .priority = letter->priority};
    return kin_queue_send(queue, buffer, letter->length, &how, KIN_NOW);
}

#define SEND(suffix, ...)                                                                                              \
    static int arrive_##suffix(struct stage *stage)                                                                    \
    {                                                                                                                  \
        (void)stage;                                                                                                   \
        struct letter letter = {__VA_ARGS__};                                                                          \
        memset(buffer, letter.id, sizeof buffer);                                                                      \
        return 0;                                                                                                      \
    }                                                                                                                  \
    static int send_##suffix(struct stage *stage)                                                                      \
    {                                                                                                                  \
        struct letter letter = {__VA_ARGS__};                                                                          \
        return send_letter(stage->queue, &letter);                                                                     \
    }

#define SMALL 9, 64, 0, 1
#define URGENT 9, 64, 5, 1
#define LONG 9, 300, 0, 1
#define HUGE 9, 3000, 0, 1
SEND(small, SMALL)
SEND(urgent, URGENT)
SEND(long, LONG)
SEND(huge, HUGE)

static int receive(struct stage *stage)
{
    return kin_queue_receive(stage->queue, buffer, sizeof buffer, NULL, KIN_NOW, NULL);
}

static int receive_type(struct stage *stage)
{
    return kin_queue_receive(stage->queue, buffer, sizeof buffer, KIN_RECEIVE(.type = 2), KIN_NOW, NULL);
}

static int take(struct stage *stage)
{
    return kin_queue_take(stage->queue, NULL, KIN_NOW, &stage->job);
}

static int done(struct stage *stage)
{
    return kin_queue_done(stage->queue, &stage->job);
}

static int put_back(struct stage *stage)
{
    return kin_queue_put_back(stage->queue, &stage->job);
}

static int loan(struct stage *stage)
{
    return kin_queue_loan(stage->queue, 300, KIN_NOW, &stage->result);
}

static int loan_filled(struct stage *stage)
{
    int result = loan(stage);
    if (result == 0)
        memset(stage->result.data, 9, 300);
    return result;
}

static int send_loan(struct stage *stage)
{
    return kin_queue_send_loan(stage->queue, &stage->result, NULL);
}

static int release_loan(struct stage *stage)
{
    return kin_queue_release(stage->queue, &stage->result);
}

static int borrow(struct stage *stage)
{
    return kin_queue_borrow(stage->queue, NULL, KIN_NOW, &stage->job);
}

/* Consumed when it is borrowed: neither the state before nor the one after has it. */
static int borrow_new(struct stage *stage)
{
    static const struct letter letter = B;
    int result = scene_send(stage->queue, &letter);
    return result == 0 ? borrow(stage) : result;
}

static int release_borrow(struct stage *stage)
{
    return kin_queue_release(stage->queue, &stage->job);
}

static int take_and_loan(struct stage *stage)
{
    int result = take(stage);
    if (result == 0)
        result = kin_queue_loan(stage->results, 64, KIN_NOW, &stage->result);
    if (result == 0)
        memset(stage->result.data, 20, 64);
    return result;
}

static int done_and_send(struct stage *stage)
{
    return kin_queue_done_and_send(stage->queue, &stage->job, stage->results, &stage->result, NULL);
}

static int take_and_loan_same(struct stage *stage)
{
    int result = take(stage);
    return result == 0 ? loan_filled(stage) : result;
}

static int done_and_send_same(struct stage *stage)
{
    return kin_queue_done_and_send(stage->queue, &stage->job, stage->queue, &stage->result, NULL);
}

static int take_twice(struct stage *stage)
{
    int result = take(stage);
    if (result == 0)
        result = kin_queue_put_back(stage->queue, &stage->job);
    return result;
}

static int take_or_bury(struct stage *stage)
{
    int result =
        kin_queue_take(stage->queue, KIN_RECEIVE(.attempts = 1, .dead_letter = stage->results), KIN_NOW, &stage->job);
    return result == -ETIMEDOUT ? 0 : result; /* after the burial nothing is left */
}

static int close_with_lease(struct stage *stage)
{
    kin_queue_close(stage->queue);
    stage->queue = NULL;
    return 0;
}

static int status(struct stage *stage)
{
    struct kin_queue_status out;
    return kin_queue_status(stage->queue, &out);
}

const struct scene scenes[] = {
    {.name = "kin_queue_send, empty", .after = {{SMALL}}, .arrive = arrive_small, .operate = send_small},
    {.name = "kin_queue_send, behind two",
     .before = {A, B},
     .after = {A, B, {SMALL}},
     .arrive = arrive_small,
     .operate = send_small},
    {.name = "kin_queue_send, first of its priority",
     .before = {A},
     .after = {{URGENT}, A},
     .arrive = arrive_urgent,
     .operate = send_urgent},
    {.name = "kin_queue_send, behind one of its priority",
     .before = {P, A},
     .after = {P, {URGENT}, A},
     .arrive = arrive_urgent,
     .operate = send_urgent},
    {.name = "kin_queue_send, long, the space grows",
     .before = {A},
     .after = {A, {LONG}},
     .arrive = arrive_long,
     .operate = send_long},
    {.name = "kin_queue_send, long, beside others",
     .before = {B, B},
     .after = {B, B, {LONG}},
     .arrive = arrive_long,
     .operate = send_long},
    {.name = "kin_queue_send, copied outside the lock",
     .before = {B},
     .after = {B, {HUGE}},
     .arrive = arrive_huge,
     .operate = send_huge},
    {.name = "kin_queue_send, the last place",
     .before = {A},
     .after = {A, {SMALL}},
     .fill = 6,
     .arrive = arrive_small,
     .operate = send_small},
    {.name = "kin_queue_send, the records grow",
     .messages = 40,
     .before = {A},
     .after = {A, {SMALL}},
     .fill = 30,
     .arrive = arrive_small,
     .operate = send_small},
    {.name = "kin_queue_send, refused when full",
     .before = {A},
     .after = {A},
     .fill = 7,
     .arrive = arrive_small,
     .operate = status},
    {.name = "kin_queue_receive, the only one", .before = {A}, .after = {{0}}, .operate = receive},
    {.name = "kin_queue_receive, of three", .before = {A, B, C}, .after = {B, C}, .operate = receive},
    {.name = "kin_queue_receive, from the middle", .before = {A, B, C}, .after = {A, C}, .operate = receive_type},
    {.name = "kin_queue_receive, the last of its priority", .before = {P, A}, .after = {A}, .operate = receive},
    {.name = "kin_queue_receive, one of its priority", .before = {P, P, A}, .after = {P, A}, .operate = receive},
    {.name = "kin_queue_receive, long", .before = {B, A, B}, .after = {A, B}, .operate = receive},
    {.name = "kin_queue_receive, copied outside the lock", .before = {{HUGE}, A}, .after = {A}, .operate = receive},
    {.name = "kin_queue_receive, from a full queue", .before = {A}, .after = {{0}}, .fill = 7, .operate = receive},
    {.name = "kin_queue_take", .before = {A, B}, .after = {A, B}, .operate = take},
    {.name = "kin_queue_done", .before = {B, A}, .after = {A}, .arrive = take, .operate = done},
    {.name = "kin_queue_put_back", .before = {A, B, C}, .after = {A, B, C}, .arrive = take, .operate = put_back},
    {.name = "kin_queue_loan", .before = {A}, .after = {A}, .operate = loan},
    {.name = "kin_queue_send_loan", .before = {A}, .after = {A, {LONG}}, .arrive = loan_filled, .operate = send_loan},
    {.name = "kin_queue_release, a loan", .before = {A}, .after = {A}, .arrive = loan, .operate = release_loan},
    {.name = "kin_queue_borrow", .before = {B, A}, .after = {A}, .operate = borrow},
    {.name = "kin_queue_release, a borrow", .arrive = borrow_new, .operate = release_borrow},
    {.name = "kin_queue_done_and_send",
     .before = {B, A},
     .after = {A},
     .results_after = {{20, 64, 0, 1}},
     .arrive = take_and_loan,
     .operate = done_and_send},
    {.name = "kin_queue_done_and_send, into the same queue",
     .before = {B, A},
     .after = {A, {LONG}},
     .arrive = take_and_loan_same,
     .operate = done_and_send_same},
    {.name = "kin_queue_take, to the dead-letter queue",
     .before = {A},
     .after = {{0}},
     .results_after = {A},
     .build = take_twice,
     .operate = take_or_bury},
    {.name = "kin_queue_close, with a lease",
     .before = {A, B},
     .after = {A, B},
     .arrive = take,
     .operate = close_with_lease},
    {.name = "settling a dead one's lease",
     .before = {A, B},
     .after = {A, B},
     .build = take,
     .builder_dies = true,
     .operate = status},
    {.name = "settling a dead one's loan",
     .before = {A, B},
     .after = {A, B},
     .build = loan,
     .builder_dies = true,
     .operate = status},
    {.name = "settling a dead one's borrow", .build = borrow_new, .builder_dies = true, .operate = status},
};
const unsigned scene_count = sizeof scenes / sizeof *scenes;
