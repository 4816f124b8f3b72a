/* The six headings are in supervise/board.h */
#include "supervise/board.h"
#include "sys/atomic.h"
#include "sys/bare.h"
#include "sys/clock.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include "sys/task.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIRST_RECORDS 16u
#define OPEN (UINT64_C(1) << 63)
#define READS_MAX 1000

static uint64_t bytes_for(uint32_t records)
{
    return sizeof(struct board) + (uint64_t)records * sizeof(struct record);
}

struct board *board_of(const kin_segment *segment)
{
    return kin_segment_data(segment);
}

static int set_up(void *context, kin_segment *segment)
{
    struct board *board = board_of(segment);
    (void)context;
    board->magic = BOARD_MAGIC;
    return kin_lock_init(segment, &board->lock);
}

static int check(const kin_segment *segment, const char *name)
{
    if (kin_segment_bytes(segment) >= sizeof(struct board) && LOAD(board_of(segment)->magic) == BOARD_MAGIC)
        return 0;
    return reason(-EMEDIUMTYPE, "%s: a segment, but not that of a supervisor; take another name", name);
}

static int take_over(kin_segment *segment, const char *name)
{
    struct board *board = board_of(segment);
    int result = kin_lock_acquire(segment, &board->lock, KIN_NOW);
    if (result == -ETIMEDOUT || result == -EDEADLK)
        return reason(-EBUSY, "%s: process %u supervises it", name, LOAD(board->pid));
    return result;
}

int board_open(kin_domain *domain, const char *name, unsigned mode, kin_segment **segment)
{
    const char *label = name ? name : "a supervisor without a name";
    kin_segment *made;
    int result = kin_segment_open(domain, name,
                                  KIN_SEGMENT(.bytes = bytes_for(FIRST_RECORDS), .bytes_max = bytes_for(RECORDS_MAX),
                                              .mode = mode, .setup = set_up),
                                  &made);
    if (result < 0)
        return result;
    if ((result = check(made, label)) < 0 || (result = take_over(made, label)) < 0) {
        kin_segment_close(made);
        return result;
    }
    *segment = made;
    return result;
}

int board_look(kin_domain *domain, const char *name, kin_segment **segment)
{
    kin_segment *found;
    int result = kin_segment_open(domain, name, KIN_SEGMENT(.flags = KIN_MUST_EXIST | KIN_SEGMENT_READ_ONLY), &found);
    if (result < 0)
        return result;
    if ((result = check(found, name)) < 0)
        kin_segment_close(found);
    else
        *segment = found;
    return result;
}

uint32_t board_records(const kin_segment *segment)
{
    uint32_t count = LOAD_ACQUIRE(board_of(segment)->records);
    uint64_t room = (kin_segment_bytes(segment) - sizeof(struct board)) / sizeof(struct record);
    return count < room ? count : (uint32_t)room;
}

int board_add(kin_segment *segment, struct record **out)
{
    uint32_t count = board_records(segment);
    if (count >= RECORDS_MAX)
        return reason(-ENOSPC, "a supervisor has at most %u instances", RECORDS_MAX);
    uint32_t room = count < FIRST_RECORDS ? FIRST_RECORDS : 2 * count;
    int result = bytes_for(count + 1) <= kin_segment_bytes(segment)
                     ? 0
                     : kin_segment_grow(segment, bytes_for(room < RECORDS_MAX ? room : RECORDS_MAX));
    if (result < 0)
        return result;
    *out = &board_of(segment)->record[count];
    STORE((*out)->claim, 0);
    return 0;
}

void board_count(kin_segment *segment)
{
    KEEP_ORDER();
    STORE_RELEASE(board_of(segment)->records, LOAD(board_of(segment)->records) + 1);
}

void board_sign(kin_segment *segment, uint32_t flags, const char *control)
{
    struct board *board = board_of(segment);
    STORE(board->pid, (uint32_t)getpid());
    STORE(board->start, task_start((uint32_t)getpid()));
    STORE(board->since, clock_realtime());
    STORE(board->flags, flags);
    memset(board->control, 0, sizeof board->control);
    snprintf(board->control, sizeof board->control, "%s", control ? control : "");
}

void board_count_orphan(kin_segment *segment)
{
    STORE(board_of(segment)->orphans, LOAD(board_of(segment)->orphans) + 1);
}

#define BODY_WORDS (sizeof(struct body) / sizeof(uint64_t))

void body_write(struct record *record, const struct body *body)
{
    uint64_t words[BODY_WORDS];
    uint64_t *place = (uint64_t *)(void *)&record->body;
    uint32_t seq = LOAD(record->seq) | 1;
    memcpy(words, body, sizeof words);
    STORE(record->seq, seq);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    for (size_t i = 0; i < BODY_WORDS; i++)
        STORE(place[i], words[i]);
    STORE_RELEASE(record->seq, seq + 1);
    KEEP_ORDER();
}

/* Who died while he wrote left seq odd, until his successor writes. */
void body_read(const struct record *record, struct body *body)
{
    uint64_t words[BODY_WORDS];
    const uint64_t *place = (const uint64_t *)(const void *)&record->body;
    for (unsigned tries = 0; tries < READS_MAX; tries++) {
        uint32_t seq = LOAD_ACQUIRE(record->seq);
        for (size_t i = 0; i < BODY_WORDS; i++)
            words[i] = LOAD(place[i]);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (seq % 2 == 0 && LOAD(record->seq) == seq)
            break;
        relax();
    }
    memcpy(body, words, sizeof words);
    body->program[sizeof body->program - 1] = 0;
    body->status[sizeof body->status - 1] = 0;
}

/* As field 22 of /proc/PID/stat counts. */
uint64_t tick_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 100 + (uint64_t)now.tv_nsec / 10000000;
}

static uint64_t claim_of(uint32_t pid, uint64_t tick)
{
    return (tick << 32 & ~OPEN) | pid;
}

void claim_open(struct record *record, uint32_t starts)
{
    KEEP_ORDER();
    STORE_RELEASE(record->claim, OPEN | starts);
    KEEP_ORDER();
}

IN_CHILD int claim_take(struct record *record, uint32_t starts)
{
    uint64_t open = OPEN | starts;
    uint32_t pid = (uint32_t)bare_pid();
    if (PLANTED(NO_CLAIM))
        return 0;
    return CAS(record->claim, &open, claim_of(pid, tick_now())) ? 0 : -ECANCELED;
}

void claim_empty(struct record *record)
{
    KEEP_ORDER();
    STORE_RELEASE(record->claim, 0);
    KEEP_ORDER();
}

uint32_t claim_settle(struct record *record, uint64_t *tick)
{
    uint64_t claim = LOAD_ACQUIRE(record->claim);
    if (claim & OPEN && CAS(record->claim, &claim, 0))
        claim = 0;
    *tick = claim >> 32;
    return (uint32_t)claim;
}

uint32_t claim_pid(const struct record *record)
{
    uint64_t claim = LOAD_ACQUIRE(record->claim);
    return claim & OPEN ? 0 : (uint32_t)claim;
}
