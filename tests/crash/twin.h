/* A domain and its twin, for the snapshot sweeps: the victim works in the live one, the tracer looks at the twin.
 * Before each look the harness copies the live files over the twin's, all but the tracer's own life, and the victim is
 * marked dead there: as the kernel would do it, and the process as its end would prove it. */
#ifndef TWIN_H
#define TWIN_H

#include <kin/crash.h>
#include <kin/queue.h>

#define TWIN_OBJECTS 2

struct twin {
    char live[64], copy[64];         /* directories */
    const char *names[TWIN_OBJECTS]; /* objects that take part; NULL: no second */
    struct twin_file {
        const char *live;
        char *copy;
        size_t bytes;
    } files[TWIN_OBJECTS + 1];
    struct kin_crash_region regions[TWIN_OBJECTS + 4];
    kin_domain *domain; /* the twin, opened by the tracer */
};

/* Two fresh directories; nothing is in them yet. */
int twin_make(struct twin *twin, const char *first, const char *second);
void twin_remove(struct twin *twin);

/* For the harness. The first call copies the files and takes the tracer's life in the twin. */
size_t twin_regions(struct twin *twin, const struct kin_crash_region **list);
int twin_mark_dead(struct twin *twin, pid_t victim);

#endif
