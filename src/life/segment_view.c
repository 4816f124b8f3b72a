/* A process's view of a segment: where it lies, how long it is, what may be done with it.
 * The six headings are in life/segment.h. */
#include "life/attach.h"
#include "life/segment.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/memory.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static void know_length(kin_segment *segment, uint64_t bytes)
{
    STORE(segment->length, bytes);
    STORE(segment->bytes, segment->may_write ? bytes : 0);
}

static int claim(kin_segment *segment, char *address, size_t span, size_t align, char **out)
{
    const char *path = segment->object.segment.path;
    if ((uintptr_t)address % memory_page())
        return reason(-EINVAL, "%s cannot be at %p: no page begins there; KIN_SEGMENT_ROUND takes the one below", path,
                      (void *)address);
    if (address && (uintptr_t)address <= SEGMENT_DATA_AT)
        return reason(-EINVAL, "%s cannot be at %p: the page before it is needed too", path, (void *)address);
    *out = memory_claim(address ? address - SEGMENT_DATA_AT : NULL, span, align);
    if (*out)
        return 0;
    if (errno == EEXIST)
        return reason(-EEXIST, "%s cannot be at %p: something lies there, or on the page before: give another address",
                      path, (void *)address);
    return reason_errno("no %zu bytes of address space for %s", span, path);
}

/* Moves the mapping, which is as long as the file was, to where there is room for all that it can grow to. */
static int move(kin_segment *segment, char *address, size_t align)
{
    struct segment *file = &segment->object.segment;
    size_t span = memory_round(SEGMENT_DATA_AT + segment->bytes_max);
    char *place;
    if (span == 0)
        return reason(-ENOMEM, "%s can have %llu bytes, more than this process has addresses", file->path,
                      (unsigned long long)segment->bytes_max);
    int result = claim(segment, address, span, align, &place);
    if (result < 0)
        return result;
    if (!memory_move(file->header, memory_round(file->mapped), place, span)) {
        result = reason_errno("cannot map %s at %p", file->path, (void *)place);
        file_unmap(place, span);
        return result;
    }
    file->header = (void *)place;
    file->mapped = span;
    return 0;
}

static int protect(kin_segment *segment, bool write, bool execute)
{
    const struct segment *file = &segment->object.segment;
    int result = memory_protect(segment->data, memory_round(file->mapped) - SEGMENT_DATA_AT, write, execute);
    return result == 0
               ? 0
               : reason(result, "%s cannot be executed (%s): is its tmpfs mounted noexec? Without a name it can",
                        file->path, strerror(-result));
}

int segment_place(kin_segment *segment, const struct kin_segment_options *options)
{
    struct segment *file = &segment->object.segment;
    struct data_header *shared = segment_shared(segment);
    char *address = options->address;
    bool huge = options->flags & KIN_SEGMENT_HUGE;
    int result = 0;
    segment->bytes_max = LOAD(shared->bytes_max);
    segment->may_write = !file->read_only && !(options->flags & KIN_SEGMENT_READ_ONLY);
    segment->may_execute = options->flags & KIN_SEGMENT_EXECUTABLE;
    know_length(segment, LOAD(shared->bytes));
    if (options->flags & KIN_SEGMENT_ROUND)
        address -= (uintptr_t)address % memory_page();
    if (address || huge || memory_round(SEGMENT_DATA_AT + segment->bytes_max) != memory_round(file->mapped))
        result = move(segment, address, huge ? MEMORY_HUGE : memory_page());
    if (result < 0)
        return result;
    if (huge)
        memory_make_huge(file->header, memory_round(SEGMENT_DATA_AT + segment->length));
    segment->data = (char *)file->header + SEGMENT_DATA_AT;
    if (segment->may_write != !file->read_only || segment->may_execute)
        result = protect(segment, segment->may_write, segment->may_execute);
    if (result < 0)
        segment->data = NULL;
    return result;
}

int kin_segment_move(kin_segment *segment, void *address)
{
    const struct segment *file = &segment->object.segment;
    bool apart = segment->may_write != !file->read_only || segment->may_execute;
    /* The kernel moves only what is protected alike. */
    int result = apart ? protect(segment, !file->read_only, false) : 0;
    if (result == 0)
        result = move(segment, address, memory_page());
    segment->data = (char *)file->header + SEGMENT_DATA_AT;
    int protected = apart ? protect(segment, segment->may_write, segment->may_execute) : 0;
    return result < 0 ? result : protected;
}

uint64_t segment_look_again(kin_segment *segment)
{
    struct stat about;
    uint64_t bytes = LOAD_ACQUIRE(segment_shared(segment)->bytes);
    if (bytes <= LOAD(segment->length) || bytes > segment->bytes_max)
        return LOAD(segment->length); /* it never shrinks: that is damage */
    int fd = segment_fd(&segment->object.segment);
    if (fd >= 0 && (fstat(fd, &about) < 0 || bytes > (uint64_t)about.st_size - SEGMENT_DATA_AT))
        return LOAD(segment->length);
    know_length(segment, bytes);
    return bytes;
}

uint64_t kin_segment_bytes(const kin_segment *segment)
{
    uint64_t bytes = LOAD(segment_shared(segment)->bytes);
    return likely(bytes == LOAD(segment->length)) ? bytes : segment_look_again((kin_segment *)(uintptr_t)segment);
}

static int no_writing(const kin_segment *segment)
{
    return reason(-EROFS, "%s is attached for reading only", segment->object.segment.path);
}

/* Whoever else grows it meanwhile: the file only gets longer, and so does `bytes`. */
int kin_segment_grow(kin_segment *segment, uint64_t bytes)
{
    struct data_header *shared = segment_shared(segment);
    struct segment *file = &segment->object.segment;
    if (!segment->may_write)
        return no_writing(segment);
    if (bytes > segment->bytes_max)
        return reason(-ENOSPC, "%s can have %llu bytes at most, %llu are asked for: make it anew with more bytes_max",
                      file->path, (unsigned long long)segment->bytes_max, (unsigned long long)bytes);
    int fd = segment_fd(file);
    if (fd < 0)
        return fd;
    uint64_t old = kin_segment_bytes(segment);
    if (bytes <= old)
        return 0;
    if (PLANTED(COMMIT_FIRST))
        STORE(shared->bytes, bytes);
    int result = LOAD(shared->flags) & KIN_SEGMENT_NO_RESERVE ? file_lengthen(fd, SEGMENT_DATA_AT + bytes)
                                                              : file_reserve(fd, SEGMENT_DATA_AT, bytes);
    if (result < 0)
        return reason(result,
                      "no room for %s to grow to %llu bytes: enlarge the tmpfs or remove what is not needed "
                      "(kin ls)",
                      file->path, (unsigned long long)bytes);
    KEEP_ORDER();
    old = LOAD(shared->bytes);
    while (old < bytes && !CAS(shared->bytes, &old, bytes))
        continue;
    KEEP_ORDER();
    STORE(shared->changed_at, clock_realtime());
    segment_look_again(segment);
    return 0;
}

int kin_segment_pin(kin_segment *segment)
{
    int result = memory_pin(segment->data, kin_segment_bytes(segment));
    if (result == -ENOMEM || result == -EPERM || result == -EAGAIN)
        return reason(result,
                      "%s cannot be kept in memory: a process of yours may keep %llu bytes (ulimit -l), it has "
                      "%llu: raise the limit",
                      segment->object.segment.path, (unsigned long long)memory_pin_limit(),
                      (unsigned long long)kin_segment_bytes(segment));
    return result == 0
               ? 0
               : reason(result, "%s cannot be kept in memory: %s", segment->object.segment.path, strerror(-result));
}

void kin_segment_unpin(kin_segment *segment)
{
    memory_unpin(segment->data, kin_segment_bytes(segment));
}

static int check_range(const kin_segment *segment, uint64_t offset, uint64_t count)
{
    uint64_t bytes = kin_segment_bytes(segment);
    if (offset <= bytes && count <= bytes - offset)
        return 0;
    return reason(-ERANGE, "%s has %llu bytes: there are no %llu from byte %llu on", segment->object.segment.path,
                  (unsigned long long)bytes, (unsigned long long)count, (unsigned long long)offset);
}

static int check_copied(const kin_segment *segment, uint64_t offset, int64_t copied, uint64_t count)
{
    const char *path = segment->object.segment.path;
    if (copied >= 0 && (uint64_t)copied < count)
        return reason(-EIO, "byte %llu of %s is not there: its file was cut off, or its tmpfs is full",
                      (unsigned long long)(offset + (uint64_t)copied), path);
    return copied >= 0 ? 0 : reason((int)copied, "cannot copy from or to %s: %s", path, strerror((int)-copied));
}

int kin_segment_read(const kin_segment *segment, uint64_t offset, void *buffer, uint64_t count)
{
    int result = check_range(segment, offset, count);
    if (result < 0 || count == 0)
        return result;
    return check_copied(segment, offset, memory_read(segment->data + offset, buffer, count), count);
}

int kin_segment_write(kin_segment *segment, uint64_t offset, const void *data, uint64_t count)
{
    int result = segment->may_write ? check_range(segment, offset, count) : no_writing(segment);
    if (result < 0 || count == 0)
        return result;
    return check_copied(segment, offset, memory_write(segment->data + offset, data, count), count);
}

int kin_segment_status(kin_segment *segment, struct kin_segment_status *out)
{
    struct data_header *shared = segment_shared(segment);
    struct stat about;
    int fd = segment_fd(&segment->object.segment);
    if (fd < 0)
        return fd;
    if (fstat(fd, &about) < 0)
        return reason_errno("cannot look at %s", segment->object.segment.path);
    *out = (struct kin_segment_status){
        .bytes = kin_segment_bytes(segment),
        .bytes_max = segment->bytes_max,
        .reserved = (uint64_t)about.st_blocks * 512,
        .huge = memory_in_huge(segment->data),
        .attached = attach_count(segment->object.domain, segment->object.id),
        .flags = LOAD(shared->flags) & KIN_SEGMENT_NO_RESERVE,
        .creator = (pid_t)LOAD(shared->creator),
        .last = (pid_t)LOAD(shared->last),
        .created = shared->base.created,
        .attached_at = LOAD(shared->attached_at),
        .detached_at = LOAD(shared->detached_at),
        .changed_at = LOAD(shared->changed_at),
    };
    return 0;
}
