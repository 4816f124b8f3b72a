/* Opening the user's segments. The six headings are in life/segment.h. */
#include "life/segment.h"
#include "life/attach.h"
#include "sys/atomic.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/reason.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct birth {
    const struct kin_segment_options *options;
    kin_segment *handle;
};

static uint64_t most_of(const struct kin_segment_options *options)
{
    return options->bytes_max > options->bytes ? options->bytes_max : options->bytes;
}

static int reserve(const struct segment *segment, const struct kin_segment_options *options)
{
    int result = -ENOSPC;
    if (most_of(options) <= SEGMENT_BYTES_MAX)
        result = options->flags & KIN_SEGMENT_NO_RESERVE ? file_lengthen(segment->fd, SEGMENT_DATA_AT + options->bytes)
                                                         : file_reserve(segment->fd, SEGMENT_DATA_AT, options->bytes);
    if (result == 0)
        return 0;
    return reason(result,
                  "no room for %s (%llu bytes): enlarge the tmpfs it is on or remove what is not needed (kin ls)",
                  segment->path, (unsigned long long)most_of(options));
}

static int fill(void *context, struct segment *segment)
{
    struct birth *birth = context;
    kin_segment *handle = birth->handle;
    const struct kin_segment_options *options = birth->options;
    struct data_header *shared = (struct data_header *)(void *)segment->header;
    if (options->bytes == 0)
        return reason(-EINVAL, "%s is new, and no size is given", segment->path);
    int result = reserve(segment, options);
    if (result < 0)
        return result;
    shared->bytes = options->bytes;
    shared->bytes_max = most_of(options);
    shared->flags = options->flags & KIN_SEGMENT_NO_RESERVE;
    shared->changed_at = shared->base.created;
    shared->creator = (uint32_t)getpid();
    handle->object.segment = *segment;
    handle->object.id = segment->header->id;
    result = segment_place(handle, options);
    *segment = handle->object.segment;
    return result == 0 && options->setup ? options->setup(options->context, handle) : result;
}

static uint32_t layout(void)
{
    return SEGMENT_LAYOUT(sizeof(struct data_header), sizeof(kin_lock));
}

static int look_at(kin_segment *handle, const struct kin_segment_options *options)
{
    const struct segment *segment = &handle->object.segment;
    struct data_header *shared = segment_shared(handle);
    if (shared->base.layout != layout()) /* of whatever kind it is */
        return reason(-EPROTO, "%s is no segment, or was made by another version of kin: make it anew", segment->path);
    uint64_t bytes = LOAD(shared->bytes), most = LOAD(shared->bytes_max);
    if (bytes == 0 || bytes > most || most > SEGMENT_BYTES_MAX || segment->mapped < SEGMENT_DATA_AT ||
        bytes > segment->mapped - SEGMENT_DATA_AT)
        return reason(-EBADMSG, "%s is damaged or cut off: remove it and make it anew", segment->path);
    if (bytes < options->bytes)
        return reason(-EMSGSIZE, "%s has %llu bytes, %llu are asked for: remove it and make it anew", segment->path,
                      (unsigned long long)bytes, (unsigned long long)options->bytes);
    return segment_place(handle, options);
}

enum way { BY_NAME, NAMELESS, BY_DESCRIPTOR };

static int find_object(enum way way, kin_domain *domain, const char *name, int fd, const struct object_birth *birth,
                       struct object *out)
{
    if (way == BY_NAME)
        return object_open(domain, name, birth, out);
    return way == NAMELESS ? object_make_nameless(domain, birth, out) : object_open_fd(domain, fd, birth, out);
}

static int open_handle(enum way way, kin_domain *domain, const char *name, int fd, unsigned kind,
                       const struct kin_segment_options *options, kin_segment **out)
{
    static const struct kin_segment_options defaults = {.size = sizeof defaults};
    kin_segment *handle = calloc(1, sizeof *handle);
    if (!handle)
        return reason(-ENOMEM, "no memory left in this process");
    handle->fds = (struct poll_fds)POLL_FDS_INIT;
    struct birth context = {options ? options : &defaults, handle};
    unsigned flags = context.options->flags;
    struct object_birth birth = {
        .kind = kind,
        .layout = layout(),
        .header_bytes = sizeof(struct data_header),
        .flags = flags,
        .mode = context.options->mode,
        .whole = true,
        .may_only_read = flags & KIN_SEGMENT_READ_ONLY,
        .seals = F_SEAL_SHRINK | (most_of(context.options) > context.options->bytes ? 0 : F_SEAL_GROW) |
                 (flags & KIN_SEGMENT_SOLE_WRITER ? F_SEAL_FUTURE_WRITE : 0) | F_SEAL_SEAL,
        .fill = fill,
        .context = &context,
    };
    struct object object;
    int result = find_object(way, domain, name, fd, &birth, &object);
    if (result < 0) {
        free(handle);
        return result;
    }
    bool made = handle->data && handle->object.id == object.id; /* not if somebody else was faster */
    handle->object = object;
    if (!made)
        result = look_at(handle, context.options);
    if (result < 0) {
        kin_segment_close(handle);
        return result;
    }
    *out = handle;
    return 0;
}

int segment_handle_open(kin_domain *domain, const char *name, unsigned kind, const struct kin_segment_options *options,
                        kin_segment **out)
{
    return open_handle(BY_NAME, domain, name, -1, kind, options, out);
}

static void note_time(const kin_segment *segment, int64_t *when)
{
    kin_domain *domain = segment->object.domain;
    uint32_t own = LOAD(*domain->own);
    struct process *process = own ? process_at(domain, own) : NULL;
    if (segment->object.segment.read_only)
        return;
    STORE(*when, clock_realtime());
    if (process)
        STORE(segment_shared(segment)->last, LOAD(process->pid));
}

/* Counts it, in the name of this process. */
static int attach(kin_segment *segment, kin_segment **out)
{
    int result = 0;
    struct seat *seat = life_enter(segment->object.domain, &result);
    if (seat)
        result = attach_note(seat, segment->object.id, &segment->attachment);
    if (result < 0) {
        kin_segment_close(segment);
        return result;
    }
    note_time(segment, &segment_shared(segment)->attached_at);
    *out = segment;
    return 0;
}

int kin_segment_open(kin_domain *domain, const char *name, const struct kin_segment_options *options, kin_segment **out)
{
    kin_segment *segment;
    int result = open_handle(name ? BY_NAME : NAMELESS, domain, name, -1, KIN_KIND_SEGMENT, options, &segment);
    return result < 0 ? result : attach(segment, out);
}

int kin_segment_open_fd(kin_domain *domain, int fd, const struct kin_segment_options *options, kin_segment **out)
{
    kin_segment *segment;
    int result = open_handle(BY_DESCRIPTOR, domain, NULL, fd, KIN_KIND_SEGMENT, options, &segment);
    return result < 0 ? result : attach(segment, out);
}

void kin_segment_close(kin_segment *segment)
{
    if (!segment)
        return;
    if (segment->fds.close)
        segment->fds.close(&segment->fds);
    if (segment->give_up)
        segment->give_up(segment);
    if (segment->attachment) {
        note_time(segment, &segment_shared(segment)->detached_at);
        attach_forget(segment->object.domain, segment->object.id, segment->attachment);
    }
    object_close(&segment->object);
    free(segment);
}

void *kin_segment_data(const kin_segment *segment)
{
    return segment->data;
}

int kin_segment_fd(kin_segment *segment)
{
    return segment_fd(&segment->object.segment);
}

#define OFFSET_BITS 56
#define ENTRY(what, offset) ((uint64_t)(what) << OFFSET_BITS | (offset))

static uint64_t *entries_of(kin_segment *segment)
{
    return ((struct data_header *)(void *)segment->object.segment.header)->objects;
}

static uint64_t *find_entry(kin_segment *segment, uint64_t entry)
{
    uint64_t *entries = entries_of(segment);
    for (unsigned i = 0; i < SEGMENT_OBJECTS_MAX; i++)
        if (LOAD(entries[i]) == entry)
            return &entries[i];
    return NULL;
}

int segment_register(kin_segment *segment, enum inner what, uint64_t offset)
{
    uint64_t *place;
    if (find_entry(segment, ENTRY(what, offset)))
        return 0;
    while ((place = find_entry(segment, 0))) {
        uint64_t nothing = 0;
        if (CAS(*place, &nothing, ENTRY(what, offset)))
            return 0;
    }
    return reason(-ENOSPC, "%s has %u objects of kin in it already: end one that is not needed, or use another segment",
                  segment->object.segment.path, SEGMENT_OBJECTS_MAX);
}

void segment_unregister(kin_segment *segment, enum inner what, uint64_t offset)
{
    uint64_t entry = ENTRY(what, offset), *place = find_entry(segment, entry);
    if (place)
        CAS(*place, &entry, 0);
}

int segment_each_inner(kin_segment *segment, enum inner what,
                       int (*visit)(void *context, kin_segment *segment, uint64_t offset), void *context)
{
    const uint64_t *entries = entries_of(segment);
    int result = 0;
    for (unsigned i = 0; i < SEGMENT_OBJECTS_MAX && result == 0; i++) {
        uint64_t entry = LOAD(entries[i]);
        if (entry >> OFFSET_BITS == what)
            result = visit(context, segment, entry & ((UINT64_C(1) << OFFSET_BITS) - 1));
    }
    return result;
}
