#include "scene.h"
#include "audit.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) < 0)                                                                                                \
            return kin_crash_fail("%s: %s", #call, kin_reason());                                                      \
    } while (0)

static const struct letter filling = {.id = 100, .length = 8, .type = 1};

int scene_send(kin_queue *queue, const struct letter *letter)
{
    unsigned char bytes[8192];
    memset(bytes, letter->id, letter->length);
    struct kin_send how = {.size = sizeof how, .type = letter->type ? letter->type : 1, .priority = letter->priority};
    OK(kin_queue_send(queue, bytes, letter->length, &how, KIN_NOW));
    return 0;
}

int scene_open(const struct scene *scene, const char *path, struct stage *stage)
{
    kin_domain *domain;
    memset(stage, 0, sizeof *stage);
    OK(kin_domain_open(path, NULL, &domain));
    OK(kin_queue_open(domain, "queue",
                      KIN_QUEUE(.messages = scene->messages ? scene->messages : 8, .message_max = 8192),
                      &stage->queue));
    OK(kin_queue_open(domain, "results", KIN_QUEUE(.messages = 4, .message_max = 1024), &stage->results));
    kin_domain_close(domain);
    return 0;
}

static int build(const struct scene *scene, const char *path)
{
    struct stage stage;
    if (scene_open(scene, path, &stage) < 0)
        return 1;
    for (const struct letter *letter = scene->before; letter->id; letter++)
        if (scene_send(stage.queue, letter) < 0)
            return 1;
    for (unsigned i = 0; i < scene->fill; i++)
        if (scene_send(stage.queue, &filling) < 0)
            return 1;
    if (scene->build && scene->build(&stage) < 0)
        return 1;
    if (scene->builder_dies)
        raise(SIGKILL);
    kin_queue_close(stage.queue);
    kin_queue_close(stage.results);
    return 0;
}

int scene_build(const struct scene *scene, const char *path)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        exit(build(scene, path));
    if (child < 0 || waitpid(child, &status, 0) != child)
        return kin_crash_fail("cannot run the builder");
    if (scene->builder_dies ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return kin_crash_fail("the builder failed");
}

struct drained {
    struct letter list[LETTERS + 1];
    unsigned count;
};

static int drain(kin_queue *queue, struct drained *out)
{
    unsigned char bytes[8192];
    struct kin_message message;
    int result;
    *out = (struct drained){.count = 0};
    while ((result = kin_queue_receive(queue, bytes, sizeof bytes, NULL, KIN_NOW, &message)) == 0) {
        for (uint64_t i = 1; i < message.length; i++)
            if (bytes[i] != bytes[0])
                return kin_crash_fail("message %u is torn at byte %llu", bytes[0], (unsigned long long)i);
        if (out->count == LETTERS)
            return kin_crash_fail("more messages than were ever sent");
        out->list[out->count++] = (struct letter){bytes[0], (unsigned short)message.length,
                                                  (unsigned short)message.priority, (int)message.type};
    }
    return result == -ETIMEDOUT ? 0 : kin_crash_fail("the queue cannot be drained: %s", kin_reason());
}

static bool same(const struct drained *found, const struct letter *wanted, unsigned fill, bool eaten)
{
    unsigned count = 0;
    struct letter list[LETTERS + 8];
    for (; wanted[count].id; count++)
        list[count] = wanted[count];
    for (unsigned i = eaten; i < fill; i++)
        list[count++] = filling;
    /* what is sent lies behind the filling: the table lists it first, so compare as sets in order of priority */
    if (count != found->count)
        return false;
    bool used[LETTERS + 8] = {0};
    for (unsigned i = 0; i < count; i++) {
        unsigned k = 0;
        while (k < count && (used[k] || list[k].id != found->list[i].id || list[k].length != found->list[i].length))
            k++;
        if (k == count)
            return false;
        used[k] = true;
        if (i > 0 && found->list[i - 1].priority < found->list[i].priority)
            return false;
        if (fill == 0 && k != i)
            return false; /* without a filling the order is exact */
    }
    return true;
}

static int fill_and_empty(kin_queue *queue, unsigned places)
{
    unsigned count = 0;
    struct letter letter = {.id = 7, .length = 200};
    unsigned char bytes[256];
    memset(bytes, letter.id, sizeof bytes);
    while (kin_queue_send(queue, bytes, letter.length, NULL, KIN_NOW) == 0)
        count++;
    if (count != places)
        return kin_crash_fail("%u of %u places can be used", count, places);
    struct drained found;
    if (drain(queue, &found) < 0)
        return -1;
    return found.count == places ? 0 : kin_crash_fail("%u of %u messages came back", found.count, places);
}

static int look(const struct scene *scene, struct stage *stage, const struct kin_crash_point *point)
{
    struct drained queue, results;
    struct kin_queue_status status;
    OK(kin_queue_status(stage->results, &status));
    OK(kin_queue_status(stage->queue, &status));
    if (audit_queue(stage->queue) < 0 || audit_queue(stage->results) < 0)
        return -1;
    if (status.leased || status.loaned || status.borrowed)
        return kin_crash_fail("the dead still hold %u leases, %u loans, %u borrows", (unsigned)status.leased,
                              (unsigned)status.loaned, (unsigned)status.borrowed);
    if (drain(stage->queue, &queue) < 0 || drain(stage->results, &results) < 0)
        return -1;
    static const struct letter none[1];
    bool before = same(&queue, scene->before, scene->fill, false) && same(&results, none, 0, false);
    bool after =
        same(&queue, scene->after, scene->fill, scene->eats_filling) && same(&results, scene->results_after, 0, false);
    if (point->finished ? !after : !before && !after)
        return kin_crash_fail("%u messages (first %u) and %u results are neither the state before%s", queue.count,
                              queue.list[0].id, results.count,
                              point->finished ? " (but it had returned)" : " nor after");
    return 0;
}

int scene_check(const struct scene *scene, struct stage *stage, const struct kin_crash_point *point)
{
    if (look(scene, stage, point) < 0 || fill_and_empty(stage->queue, scene->messages ? scene->messages : 8) < 0 ||
        fill_and_empty(stage->results, 4) < 0)
        return -1;
    return audit_queue(stage->queue) < 0 ? -1 : audit_queue(stage->results);
}
