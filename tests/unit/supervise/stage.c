#include "stage.h"
#include "sys/task.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

char stage_events[65536], stage_output[65536];

static void add(char *log, const char *text)
{
    size_t length = strlen(log);
    check(length + strlen(text) + 2 < sizeof stage_events);
    strcat(log + length, text);
}

static void noted(void *context, const struct kin_supervisor_event *event)
{
    char line[1024], how[128];
    const char *who = event->instance ? event->instance : "all";
    (void)context;
    switch (event->kind) {
    case KIN_EVENT_STATE:
        snprintf(line, sizeof line, "%s %s\n", who, kin_instance_state_name(event->state));
        break;
    case KIN_EVENT_ENDED:
        snprintf(line, sizeof line, "%s ended %s\n", who, kin_exit_text(event->exit, how, sizeof how));
        break;
    case KIN_EVENT_TROUBLE:
        snprintf(line, sizeof line, "%s trouble %s\n", who, event->text);
        break;
    default:
        snprintf(line, sizeof line, "gave up: %s\n", event->text);
    }
    add(stage_events, line);
}

static void printed(void *context, const struct kin_supervisor_output *output)
{
    char line[8192];
    (void)context;
    snprintf(line, sizeof line, "%s%c%.*s", output->instance, output->error ? '!' : ':', (int)output->length,
             output->text);
    add(stage_output, line);
}

kin_supervisor *stage_open(const char *name, const struct kin_supervisor_options *options)
{
    kin_supervisor *supervisor;
    struct kin_supervisor_options mine = *options;
    stage_events[0] = stage_output[0] = 0;
    mine.event = noted;
    mine.output = printed;
    check_is(kin_supervisor_open(NULL, name, &mine, &supervisor), 0);
    return supervisor;
}

kin_supervisor *stage_plain(const char *name, unsigned flags)
{
    return stage_open(name, KIN_SUPERVISOR(.flags = flags));
}

int stage_step(kin_supervisor *supervisor)
{
    int result = kin_supervisor_wait(supervisor, kin_after(TEST_HANG * INT64_C(1000000000)));
    if (result == -ETIMEDOUT)
        test_failed(__FILE__, __LINE__, "the supervisor waits for ever; it has told:\n%s", stage_events);
    return result;
}

int stage_end(kin_supervisor *supervisor)
{
    int result;
    while ((result = stage_step(supervisor)) == 0)
        ;
    return result;
}

struct finder {
    const char *name;
    struct kin_instance found;
};

static int find(void *context, const struct kin_instance *instance)
{
    struct finder *finder = context;
    if (strcmp(instance->name, finder->name) != 0)
        return 0;
    finder->found = *instance;
    return 1;
}

struct kin_instance stage_look(kin_supervisor *supervisor, const char *instance)
{
    struct finder finder = {.name = instance};
    check_is(kin_supervisor_each(supervisor, find, &finder), 1);
    return finder.found;
}

bool stage_is(kin_supervisor *supervisor, const char *instance, enum kin_instance_state state)
{
    return stage_look(supervisor, instance).state == state;
}

unsigned stage_count(const char *in, const char *text)
{
    unsigned count = 0;
    while ((in = strstr(in, text))) {
        count++;
        in++;
    }
    return count;
}

bool stage_lives(pid_t pid)
{
    return task_state((uint32_t)pid, task_start((uint32_t)pid)) == TASK_LIVING;
}
