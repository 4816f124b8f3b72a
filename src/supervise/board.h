/* What a supervisor knows, in a segment that outlives it: who is to run, and who does.
 *
 * Layout   struct board, then a record for each instance, added at the end and never moved.
 * States   of record.claim: 0 -> open(n) -> the child's number -> 0. The supervisor opens it before it makes the n-th
 *          child; that child puts its own number there before it does anything else, or ends if the word is not open(n)
 *          any more; the supervisor, or its successor, empties it when the child's end is known.
 * Always   one supervisor writes: it holds board.lock. A record with a number in it has a process that is running or
 *          whose end nobody has recorded yet. ends = starts, less one while there is a number or an open claim. seq is
 *          odd while the body is written: a reader that sees it odd for long shows what is there.
 * Order    the body with the new state is stored before what it announces is done (launch, signal), and the end is
 *          recorded before the next step: each step can be done again. body.starts is stored before the claim opens.
 *          The child's CAS and the successor's meet in one word: either the child is seen, or it ends by itself.
 * Death    the successor closes an open claim: 0, or it finds the number. A number is a living process if that started
 *          between the intent and the claim, to the clock tick; else the process has ended, and its end is told as
 *          "not known how". States that a signal belongs to (stopping, restarting) get it again.
 * Tests    tests/unit/supervise, tests/crash/sweep_supervise. */
#ifndef SUPERVISE_BOARD_H
#define SUPERVISE_BOARD_H

#include <kin/lock.h>
#include <kin/segment.h>
#include <kin/supervise.h>

#define BOARD_MAGIC UINT64_C(0x0031647261626b6b) /* "kkbard1" */
#define RECORDS_MAX 16384u

/* What the supervisor writes of an instance. Whole words only, as it is copied word by word. */
struct body {
    uint32_t state; /* enum kin_instance_state */
    uint32_t index;
    uint32_t starts;
    uint32_t stored;
    int32_t end_kind, end_status; /* how it ended last */
    int64_t since, started;       /* CLOCK_REALTIME, ns */
    uint64_t intent;              /* clock ticks since boot: when the last child was about to be made */
    struct kin_usage usage;       /* of the last end */
    char program[64];
    char status[128];
};
_Static_assert(sizeof(struct body) == 296 && sizeof(struct body) % 8 == 0, "one layout for 32 and 64 bits");

struct record {
    uint64_t claim;
    uint32_t seq;
    uint32_t spare;
    struct body body;
};
_Static_assert(sizeof(struct record) == 312, "one layout for 32 and 64 bits");

struct board {
    kin_lock lock;
    uint64_t magic;
    uint64_t start; /* of the supervisor's process */
    int64_t since;
    uint64_t orphans;
    uint32_t pid;
    uint32_t records;
    uint32_t flags; /* the supervisor's */
    uint32_t spare;
    char control[108];
    char pad[4];
    struct record record[];
};
_Static_assert(sizeof(struct board) == 224, "one layout for 32 and 64 bits");

/* One's own board: makes it, or takes it over from a dead supervisor. -EBUSY: that lives. */
int board_open(kin_domain *domain, const char *name, unsigned mode, kin_segment **segment);
/* Another's, to be read. */
int board_look(kin_domain *domain, const char *name, kin_segment **segment);
struct board *board_of(const kin_segment *segment);
/* How many records there are, as far as they fit the segment. */
uint32_t board_records(const kin_segment *segment);
/* The next record, empty. It is counted when its body is written first. */
int board_add(kin_segment *segment, struct record **out);

/* Whose it is from now on. */
void board_sign(kin_segment *segment, uint32_t flags, const char *control);
void board_count_orphan(kin_segment *segment);

void body_write(struct record *record, const struct body *body);
void body_read(const struct record *record, struct body *body);
/* Counts the last record, whose body is written. */
void board_count(kin_segment *segment);

/* The claim's three moves: before the n-th child; in the child (0, or -ECANCELED); when its end is known. */
void claim_open(struct record *record, uint32_t starts);
int claim_take(struct record *record, uint32_t starts);
void claim_empty(struct record *record);
/* A successor's look: the child's number, or 0; whoever was on the way will not come. */
uint32_t claim_settle(struct record *record, uint64_t *tick);
uint32_t claim_pid(const struct record *record);

uint64_t tick_now(void);

#endif
