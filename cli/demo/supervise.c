#include "demo/demo.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)
/* A worker dies 20 times a second on the average, at no regular moments. */
#define KILL_EVERY (SECOND / 20)
/* When all is fed, and no count came for so long, what is missing is lost. */
#define PATIENCE (10 * SECOND)
enum { AT_ONCE = 64, REPAINTS_A_SECOND = 10 };

static volatile sig_atomic_t interrupted;

void demo_interrupt(int signal)
{
    interrupted = signal;
}

int demo_interrupted(void)
{
    return interrupted;
}

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

/* Whole rounds, until enough workers have died; when the time is over, not even that. */
static bool feeding_is_over(const struct demo *demo)
{
    bool whole = demo->fed > 0 && demo->fed % demo->text.piece_count == 0;
    return now() >= demo->until || (whole && demo->pool.kills >= (uint64_t)demo->kills_wanted);
}

static bool make_room_to_see(struct demo *demo)
{
    if (demo->fed < demo->seen_room)
        return true;
    size_t room = 2 * demo->seen_room + 4096;
    uint8_t *more = realloc(demo->seen, room);
    if (!more)
        return false;
    memset(more + demo->seen_room, 0, room - demo->seen_room);
    demo->seen = more;
    demo->seen_room = room;
    return true;
}

static int feed_one(struct demo *demo)
{
    const struct piece *piece = &demo->text.pieces[demo->fed % demo->text.piece_count];
    const struct piece_head head = {.number = demo->fed};
    struct kin_message message;
    if (!make_room_to_see(demo))
        return -ENOMEM;
    int result = kin_queue_loan(demo->pool.pieces, sizeof head + piece->length, KIN_NOW, &message);
    if (result < 0)
        return result;
    memcpy(message.data, &head, sizeof head);
    memcpy((char *)message.data + sizeof head, demo->text.data + piece->offset, piece->length);
    result = kin_queue_send_loan(demo->pool.pieces, &message, NULL);
    demo->fed += result == 0;
    return result;
}

static int feed(struct demo *demo)
{
    kin_queue_clear(demo->pool.pieces, KIN_CAN_SEND);
    for (int i = 0; i < AT_ONCE && !demo->fed_all; i++) {
        demo->fed_all = feeding_is_over(demo);
        int result = demo->fed_all ? 0 : feed_one(demo);
        if (result == -ETIMEDOUT || result == -EAGAIN)
            return EXIT_OK;
        if (result < 0)
            return failed(demo->call, result);
    }
    return EXIT_OK;
}

static void count(struct demo *demo, const struct kin_message *message)
{
    struct count_head head = {.number = UINT64_MAX};
    if (message->length >= sizeof head)
        memcpy(&head, message->data, sizeof head);
    if (head.number >= demo->fed) {
        demo->strange++;
        return;
    }
    demo->received++;
    demo->redeliveries += head.attempts;
    demo->doubled += demo->seen[head.number] != 0;
    demo->seen[head.number] = 1;
    if (!words_add_packed(&demo->counted, (const char *)message->data + sizeof head, message->length - sizeof head))
        demo->strange++;
}

/* How many were there; negative: what went wrong. */
static int collect(struct demo *demo)
{
    kin_queue_clear(demo->pool.counts, KIN_CAN_RECEIVE);
    for (int collected = 0; collected < AT_ONCE; collected++) {
        struct kin_message message;
        int result = kin_queue_borrow(demo->pool.counts, NULL, KIN_NOW, &message);
        if (result == -ETIMEDOUT || result == -EAGAIN)
            return collected;
        if (result < 0)
            return result;
        count(demo, &message);
        kin_queue_release(demo->pool.counts, &message);
    }
    return AT_ONCE;
}

/* Sleeps until something can be fed or collected, a worker has ended, or the next kill is due. */
static void sleep_until(struct demo *demo, int64_t moment)
{
    struct pollfd watched[WORKERS_MOST + 2];
    size_t count = pool_watch(&demo->pool, watched);
    watched[count++] = (struct pollfd){kin_queue_fd(demo->pool.counts, KIN_CAN_RECEIVE), POLLIN, 0};
    if (!demo->fed_all)
        watched[count++] = (struct pollfd){kin_queue_fd(demo->pool.pieces, KIN_CAN_SEND), POLLIN, 0};
    int64_t left = moment - now();
    poll(watched, count, left > 0 ? (int)(left / 1000000) + 1 : 0);
}

static int64_t next_kill(struct demo *demo)
{
    return now() + KILL_EVERY / 2 + rand_r(&demo->pool.random) % KILL_EVERY;
}

static int step(struct demo *demo, int64_t *heard, int64_t *kill_at)
{
    int code = demo->fed_all ? EXIT_OK : feed(demo);
    int collected = code == EXIT_OK ? collect(demo) : 0;
    if (collected < 0)
        return failed(demo->call, collected);
    if (collected > 0 || !demo->fed_all)
        *heard = now();
    if (now() >= *kill_at && !demo->fed_all) {
        pool_kill_one(&demo->pool);
        *kill_at = next_kill(demo);
    }
    if (collected < AT_ONCE)
        sleep_until(demo, demo->fed_all ? now() + SECOND / REPAINTS_A_SECOND : *kill_at);
    return code == EXIT_OK ? pool_replace(&demo->pool) : code;
}

static bool all_collected(const struct demo *demo)
{
    return demo->fed_all && demo->received >= demo->fed;
}

int demo_run(struct demo *demo)
{
    int64_t heard = now(), painted = 0, kill_at = next_kill(demo);
    demo->started = now();
    demo->until = demo->started + demo->seconds * SECOND;
    int code = pool_start(&demo->pool);
    while (code == EXIT_OK && !interrupted && !all_collected(demo) && now() - heard < PATIENCE) {
        code = step(demo, &heard, &kill_at);
        if (now() - painted >= SECOND / REPAINTS_A_SECOND) {
            progress_show(demo);
            painted = now();
        }
    }
    progress_hide(demo);
    demo->ended = now();
    for (uint64_t number = 0; number < demo->fed; number++)
        demo->lost += demo->seen[number] == 0;
    return interrupted && code == EXIT_OK ? EXIT_SIGNAL + interrupted : code;
}

void demo_count_plainly(struct demo *demo)
{
    const struct text *text = &demo->text;
    uint64_t rounds = demo->fed / text->piece_count, rest = demo->fed % text->piece_count;
    size_t part = rest ? text->pieces[rest].offset : 0;
    words_count(&demo->plain, text->data, text->length, rounds);
    words_count(&demo->plain, text->data, part, 1);
}
