#include "command.h"
#include "table.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

struct listing {
    struct kin_object *objects;
    size_t count, room;
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

static int by_name(const void *one, const void *other)
{
    return strcmp(((const struct kin_object *)one)->name, ((const struct kin_object *)other)->name);
}

/* All objects by name, or those that were named, in the order given. */
static int collect(const struct call *call, kin_domain *domain, struct listing *listing)
{
    int code = EXIT_OK;
    if (call->operand_count == 0) {
        int result = kin_domain_each(domain, add_object, listing);
        if (result < 0)
            return failed(call, result);
        if (listing->count)
            qsort(listing->objects, listing->count, sizeof *listing->objects, by_name);
    }
    for (int i = 0; i < call->operand_count; i++) {
        struct kin_object object;
        int result = kin_object_find(domain, call->operands[i], &object);
        if (result == 0)
            result = add_object(listing, &object);
        else if (result == -ENOENT)
            code = no_such_object(call, domain, NULL, call->operands[i]);
        if (result < 0 && result != -ENOENT)
            return failed(call, result);
    }
    return code;
}

struct parties {
    int64_t held, waiting, attached;
};

static int count_party(void *context, const struct kin_party *party)
{
    struct parties *parties = context;
    parties->held += party->part == KIN_PART_HOLDS ? (int64_t)party->count : 0;
    parties->attached += party->part == KIN_PART_ATTACHED && party->alive ? (int64_t)party->count : 0;
    parties->waiting += party->part == KIN_PART_WAITS && party->alive;
    return 0;
}

static void set_owner(struct table *table, const struct kin_object *object)
{
    char number[16];
    const struct passwd *user = getpwuid(object->uid);
    const struct group *group = getgrgid(object->gid);
    snprintf(number, sizeof number, "%u", (unsigned)object->uid);
    table_text(table, LS_USER, user ? user->pw_name : number);
    snprintf(number, sizeof number, "%u", (unsigned)object->gid);
    table_text(table, LS_GROUP, group ? group->gr_name : number);
    snprintf(number, sizeof number, "%04o", object->mode);
    table_text(table, LS_MODE, number);
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

static void add_row(struct table *table, kin_domain *domain, const struct kin_object *object)
{
    struct parties parties = {0};
    const char *kind = kin_kind_name(object->kind);
    table_row(table);
    table_text(table, LS_NAME, object->name);
    table_text(table, LS_KIND, kind ? kind : "unknown");
    table_size(table, LS_SIZE, object->size);
    table_text(table, LS_STATE, object->state == 0 ? "ok" : kin_strerror(object->state));
    table_number(table, LS_INODE, (int64_t)object->inode);
    table_time(table, LS_CREATED, object->created);
    set_owner(table, object);
    if (object->state == 0 && object->kind == KIN_KIND_QUEUE)
        set_queue(table, domain, object);
    if (object->state == 0 && object->kind == KIN_KIND_SEMAPHORE)
        set_semaphore(table, domain, object);
    if (object->state == 0 && kin_object_each_party(domain, object->name, count_party, &parties) == 0) {
        table_number(table, LS_HELD, parties.held);
        table_number(table, LS_WAITING, parties.waiting);
        if (object->kind == KIN_KIND_SEGMENT)
            table_number(table, LS_ATTACHED, parties.attached);
    }
}

int cmd_ls(struct call *call)
{
    int code;
    struct listing listing = {0};
    kin_domain *domain;
    struct table *table = open_table(call, "objects", &domain, &code);
    if (!table)
        return code;
    code = collect(call, domain, &listing);
    for (size_t i = 0; i < listing.count; i++)
        add_row(table, domain, &listing.objects[i]);
    int printed = table_end(table, EXIT_OK);
    free(listing.objects);
    kin_domain_close(domain);
    return code ? code : printed;
}
