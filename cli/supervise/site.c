#include "site.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct running {
    struct site *site;
    kin_supervisor *supervisor;
    kin_signals *signals;
    bool colors, stopping, gave_up;
    int width; /* of the longest name */
};

/* A path is cut from its front: the end is what differs. */
void site_control(kin_domain *domain, const char *name, char control[108])
{
    const char *path = kin_domain_path(domain);
    size_t length = strlen(path) + strlen(name), most = 80;
    snprintf(control, 108, "@kin/control%s/%s", length > most ? path + (length - most) : path, name);
}

static unsigned hash(const char *text)
{
    unsigned sum = 5381;
    while (*text && *text != '.')
        sum = 33 * sum + (unsigned char)*text++;
    return sum;
}

static void print(void *context, const struct kin_supervisor_output *output)
{
    const struct running *running = context;
    unsigned color = 31 + hash(output->instance) % 6;
    if (running->colors)
        printf("\033[%um%-*s |\033[0m ", color, running->width, output->instance);
    else
        printf("%-*s | ", running->width, output->instance);
    fwrite(output->text, 1, output->length, stdout);
    if (output->length == 0 || output->text[output->length - 1] != '\n')
        putchar('\n');
    fflush(stdout);
}

static void tell(void *context, const struct kin_supervisor_event *event)
{
    struct running *running = context;
    const struct call *call = running->site->call;
    char how[128];
    switch (event->kind) {
    case KIN_EVENT_ENDED:
        complain(call, "%s %s", event->instance, kin_exit_text(event->exit, how, sizeof how));
        break;
    case KIN_EVENT_TROUBLE:
        complain(call, "%s: %s", event->instance, event->text);
        break;
    case KIN_EVENT_GAVE_UP:
        complain(call, "gives up, as %s: all are stopped", event->text);
        running->gave_up = true;
        break;
    case KIN_EVENT_STATE:
        if (event->state == KIN_INSTANCE_FAILED)
            complain(call, "%s has failed, and is not tried again", event->instance);
        else if (event->state == KIN_INSTANCE_STARTING)
            complain(call, "%s is started as %d", event->instance, (int)event->pid);
        break;
    }
}

static int find_width(void *context, const struct kin_instance *instance)
{
    struct running *running = context;
    int length = (int)strlen(instance->name);
    running->width = length > running->width ? length : running->width;
    return 0;
}

static int add_all(struct running *running)
{
    struct config *config = &running->site->config;
    for (size_t i = 0; i < config->count; i++) {
        int result = kin_supervisor_add(running->supervisor, &config->wishes[i]->program);
        if (result < 0)
            return failed(running->site->call, result);
    }
    kin_supervisor_each(running->supervisor, find_width, running);
    return EXIT_OK;
}

static int start_all(struct running *running)
{
    const struct site *site = running->site;
    int result = site->name_count ? 0 : kin_supervisor_start(running->supervisor, NULL);
    for (int i = 0; result == 0 && i < site->name_count; i++)
        result = kin_supervisor_start(running->supervisor, site->names[i]);
    return result < 0 ? failed(site->call, result) : EXIT_OK;
}

/* TERM and INT stop all; once more, at once. HUP reloads what is ready. */
static bool take_signal(struct running *running)
{
    struct kin_signal signal;
    while (kin_signals_next(running->signals, KIN_NOW, &signal) == 0) {
        if (signal.signal == SIGHUP) {
            if (kin_supervisor_reload(running->supervisor, NULL) < 0)
                complain(running->site->call, "%s", kin_reason());
        } else if (running->stopping) {
            return false;
        } else {
            running->stopping = true;
            kin_supervisor_stop(running->supervisor, NULL);
        }
    }
    return true;
}

/* False when it is to end at once; then what runs is killed. */
static bool work(struct running *running, int *result)
{
    struct pollfd watched[] = {{.fd = kin_supervisor_fd(running->supervisor), .events = POLLIN},
                               {.fd = kin_signals_fd(running->signals), .events = POLLIN}};
    while ((*result = kin_supervisor_wait(running->supervisor, KIN_NOW)) == 0)
        if (!take_signal(running))
            return false;
    if (*result != -ETIMEDOUT)
        return false;
    poll(watched, 2, -1);
    return take_signal(running);
}

static int is_failed(void *context, const struct kin_instance *instance)
{
    (void)context;
    return instance->state == KIN_INSTANCE_FAILED || instance->state == KIN_INSTANCE_HELD;
}

static int supervise(struct running *running)
{
    int result = 0, code = add_all(running);
    if (code == EXIT_OK)
        code = start_all(running);
    if (code != EXIT_OK)
        return code;
    while (work(running, &result))
        ;
    bool bad = running->gave_up || (!running->stopping && kin_supervisor_each(running->supervisor, is_failed, NULL));
    return bad ? EXIT_FAILED : EXIT_OK;
}

static int open_and_supervise(struct running *running, kin_domain *domain)
{
    struct config *config = &running->site->config;
    struct kin_supervisor_options options = config->options;
    char control[108];
    site_control(domain, config->name, control);
    options.control = config->control ? config->control : control;
    options.flags |= KIN_SUPERVISE_SUBREAPER;
    options.event = tell;
    options.output = print;
    options.context = running;
    int code = config_listen(running->site->call, domain, config);
    if (code != EXIT_OK)
        return code;
    int result = kin_supervisor_open(domain, config->name, &options, &running->supervisor);
    if (result < 0)
        return failed(running->site->call, result);
    code = supervise(running);
    kin_supervisor_close(running->supervisor);
    return code;
}

int site_run(struct site *site)
{
    struct running running = {.site = site, .colors = colors_wanted(stdout)};
    const int signals[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, 0};
    kin_domain *domain;
    int result = kin_signals_open(signals, &running.signals);
    if (result < 0)
        return failed(site->call, result);
    int code = open_domain(site->call, &domain);
    if (code == EXIT_OK) {
        code = open_and_supervise(&running, domain);
        kin_domain_close(domain);
    }
    kin_signals_close(running.signals);
    return code;
}
