/* Names instead of keys. ftok() gives two files the same key now and then; a name is what you say. Made once
 * (IPC_EXCL), opened by others, or without any name for relatives (IPC_PRIVATE); listed, and removed only when nobody
 * uses it. */
#include <kin/process.h>
#include <kin/queue.h>
#include <kin/semaphore.h>
#include <err.h>
#include <stdio.h>

#define MAKERS 8

/* However many begin at once, one makes it; the others are told, and nobody sees it half made. */
static int make(void *context)
{
    kin_segment *home;
    kin_semaphore *slots;
    (void)context;
    return kin_semaphore_open(NULL, "slots", KIN_SEMAPHORE(.flags = KIN_MUST_CREATE, .value = 3), &home, &slots) < 0;
}

static void one_of_many_makes_it(void)
{
    kin_process *children[MAKERS];
    int made = 0;
    for (int i = 0; i < MAKERS; i++)
        if (kin_process_fork(make, NULL, NULL, &children[i]) < 0)
            errx(1, "%s", kin_reason());
    for (int i = 0; i < MAKERS; i++) {
        struct kin_exit how;
        kin_process_wait(children[i], 0, KIN_FOREVER, &how);
        made += how.kind == KIN_EXITED && how.status == 0;
        kin_process_close(children[i]);
    }
    printf("%d began, %d made it\n", MAKERS, made);
}

static kin_segment *nameless;

static int set_up(void *context, kin_segment *segment)
{
    (void)context;
    return kin_semaphore_init(segment, kin_segment_data(segment), KIN_SEMAPHORE(.value = 0));
}

static int put_one_in(void *set)
{
    static const struct kin_semaphore_op in = {.by = 1}; /* without undo: it stays when the child has ended */
    return kin_semaphore_operate(nameless, set, &in, 1, KIN_NOW) < 0;
}

/* A set that has no name: only those to whom it is handed down can have it. */
static void relatives_need_no_name(void)
{
    kin_process *child;
    if (kin_segment_open(NULL, NULL, KIN_SEGMENT(.bytes = sizeof(kin_semaphore), .setup = set_up), &nameless) < 0 ||
        kin_process_fork(put_one_in, kin_segment_data(nameless), NULL, &child) < 0 ||
        kin_semaphore_acquire(nameless, kin_segment_data(nameless), KIN_FOREVER) < 0)
        errx(1, "%s", kin_reason());
    printf("parent and child share a semaphore without a name\n");
    kin_process_wait(child, 0, KIN_FOREVER, NULL);
    kin_process_close(child);
    kin_segment_close(nameless);
}

static int list(void *context, const struct kin_object *object)
{
    (void)context;
    printf("%s is a %s, mode %04o\n", object->name, kin_kind_name(object->kind), object->mode);
    return 0;
}

int main(void)
{
    kin_segment *home;
    kin_semaphore *slots;
    kin_queue *queue;
    setvbuf(stdout, NULL, _IOLBF, 0);
    one_of_many_makes_it();
    relatives_need_no_name();
    if (kin_queue_open(NULL, "slots", NULL, &queue) < 0)
        printf("%s\n", kin_reason());
    if (kin_semaphore_open(NULL, "slots", KIN_SEMAPHORE(.flags = KIN_MUST_EXIST), &home, &slots) < 0 ||
        kin_semaphore_acquire(home, slots, KIN_FOREVER) < 0)
        errx(1, "%s", kin_reason());
    kin_domain_each(NULL, list, NULL);
    if (kin_remove(NULL, "slots", 0) < 0)
        printf("not removed while I hold a unit\n");
    kin_semaphore_release(home, slots);
    printf("%s\n", kin_remove(NULL, "slots", 0) < 0 ? kin_reason() : "removed");
    kin_segment_close(home);
    return 0;
}
