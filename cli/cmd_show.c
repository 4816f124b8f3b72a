#include "command.h"
#include "see/select.h"
#include "table.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct parties {
    struct table *table;
    char path[4096];
    kin_topic *topic; /* or NULL */
    const char *of;   /* the queue, of a service; or NULL */
};

static int add_command(void *context, const struct kin_filelock_holder *holder)
{
    struct table *table = context;
    table_row(table);
    table_text(table, SHOW_PART, "holds");
    if (holder->pid)
        table_number(table, SHOW_PID, holder->pid);
    table_text(table, SHOW_ALIVE, holder->alive > 0 ? "yes" : "unknown");
    table_number(table, SHOW_COUNT, 1);
    table_text(table, SHOW_COMMAND, holder->command);
    return 0;
}

/* What a dead process has run goes on and holds the lock. */
static void add_commands(struct parties *parties)
{
    int fd = open(parties->path, O_PATH | O_CLOEXEC);
    kin_filelock_each_holder(fd, KIN_FILELOCK(.flags = 0), add_command, parties->table);
    close(fd);
}

static void add_row(struct table *table, const struct kin_party *party)
{
    static const char *const parts[] = {"", "holds", "waits", "attached", "made", "sent", "received", "used"};
    table_row(table);
    table_text(table, SHOW_PART, parts[party->part < sizeof parts / sizeof *parts ? party->part : 0]);
    if (party->pid)
        table_number(table, SHOW_PID, party->pid);
    if (party->tid)
        table_number(table, SHOW_TID, party->tid);
    table_text(table, SHOW_ALIVE,
               party->alive == 2  ? "by command"
               : party->alive > 0 ? "yes"
               : party->alive < 0 ? "unknown"
                                  : "dead");
    if (party->alive == 0)
        table_color(table, SHOW_ALIVE, "red");
    table_number(table, SHOW_COUNT, (int64_t)party->count);
    table_number(table, SHOW_OFFSET, (int64_t)party->offset);
    table_text(table, SHOW_COMMAND, party->command);
}

struct lag {
    pid_t pid;
    uint64_t most;
};

static int find_lag(void *context, const struct kin_subscriber_status *subscriber)
{
    struct lag *lag = context;
    if (subscriber->pid == lag->pid && subscriber->lag > lag->most)
        lag->most = subscriber->lag;
    return 0;
}

static int add_party(void *context, const struct kin_party *party)
{
    struct parties *parties = context;
    struct lag lag = {.pid = party->pid};
    add_row(parties->table, party);
    if (parties->topic && party->part == KIN_PART_HOLDS && party->pid &&
        kin_topic_each_subscriber(parties->topic, find_lag, &lag) == 0)
        table_number(parties->table, SHOW_LAG, (int64_t)lag.most);
    table_text(parties->table, SHOW_OF, parties->of);
    if (party->alive == 2)
        add_commands(parties);
    return 0;
}

/* Up to a dozen values. */
static void describe_semaphore(kin_domain *domain, const char *name)
{
    kin_segment *home;
    kin_semaphore *set;
    struct kin_semaphore_status status;
    if (kin_semaphore_open(domain, name, KIN_SEMAPHORE(.flags = KIN_MUST_EXIST), &home, &set) < 0)
        return;
    int result = kin_semaphore_status(home, set, &status);
    uint16_t *values = result < 0 ? NULL : calloc(status.count, sizeof *values);
    if (values && kin_semaphore_get_all(home, set, values) == 0) {
        if (status.count == 1)
            printf(": value %u", values[0]);
        else
            printf(": %u of them:", status.count);
        for (unsigned i = 0; status.count > 1 && i < status.count && i < 12; i++)
            printf(" %u", values[i]);
        printf("%s; %u of %u holders", status.count > 12 ? " ..." : "", status.held, status.holders);
    }
    free(values);
    kin_segment_close(home);
}

static void describe_segment(kin_domain *domain, const struct kin_object *object)
{
    char size[16], most[16];
    struct kin_segment_status status;
    kin_segment *segment;
    if (kin_segment_open(domain, object->name, KIN_SEGMENT(.flags = KIN_MUST_EXIST | KIN_SEGMENT_READ_ONLY), &segment) <
        0)
        return;
    if (kin_segment_status(segment, &status) == 0) {
        printf(": %s", size_text(status.bytes, size));
        if (status.bytes_max > status.bytes)
            printf(", can grow to %s", size_text(status.bytes_max, most));
        if (status.flags & KIN_SEGMENT_NO_RESERVE)
            printf(", not reserved: on a full tmpfs touching a new page is SIGBUS");
        /* Without ourselves. */
        printf("; made by process %d, %u attached", (int)status.creator, status.attached ? status.attached - 1 : 0);
    }
    kin_segment_close(segment);
}

static void describe_queue(kin_domain *domain, const char *name)
{
    char most[16];
    struct kin_queue_status status;
    kin_queue *queue;
    if (kin_queue_open(domain, name, KIN_QUEUE(.flags = KIN_MUST_EXIST), &queue) < 0)
        return;
    if (kin_queue_status(queue, &status) == 0)
        printf(": %llu queued, %llu leased, %llu loaned, %llu borrowed, %llu aside; room for %llu of up to %s",
               (unsigned long long)status.queued, (unsigned long long)status.leased, (unsigned long long)status.loaned,
               (unsigned long long)status.borrowed, (unsigned long long)status.aside,
               (unsigned long long)status.messages, size_text(status.message_max, most));
    kin_queue_close(queue);
}

static void describe_topic(kin_topic *topic)
{
    char most[16];
    struct kin_topic_status status;
    if (kin_topic_status(topic, &status) < 0)
        return;
    printf(": %llu published, the last %llu kept; room for %u of up to %s, then %s; %llu subscribers",
           (unsigned long long)status.published, (unsigned long long)(status.published - status.oldest),
           status.messages, size_text(status.message_max, most),
           status.policy == KIN_TOPIC_BLOCK ? "publishers wait" : "the oldest is dropped",
           (unsigned long long)status.subscribers);
    if (status.subscribers)
        printf(", the slowest is %llu behind", (unsigned long long)status.slowest);
}

/* One sentence above the table, for people. */
static void describe(kin_domain *domain, const struct kin_object *object, kin_topic *topic)
{
    char size[16];
    const char *kind = kin_kind_name(object->kind);
    printf("%s \"%s\", mode %04o, %s reserved", kind ? kind : "unknown", object->name, object->mode,
           size_text(object->size, size));
    if (object->kind == KIN_KIND_QUEUE)
        describe_queue(domain, object->name);
    if (topic)
        describe_topic(topic);
    if (object->kind == KIN_KIND_SEMAPHORE)
        describe_semaphore(domain, object->name);
    if (object->kind == KIN_KIND_SEGMENT)
        describe_segment(domain, object);
    putchar('\n');
}

static bool for_people(const struct call *call)
{
    return !is_given(call, OPTION_JSON) && !is_given(call, OPTION_RAW);
}

static int show_object(const struct call *call, kin_domain *domain, struct parties *parties,
                       const struct kin_object *object)
{
    int result = object->state;
    snprintf(parties->path, sizeof parties->path, "%s/%s.kin", kin_domain_path(domain), object->name);
    if (result == 0 && object->kind == KIN_KIND_TOPIC)
        result = kin_topic_open(domain, object->name, KIN_TOPIC(.flags = KIN_MUST_EXIST), &parties->topic);
    if (result == 0)
        result = kin_object_each_party(domain, object->name, add_party, parties);
    int code = result < 0 ? failed(call, result) : EXIT_OK;
    if (result == 0 && for_people(call))
        describe(domain, object, parties->topic);
    kin_topic_close(parties->topic);
    return code;
}

/* Its two queues are objects, each of which can be shown by itself. */
static int show_service(const struct call *call, kin_domain *domain, struct parties *parties, const char *name)
{
    static const char *const queues[] = {"requests", "replies"};
    char queue[KIN_NAME_MAX + 16], longest[16], reply[16];
    struct kin_service_status status;
    kin_service *service;
    if (kin_service_open(domain, name, KIN_SERVICE(.flags = KIN_MUST_EXIST), &service) < 0)
        return no_such_object(call, domain, NULL, name);
    int result = kin_service_status(service, &status);
    for (size_t i = 0; i < 2 && result == 0; i++) {
        parties->of = queues[i];
        snprintf(queue, sizeof queue, "%s.%s", name, queues[i]);
        result = kin_object_each_party(domain, queue, add_party, parties);
    }
    kin_service_close(service);
    if (result < 0)
        return failed(call, result);
    if (for_people(call))
        printf("service \"%s\": %llu requests waiting, %llu with servers; room for %u of up to %s, replies up to %s\n",
               name, (unsigned long long)status.waiting, (unsigned long long)status.served, status.calls,
               size_text(status.request_max, longest), size_text(status.reply_max, reply));
    return EXIT_OK;
}

static int show_kin(const struct call *call, struct table *table, const char *name)
{
    struct kin_object object;
    struct parties parties = {.table = table};
    kin_domain *domain;
    int code = open_domain(call, &domain);
    if (code != EXIT_OK)
        return code;
    int result = kin_object_find(domain, name, &object);
    if (result == 0)
        code = show_object(call, domain, &parties, &object);
    else if (result == -ENOENT)
        code = show_service(call, domain, &parties, name);
    else
        code = failed(call, result);
    kin_domain_close(domain);
    return code;
}

static void describe_ipc(const struct view *view, struct ipc *ipc)
{
    char size[16], proof[PROOF_MOST];
    enum ipc_state state = ipc_judge(view, ipc, proof);
    printf("%s %s", ipc->kind->what, ipc->name);
    if (ipc->owned)
        printf(", mode %04o, size %s", ipc->mode, size_text(ipc->size, size));
    if (ipc->detail)
        printf(", %s", ipc->detail);
    printf(": %s%s%s\n", ipc_state_name(state), *proof ? ": " : "", proof);
}

static int show_ipc(const struct call *call, struct table *table, const struct ipc_kind *kind, const char *name)
{
    struct view view;
    int code = view_open(call, ipc_set_of(kind), &view);
    if (code != EXIT_OK)
        return code;
    struct ipc *ipc = view_named(call, &view, kind, name);
    for (size_t i = 0; ipc && i < ipc->party_count; i++)
        add_row(table, &ipc->parties[i]);
    if (ipc && for_people(call))
        describe_ipc(&view, ipc);
    view_close(&view);
    return ipc ? EXIT_OK : EXIT_NOT_FOUND;
}

int cmd_show(struct call *call)
{
    int code;
    const char *word = call->operands[0], *name;
    const struct ipc_kind *kind = ipc_kind_of_name(word, &name);
    struct table *table = table_new(call, "parties", &code);
    if (!table)
        return code;
    if (kind)
        code = show_ipc(call, table, kind, name);
    else
        code = show_kin(call, table, name_of_kin(word) ? name_of_kin(word) : word);
    return table_end(table, code);
}
