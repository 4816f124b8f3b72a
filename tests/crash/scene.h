/* The queue's operations and the states they are swept in: one table for the snapshot, the real kills, the two crashers
 * and the planted bugs. */
#ifndef SCENE_H
#define SCENE_H

#include <kin/crash.h>
#include <kin/queue.h>
#include <stdbool.h>

/* A message as the table writes it. Every byte of its payload is `id`. */
struct letter {
    unsigned char id; /* 0: end of the list */
    unsigned short length;
    unsigned short priority;
    int type;
};
#define LETTERS 48

/* Who takes part in a scene. */
struct stage {
    kin_queue *queue, *results;
    struct kin_message job, result;
};

struct scene {
    const char *name;                   /* the function of the API, and the state */
    unsigned messages;                  /* limit of the queue, default 8 */
    unsigned fill;                      /* so many letters {100, 8} are in the queue first */
    struct letter before[6], after[6];  /* what a drain of the queue finds, in order, behind the filling */
    struct letter results_after[3];     /* and of the second queue; before it is empty */
    int (*build)(struct stage *stage);  /* optional: more of the state before, in the builder */
    bool builder_dies;                  /* the builder is killed after build */
    int (*arrive)(struct stage *stage); /* optional: the victim, before it is stepped */
    int (*operate)(struct stage *stage);
    bool eats_filling; /* the operation takes the first letter of the filling */
};

extern const struct scene scenes[];
extern const unsigned scene_count;

int scene_send(kin_queue *queue, const struct letter *letter);
/* Opens both queues in the domain of that path, making them with the scene's limits. */
int scene_open(const struct scene *scene, const char *path, struct stage *stage);
/* The state before, by a process of its own. */
int scene_build(const struct scene *scene, const char *path);
/* The survivor's look: everything as before or as after, never between; and all places usable. */
int scene_check(const struct scene *scene, struct stage *stage, const struct kin_crash_point *point);

#endif
