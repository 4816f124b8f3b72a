#include "row.h"
#include <grp.h>
#include <pwd.h>
#include <string.h>

/* The last part of each is said only of those who hold nothing. */
void holders_add(struct holders *holders, const struct kin_party *party)
{
    static const char *const parts[] = {"", "", "", "", " made", " sent", " received", " used"};
    size_t left = sizeof holders->text - holders->used;
    char text[64], pid[16] = "?";
    if (party->part == KIN_PART_WAITS || (party->pid && party->pid == holders->last))
        return;
    if (party->pid)
        snprintf(pid, sizeof pid, "%d", (int)party->pid);
    holders->last = party->pid;
    snprintf(text, sizeof text, "%s%s %s%s", holders->used ? ", " : "", pid,
             party->alive == 0                      ? "dead"
             : party->alive < 0 || !*party->command ? "unknown"
                                                    : party->command,
             party->part < sizeof parts / sizeof *parts ? parts[party->part] : "");
    if (holders->more || strlen(text) >= left - 16)
        holders->more++;
    else
        holders->used += (size_t)snprintf(holders->text + holders->used, left, "%s", text);
}

void row_holders(struct table *table, struct holders *holders)
{
    if (holders->more)
        snprintf(holders->text + holders->used, sizeof holders->text - holders->used, " +%zu", holders->more);
    if (holders->used)
        table_text(table, LS_HOLDERS, holders->text);
}

/* To look somebody up takes longer than all the rest of a row. */
static const char *user_name(uid_t uid)
{
    static char name[64];
    static uid_t known = (uid_t)-1;
    if (uid == known && *name)
        return name;
    const struct passwd *user = getpwuid(uid);
    if (user)
        snprintf(name, sizeof name, "%s", user->pw_name);
    else
        snprintf(name, sizeof name, "%u", (unsigned)uid);
    known = uid;
    return name;
}

static const char *group_name(gid_t gid)
{
    static char name[64];
    static gid_t known = (gid_t)-1;
    if (gid == known && *name)
        return name;
    const struct group *group = getgrgid(gid);
    if (group)
        snprintf(name, sizeof name, "%s", group->gr_name);
    else
        snprintf(name, sizeof name, "%u", (unsigned)gid);
    known = gid;
    return name;
}

void row_owner(struct table *table, unsigned mode, uid_t uid, gid_t gid)
{
    char number[16];
    if (table_shows(table, LS_USER))
        table_text(table, LS_USER, user_name(uid));
    if (table_shows(table, LS_GROUP))
        table_text(table, LS_GROUP, group_name(gid));
    snprintf(number, sizeof number, "%04o", mode);
    table_text(table, LS_MODE, number);
}

static void set_count(struct table *table, size_t column, int64_t count)
{
    if (count != NOT_COUNTED)
        table_number(table, column, count);
}

static void set_times(struct table *table, const struct ipc *ipc)
{
    if (ipc->made) {
        table_time(table, LS_CREATED, ipc->made);
        table_age(table, LS_AGE, ipc->made);
    }
    if (ipc->used)
        table_time(table, LS_USED, ipc->used);
}

static void set_parties(struct table *table, const struct ipc *ipc)
{
    struct holders holders = {.used = 0};
    int64_t held = 0;
    pid_t last = 0;
    for (size_t i = 0; i < ipc->party_count; i++) {
        const struct kin_party *party = &ipc->parties[i];
        bool holds = party->part == KIN_PART_HOLDS || party->part == KIN_PART_ATTACHED;
        held += holds && (party->pid != last || party->pid == 0);
        last = holds ? party->pid : last;
        holders_add(&holders, party);
    }
    table_number(table, LS_HELD, held);
    row_holders(table, &holders);
}

static void add_row(struct table *table, const struct ipc *ipc, const char *state)
{
    char name[4200];
    table_row(table);
    snprintf(name, sizeof name, "%s:%s", ipc->kind->word, ipc->name);
    table_text(table, LS_NAME, name);
    table_text(table, LS_KIND, ipc->kind->word);
    set_count(table, LS_QUEUED, ipc->queued);
    set_count(table, LS_VALUE, ipc->value);
    set_count(table, LS_ATTACHED, ipc->attached);
    set_count(table, LS_WAITING, ipc->waiting);
    if (ipc->owned) {
        row_owner(table, ipc->mode, ipc->uid, ipc->gid);
        table_size(table, LS_SIZE, ipc->size);
    }
    set_times(table, ipc);
    set_parties(table, ipc);
    table_text(table, LS_STATE, state);
    table_text(table, LS_DETAIL, ipc->detail);
    if (ipc->space == SPACE_FILE || ipc->space == SPACE_LOCKED)
        table_number(table, LS_INODE, (int64_t)ipc->number);
    if (strcmp(state, ipc_state_name(IPC_STALE)) == 0)
        table_color(table, LS_STATE, "red");
}

/* What it takes to judge is spared where nobody wants to know. */
static void judge_and_add(const struct call *call, struct table *table, const struct view *view, struct ipc *ipc)
{
    char proof[PROOF_MOST];
    bool held = is_given(call, OPTION_HELD), stale = is_given(call, OPTION_STALE);
    if (!held && !stale && !table_shows(table, LS_STATE)) {
        add_row(table, ipc, "");
        return;
    }
    enum ipc_state state = ipc_judge(view, ipc, proof);
    if ((!held || state == IPC_HELD) && (!stale || state == IPC_STALE))
        add_row(table, ipc, ipc_state_name(state));
}

/* In the order given. */
static int add_named(const struct call *call, struct table *table, struct view *view)
{
    int code = EXIT_OK;
    for (int i = 0; i < call->operand_count; i++) {
        const char *name;
        const struct ipc_kind *kind = ipc_kind_of_name(call->operands[i], &name);
        struct ipc *ipc = kind ? view_named(call, view, kind, name) : NULL;
        if (ipc)
            judge_and_add(call, table, view, ipc);
        else if (kind)
            code = EXIT_NOT_FOUND;
    }
    return code;
}

int ls_ipc(const struct call *call, struct table *table, const struct selection *chosen)
{
    struct view view;
    int code = view_open(call, chosen->ipc_kinds | chosen->ipc_names, &view);
    if (code != EXIT_OK)
        return code;
    for (size_t i = 0; i < view.count; i++) {
        struct ipc *ipc = &view.list[i];
        if ((chosen->ipc_kinds & ipc_set_of(ipc->kind)) && (ipc->mine || is_given(call, OPTION_ALL_USERS)))
            judge_and_add(call, table, &view, ipc);
    }
    if (view.missing && chosen->ipc_kinds)
        complain(call, "%s", view.missing);
    code = add_named(call, table, &view);
    view_close(&view);
    return code;
}
