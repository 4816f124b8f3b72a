/* kin demo: counts the words of a text, round after round, by workers that are being killed, and compares. */
#pragma once
#include "command.h"
#include "demo/pool.h"
#include "demo/text.h"
#include "demo/words.h"

struct demo {
    const struct call *call;
    int64_t kills_wanted, seconds;
    struct text text;
    struct pool pool;
    kin_time until;         /* no feeding after this */
    int64_t started, ended; /* CLOCK_MONOTONIC, ns */

    uint64_t fed, received; /* pieces; the number of a piece counts on from round to round */
    bool fed_all;
    uint8_t *seen; /* one for each piece fed */
    size_t seen_room;
    uint64_t redeliveries, doubled, strange, lost;
    struct words counted, plain;
};

/* Feeds, kills and collects until the text is done and all is collected. Returns the exit code. */
int demo_run(struct demo *demo);
/* Asks a run to end early. Signals: async-signal-safe. */
void demo_interrupt(int signal);
int demo_interrupted(void);

/* Counts in one plain process what was fed. */
void demo_count_plainly(struct demo *demo);

/* progress.c */
void progress_show(const struct demo *demo);
void progress_hide(const struct demo *demo);

/* report.c: EXIT_OK when the counts are the same, and nothing was lost or doubled. */
int demo_report(const struct demo *demo);
