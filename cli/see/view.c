#include "see.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

char *text_of(const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return length < 0 ? NULL : text;
}

/* The slot where it is, or would be. */
static size_t *slot_of(const struct view *view, enum space space, uint64_t device, uint64_t number)
{
    uint64_t hash = (number ^ device << 40 ^ (uint64_t)space << 56) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = hash >> 32;; i++) {
        size_t *slot = &view->slots[i & (view->slot_count - 1)];
        const struct ipc *ipc = &view->list[*slot - (*slot > 0)];
        if (*slot == 0 || (ipc->number == number && ipc->device == device && ipc->space == space))
            return slot;
    }
}

struct ipc *view_find(const struct view *view, enum space space, uint64_t device, uint64_t number)
{
    size_t slot = view->slot_count ? *slot_of(view, space, device, number) : 0;
    return slot ? &view->list[slot - 1] : NULL;
}

static void fill_slots(struct view *view)
{
    for (size_t i = 0; i < view->count; i++)
        *slot_of(view, view->list[i].space, view->list[i].device, view->list[i].number) = i + 1;
}

/* At most half of the slots are taken. */
static bool make_room(struct view *view)
{
    if (view->count < view->room)
        return true;
    size_t room = view->room ? 2 * view->room : 256;
    struct ipc *more = realloc(view->list, room * sizeof *more);
    size_t *slots = calloc(2 * room, sizeof *slots);
    if (more)
        view->list = more;
    if (!more || !slots) {
        free(slots);
        view->no_memory = true;
        return false;
    }
    free(view->slots);
    view->slots = slots;
    view->slot_count = 2 * room;
    view->room = room;
    fill_slots(view);
    return true;
}

struct ipc *view_add(struct view *view, const struct ipc_kind *kind, uint64_t device, uint64_t number)
{
    if (!make_room(view))
        return NULL;
    struct ipc *ipc = &view->list[view->count++];
    *ipc = (struct ipc){.kind = kind, .space = kind->space, .device = device, .number = number};
    ipc->queued = ipc->value = ipc->attached = ipc->waiting = NOT_COUNTED;
    *slot_of(view, ipc->space, device, number) = view->count;
    return ipc;
}

static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void ipc_set_stat(struct ipc *ipc, const struct stat *about)
{
    ipc->owned = true;
    ipc->mode = about->st_mode & 07777;
    ipc->uid = about->st_uid;
    ipc->gid = about->st_gid;
    ipc->size = (uint64_t)about->st_size;
    ipc->made = ipc->used = nanoseconds(about->st_ctim);
    if (nanoseconds(about->st_mtim) > ipc->used)
        ipc->used = nanoseconds(about->st_mtim);
    if (nanoseconds(about->st_atim) > ipc->used)
        ipc->used = nanoseconds(about->st_atim);
}

/* Parties come process after process, so that only the last few can be the same. */
void ipc_add_party(struct view *view, struct ipc *ipc, const struct kin_party *party)
{
    for (size_t i = ipc->party_count; i-- > 0 && ipc->parties[i].pid == party->pid;) {
        struct kin_party *known = &ipc->parties[i];
        if (known->part == party->part && known->tid == party->tid && party->pid) {
            known->count += party->count;
            return;
        }
    }
    size_t count = ipc->party_count;
    if ((count & (count - 1)) == 0) { /* the room is the next power of two */
        struct kin_party *more = realloc(ipc->parties, (count ? 2 * count : 1) * sizeof *more);
        if (!more) {
            view->no_memory = true;
            return;
        }
        ipc->parties = more;
    }
    ipc->parties[ipc->party_count++] = *party;
}

void ipc_add_past(struct view *view, struct ipc *ipc, unsigned part, pid_t pid, int64_t since)
{
    if (pid == 0 && since == 0)
        return;
    struct kin_party party = {.part = part, .pid = pid, .alive = proc_alive(pid), .count = 1};
    if (party.alive > 0)
        proc_command(pid, party.command);
    ipc_add_party(view, ipc, &party);
}

/* Of queues and semaphores the kernel knows their last users only: for as long as those live, they are in use. */
static bool keeps(const struct ipc *ipc, const struct kin_party *party)
{
    return party->part <= KIN_PART_ATTACHED || ipc->space == SPACE_MSG || ipc->space == SPACE_SEM;
}

bool ipc_is_held(const struct ipc *ipc)
{
    bool held = ipc->attached > 0 || (ipc->space == SPACE_SEM && ipc->waiting > 0);
    for (size_t i = 0; i < ipc->party_count; i++)
        held = held || (ipc->parties[i].alive > 0 && keeps(ipc, &ipc->parties[i]));
    return held;
}

enum ipc_state ipc_judge(const struct view *view, struct ipc *ipc, char proof[PROOF_MOST])
{
    *proof = '\0';
    if (ipc_is_held(ipc))
        return IPC_HELD;
    for (size_t i = 0; i < ipc->party_count; i++)
        if (ipc->parties[i].alive < 0)
            return IPC_UNKNOWN;
    return ipc->kind->judge ? ipc->kind->judge(view, ipc, proof) : IPC_UNKNOWN;
}

const char *ipc_state_name(enum ipc_state state)
{
    static const char *const names[] = {"held", "unused", "stale", "unknown"};
    return names[state];
}

const char *ipc_holders_text(const struct ipc *ipc, char text[128])
{
    const struct kin_party *first = NULL;
    pid_t last = 0;
    size_t more = 0;
    for (size_t i = 0; i < ipc->party_count; i++) {
        const struct kin_party *party = &ipc->parties[i];
        if (party->alive <= 0 || !keeps(ipc, party) || party->pid == last)
            continue;
        last = party->pid;
        more += first != NULL;
        first = first ? first : party;
    }
    int used = first && first->pid ? snprintf(text, 128, "process %d (%s)", (int)first->pid, first->command)
                                   : snprintf(text, 128, "a process that cannot be seen from here");
    if (more)
        snprintf(text + used, 128 - (size_t)used, " and %zu more", more);
    return text;
}

static int by_kind_and_name(const void *one, const void *other)
{
    const struct ipc *a = one, *b = other;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->device || b->device)
        return strcmp(a->name, b->name);
    return a->number < b->number ? -1 : a->number > b->number;
}

static void sort(struct view *view)
{
    if (!view->count)
        return;
    qsort(view->list, view->count, sizeof *view->list, by_kind_and_name);
    memset(view->slots, 0, view->slot_count * sizeof *view->slots);
    fill_slots(view);
}

static bool without_name(const struct view *view)
{
    for (size_t i = 0; i < view->count; i++)
        if (!view->list[i].name)
            return true;
    return false;
}

int view_open(const struct call *call, unsigned kinds, struct view *view)
{
    unsigned look = 0;
    *view = (struct view){.kinds = kinds, .mqueue = -1, .memory = -1};
    for (size_t i = 0; i < ipc_kind_count; i++) {
        if (!(kinds & ipc_set_of(&ipc_kinds[i])))
            continue;
        look |= ipc_kinds[i].look;
        if (ipc_kinds[i].list)
            ipc_kinds[i].list(view, &ipc_kinds[i]);
    }
    proc_walk(view, look);
    filelock_settle(view);
    for (size_t i = 0; i < view->count; i++)
        view->list[i].mine = view->list[i].mine || (view->list[i].owned && view->list[i].uid == geteuid());
    if (!view->no_memory && !without_name(view)) {
        sort(view);
        return EXIT_OK;
    }
    view_close(view);
    return no_memory(call);
}

void view_close(struct view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        free(view->list[i].name);
        free(view->list[i].detail);
        free(view->list[i].parties);
    }
    if (view->mqueue >= 0)
        close(view->mqueue);
    if (view->memory >= 0)
        close(view->memory);
    free(view->locks);
    free(view->list);
    free(view->slots);
}

/* Files may be named by any path that leads to them. */
static bool is_file(const struct ipc *ipc, const struct stat *about)
{
    if (ipc->space == SPACE_LOCKED)
        return ipc->number == about->st_ino;
    return ipc->space == SPACE_FILE && ipc->number == about->st_ino && ipc->device == about->st_dev &&
           ipc->kind->group == NULL;
}

struct ipc *view_named(const struct call *call, struct view *view, const struct ipc_kind *kind, const char *name)
{
    struct stat about;
    bool file = stat(name, &about) == 0;
    for (size_t i = 0; i < view->count; i++) {
        struct ipc *ipc = &view->list[i];
        if (ipc->kind == kind && (strcmp(ipc->name, name) == 0 || (file && is_file(ipc, &about))))
            return ipc;
    }
    struct ipc *path = kind->space == SPACE_SOCKET ? add_socket_path(view, name) : NULL;
    if (path)
        return path;
    if (view->missing)
        complain(call, "%s", view->missing);
    else
        complain(call, "there is no %s \"%s\" to be seen; see what is there by: kin ls --all-users %s", kind->what,
                 name, kind->word);
    return NULL;
}
