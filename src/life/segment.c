/* Opening the user's segments. The six headings are in life/segment.h. */
#include "life/segment.h"
#include "sys/atomic.h"
#include "sys/file.h"
#include "sys/reason.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

struct birth {
    const struct kin_segment_options *options;
    kin_segment *handle;
};

static int map_data(kin_segment *handle, struct segment *segment)
{
    handle->data = file_map(segment->fd, SEGMENT_DATA_AT, handle->bytes);
    return handle->data ? 0
                        : reason_errno("cannot map %llu bytes of %s", (unsigned long long)handle->bytes, segment->path);
}

static int fill(void *context, struct segment *segment)
{
    struct birth *birth = context;
    kin_segment *handle = birth->handle;
    handle->bytes = birth->options->bytes;
    if (handle->bytes == 0)
        return reason(-EINVAL, "%s is new, and no size is given", segment->path);
    int result =
        handle->bytes > UINT64_C(1) << 46 ? -ENOSPC : file_reserve(segment->fd, SEGMENT_DATA_AT, handle->bytes);
    if (result < 0)
        return reason(result,
                      "no room for %s (%llu bytes): enlarge the tmpfs it is on or remove what is not needed (kin ls)",
                      segment->path, (unsigned long long)handle->bytes);
    ((struct data_header *)(void *)segment->header)->bytes = handle->bytes;
    result = map_data(handle, segment);
    if (result == 0 && birth->options->setup) {
        handle->object.segment = *segment;
        handle->object.id = segment->header->id;
        result = birth->options->setup(birth->options->context, handle);
    }
    return result;
}

static int attach(kin_segment *handle, uint64_t least)
{
    struct segment *segment = &handle->object.segment;
    struct stat about;
    handle->bytes = ((struct data_header *)(void *)segment->header)->bytes;
    int fd = segment_fd(segment);
    if (fd < 0)
        return fd;
    if (fstat(fd, &about) < 0 || handle->bytes == 0 || handle->bytes > (uint64_t)about.st_size - SEGMENT_DATA_AT)
        return reason(-EBADMSG, "%s is damaged or cut off: remove it and make it anew", segment->path);
    if (handle->bytes < least)
        return reason(-EMSGSIZE, "%s has %llu bytes, %llu are asked for: remove it and make it anew", segment->path,
                      (unsigned long long)handle->bytes, (unsigned long long)least);
    return map_data(handle, segment);
}

int segment_handle_open(kin_domain *domain, const char *name, unsigned kind, const struct kin_segment_options *options,
                        kin_segment **out)
{
    static const struct kin_segment_options defaults = {.size = sizeof defaults};
    kin_segment *handle = calloc(1, sizeof *handle);
    if (!handle)
        return reason(-ENOMEM, "no memory left in this process");
    struct birth context = {options ? options : &defaults, handle};
    struct object_birth birth = {
        .kind = kind,
        .layout = SEGMENT_LAYOUT(sizeof(struct data_header), sizeof(kin_lock)),
        .header_bytes = sizeof(struct data_header),
        .flags = context.options->flags,
        .mode = context.options->mode,
        .fill = fill,
        .context = &context,
    };
    struct object object;
    int result = object_open(domain, name, &birth, &object);
    if (result < 0) {
        file_unmap(handle->data, handle->bytes);
        free(handle);
        return result;
    }
    handle->object = object;
    if (!handle->data)
        result = attach(handle, context.options->bytes);
    if (result < 0) {
        kin_segment_close(handle);
        return result;
    }
    *out = handle;
    return 0;
}

int kin_segment_open(kin_domain *domain, const char *name, const struct kin_segment_options *options, kin_segment **out)
{
    return segment_handle_open(domain, name, KIN_KIND_SEGMENT, options, out);
}

void kin_segment_close(kin_segment *segment)
{
    if (!segment)
        return;
    if (segment->give_up)
        segment->give_up(segment);
    file_unmap(segment->data, segment->bytes);
    object_close(&segment->object);
    free(segment);
}

void *kin_segment_data(const kin_segment *segment)
{
    return segment->data;
}

uint64_t kin_segment_bytes(const kin_segment *segment)
{
    return segment->bytes;
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
