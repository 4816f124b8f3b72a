#include "command.h"
#include "see/row.h"
#include "table.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct listing {
    struct kin_object *objects;
    size_t count, room;
    unsigned kinds; /* of those that are not named: a bit each */
};

static int add_object(void *context, const struct kin_object *object)
{
    struct listing *listing = context;
    if (listing->count == listing->room) {
        size_t room = listing->room ? 2 * listing->room : 64;
        void *more = realloc(listing->objects, room * sizeof *listing->objects);
        if (!more)
            return -ENOMEM;
        listing->objects = more;
        listing->room = room;
    }
    listing->objects[listing->count++] = *object;
    return 0;
}

static int add_chosen(void *context, const struct kin_object *object)
{
    struct listing *listing = context;
    return listing->kinds & 1U << object->kind ? add_object(context, object) : 0;
}

static int by_name(const void *one, const void *other)
{
    return strcmp(((const struct kin_object *)one)->name, ((const struct kin_object *)other)->name);
}

struct parties {
    int64_t held, waiting, attached, dead, alive;
    struct holders holders;
};

static int count_party(void *context, const struct kin_party *party)
{
    struct parties *parties = context;
    parties->held += party->part == KIN_PART_HOLDS ? (int64_t)party->count : 0;
    parties->attached += party->part == KIN_PART_ATTACHED && party->alive ? (int64_t)party->count : 0;
    parties->waiting += party->part == KIN_PART_WAITS && party->alive;
    parties->dead += party->alive == 0;
    parties->alive += party->alive > 0;
    holders_add(&parties->holders, party);
    return 0;
}

static void set_queue(struct table *table, kin_domain *domain, const struct kin_object *object)
{
    struct kin_queue_status status;
    kin_queue *queue;
    if (kin_queue_open(domain, object->name, KIN_QUEUE(.flags = KIN_MUST_EXIST), &queue) < 0)
        return;
    if (kin_queue_status(queue, &status) == 0) {
        table_number(table, LS_QUEUED, (int64_t)status.queued);
        table_number(table, LS_LEASED, (int64_t)status.leased);
        table_number(table, LS_LOANED, (int64_t)status.loaned);
        table_number(table, LS_BORROWED, (int64_t)status.borrowed);
        table_number(table, LS_ASIDE, (int64_t)status.aside);
        table_number(table, LS_SENT, (int64_t)status.sent);
        table_number(table, LS_MESSAGES, (int64_t)status.messages);
        table_size(table, LS_MESSAGE_MAX, status.message_max);
    }
    kin_queue_close(queue);
}

static void set_topic(struct table *table, kin_domain *domain, const struct kin_object *object)
{
    struct kin_topic_status status;
    kin_topic *topic;
    if (kin_topic_open(domain, object->name, KIN_TOPIC(.flags = KIN_MUST_EXIST), &topic) < 0)
        return;
    if (kin_topic_status(topic, &status) == 0) {
        table_number(table, LS_QUEUED, (int64_t)(status.published - status.oldest));
        table_number(table, LS_SENT, (int64_t)status.published);
        table_number(table, LS_OLDEST, (int64_t)status.oldest);
        table_number(table, LS_MESSAGES, (int64_t)status.messages);
        table_size(table, LS_MESSAGE_MAX, status.message_max);
        if (status.subscribers)
            table_number(table, LS_LAG, (int64_t)status.slowest);
    }
    kin_topic_close(topic);
}

static void set_semaphore(struct table *table, kin_domain *domain, const struct kin_object *object)
{
    struct kin_semaphore_value value;
    kin_segment *home;
    kin_semaphore *set;
    if (kin_semaphore_open(domain, object->name, KIN_SEMAPHORE(.flags = KIN_MUST_EXIST), &home, &set) < 0)
        return;
    if (kin_semaphore_get(home, set, 0, &value) == 0)
        table_number(table, LS_VALUE, value.value);
    kin_segment_close(home);
}

static void set_parties(struct table *table, const struct kin_object *object, struct parties *parties)
{
    table_number(table, LS_HELD, parties->held);
    table_number(table, LS_WAITING, parties->waiting);
    if (object->kind == KIN_KIND_SEGMENT)
        table_number(table, LS_ATTACHED, parties->attached);
    row_holders(table, &parties->holders);
}

static void add_row(const struct call *call, struct table *table, kin_domain *domain, const struct kin_object *object)
{
    struct parties parties = {0};
    const char *kind = kin_kind_name(object->kind);
    bool known = object->state == 0 && kin_object_each_party(domain, object->name, count_party, &parties) == 0;
    if ((is_given(call, OPTION_HELD) && !parties.alive) || (is_given(call, OPTION_STALE) && !parties.dead))
        return;
    table_row(table);
    table_text(table, LS_NAME, object->name);
    table_text(table, LS_KIND, kind ? kind : "unknown");
    table_size(table, LS_SIZE, object->size);
    table_text(table, LS_STATE, object->state == 0 ? "ok" : kin_strerror(object->state));
    table_number(table, LS_INODE, (int64_t)object->inode);
    table_time(table, LS_CREATED, object->created);
    table_age(table, LS_AGE, object->created);
    row_owner(table, object->mode, object->uid, object->gid);
    if (object->state == 0 && object->kind == KIN_KIND_QUEUE)
        set_queue(table, domain, object);
    if (object->state == 0 && object->kind == KIN_KIND_TOPIC)
        set_topic(table, domain, object);
    if (object->state == 0 && object->kind == KIN_KIND_SEMAPHORE)
        set_semaphore(table, domain, object);
    if (known)
        set_parties(table, object, &parties);
}

/* Those of the kinds by name, then those that were named, in the order given. */
static int collect(const struct call *call, kin_domain *domain, struct listing *listing)
{
    int code = EXIT_OK;
    int result = listing->kinds ? kin_domain_each(domain, add_chosen, listing) : 0;
    if (result < 0)
        return failed(call, result);
    if (listing->count)
        qsort(listing->objects, listing->count, sizeof *listing->objects, by_name);
    for (int i = 0; i < call->operand_count; i++) {
        struct kin_object object;
        const char *name = name_of_kin(call->operands[i]);
        if (!name)
            continue;
        result = kin_object_find(domain, name, &object);
        if (result == 0)
            result = add_object(listing, &object);
        else if (result == -ENOENT)
            code = no_such_object(call, domain, NULL, name);
        if (result < 0 && result != -ENOENT)
            return failed(call, result);
    }
    return code;
}

static int ls_kin(const struct call *call, struct table *table, unsigned kinds)
{
    struct listing listing = {.kinds = kinds};
    kin_domain *domain;
    int code = open_domain(call, &domain);
    if (code != EXIT_OK)
        return code;
    code = collect(call, domain, &listing);
    for (size_t i = 0; i < listing.count; i++)
        add_row(call, table, domain, &listing.objects[i]);
    free(listing.objects);
    kin_domain_close(domain);
    return code;
}

int cmd_ls(struct call *call)
{
    static char usual[] = "+AGE,HOLDERS,DETAIL";
    struct selection chosen;
    select_operands(call, &chosen);
    bool ipc = chosen.ipc_kinds || chosen.ipc_names, kin = chosen.kin_kinds || chosen.kin_names;
    if (ipc && !is_given(call, OPTION_OUTPUT)) /* there is room: we are one of the words */
        call->given[call->given_count++] = (struct given){OPTION_OUTPUT, usual};
    int code, other = EXIT_OK;
    struct table *table = table_new(call, "objects", &code);
    if (!table)
        return code;
    if (kin)
        code = ls_kin(call, table, chosen.kin_kinds);
    if (ipc)
        other = ls_ipc(call, table, &chosen);
    code = code ? code : other;
    int printed = table_end(table, code == EXIT_NOT_FOUND ? EXIT_OK : code);
    return code ? code : printed;
}
