#include "command.h"
#include "table.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

struct listing {
    const struct call *call;
    struct table *table;
    kin_domain *domain;
    const char *supervisor;
    int code;
};

/* Fields 14, 15 and 24 of /proc/PID/stat: clock ticks, and pages. */
static bool read_use(pid_t pid, double *seconds, uint64_t *memory)
{
    char path[64], text[1024];
    unsigned long long user, system;
    long pages;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[length] = '\0';
    const char *rest = strrchr(text, ')');
    if (!rest ||
        sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %*u %*u %ld",
               &user, &system, &pages) != 3)
        return false;
    *seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    *memory = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return true;
}

static void add_process(struct table *table, pid_t pid, uint64_t start, int64_t started)
{
    double seconds;
    uint64_t memory;
    if (!pid)
        return;
    table_number(table, PS_PID, pid);
    table_number(table, PS_START, (int64_t)start);
    table_age(table, PS_UPTIME, started);
    if (!read_use(pid, &seconds, &memory))
        return;
    table_decimal(table, PS_CPU, seconds, 2);
    table_size(table, PS_MEMORY, memory);
}

static const char *color_of(enum kin_instance_state state)
{
    switch (state) {
    case KIN_INSTANCE_READY:
        return "green";
    case KIN_INSTANCE_FAILED:
        return "red";
    case KIN_INSTANCE_OFF:
        return NULL;
    default:
        return "yellow";
    }
}

static int add_instance(void *context, const struct kin_instance *instance)
{
    const struct listing *listing = context;
    struct table *table = listing->table;
    char name[400], how[128];
    table_row(table);
    snprintf(name, sizeof name, "%s/%s", listing->supervisor, instance->name);
    table_text(table, PS_NAME, name);
    table_text(table, PS_STATE, kin_instance_state_name(instance->state));
    if (color_of(instance->state))
        table_color(table, PS_STATE, color_of(instance->state));
    add_process(table, instance->pid, instance->start, instance->started);
    table_number(table, PS_RESTARTS, instance->restarts);
    if (instance->last.kind)
        table_text(table, PS_LAST, kin_exit_text(&instance->last, how, sizeof how));
    table_time(table, PS_SINCE, instance->since);
    table_number(table, PS_STORED, instance->stored);
    table_text(table, PS_STATUS, instance->status);
    return 0;
}

static void add_supervisor(struct listing *listing, kin_supervisor *supervisor, const char *name)
{
    struct kin_supervisor_status status;
    struct table *table = listing->table;
    kin_supervisor_status(supervisor, &status);
    table_row(table);
    table_text(table, PS_NAME, name);
    table_text(table, PS_STATE, status.alive ? "alive" : "dead");
    table_color(table, PS_STATE, status.alive ? "green" : "red");
    if (status.alive)
        add_process(table, status.pid, status.start, status.since);
    table_time(table, PS_SINCE, status.since);
    listing->supervisor = name;
    kin_supervisor_each(supervisor, add_instance, listing);
}

/* What is no supervisor's segment is passed over. */
static int add_object(void *context, const struct kin_object *object)
{
    struct listing *listing = context;
    kin_supervisor *supervisor;
    if (strcmp(kin_kind_name(object->kind), "segment") == 0 &&
        kin_supervisor_look(listing->domain, object->name, &supervisor) == 0) {
        add_supervisor(listing, supervisor, object->name);
        kin_supervisor_close(supervisor);
    }
    return 0;
}

static int add_named(struct listing *listing)
{
    const struct call *call = listing->call;
    int code = EXIT_OK;
    for (int i = 0; i < call->operand_count; i++) {
        kin_supervisor *supervisor;
        int result = kin_supervisor_look(listing->domain, call->operands[i], &supervisor);
        if (result == 0) {
            add_supervisor(listing, supervisor, call->operands[i]);
            kin_supervisor_close(supervisor);
        } else {
            int one = failed(call, result);
            code = code ? code : one;
        }
    }
    return code;
}

int cmd_ps(struct call *call)
{
    struct listing listing = {.call = call};
    int code;
    listing.table = open_table(call, "processes", &listing.domain, &code);
    if (!listing.table)
        return code;
    if (call->operand_count > 0) {
        code = add_named(&listing);
        table_end(listing.table, EXIT_OK);
    } else {
        int result = kin_domain_each(listing.domain, add_object, &listing);
        code = table_end(listing.table, result < 0 ? failed(call, result) : EXIT_OK);
    }
    kin_domain_close(listing.domain);
    return code;
}
