/* What the sweeps of rwlock, condition, barrier, latch and once share: one of each in a segment, and two numbers that
 * are the same when nobody is writing. */
#ifndef SYNC_H
#define SYNC_H

#include <kin/crash.h>
#include <kin/kin.h>
#include <stdbool.h>

struct room {
    kin_lock lock;
    kin_rwlock rwlock;
    kin_condition condition;
    kin_barrier one, two; /* for so many parties */
    kin_latch latch;      /* of two */
    kin_once once;
    int64_t left, right;
    uint32_t flag;
};

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) < 0)                                                                                                \
            return kin_crash_fail("%s: %s", #call, kin_reason());                                                      \
    } while (0)

extern kin_segment *segment;
extern struct room *room;
/* Opens it in the domain of that path, made if need be; the old one is closed. */
int room_open(const char *path);
/* In a process of its own: makes the room, does `act`, ends well, or is killed. */
int room_build(const char *path, int (*act)(void), bool dies);

/* The acts. */
int nothing(void), read_lock(void), read_and_release(void), write_lock(void), write_half(void), write_and_release(void);
int read_often(void), nearly_often(void); /* so often that the rwlock is quick; once less */
int upgrade(void), downgrade(void), upgrade_from_read(void), release(void);

#endif
