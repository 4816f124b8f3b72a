/* Files of others as memory. */
#include "sys/file.h"
#include "sys/memory.h"
#include "sys/reason.h"
#include <errno.h>
#include <fcntl.h>
#include <kin/mapping.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct kin_mapping {
    char *pages, *data;
    size_t span;
    uint64_t bytes;
    unsigned flags;
    char name[64]; /* for sentences */
};

static int refuse_span(const kin_mapping *mapping, uint64_t offset, uint64_t count)
{
    return reason(-ERANGE, "the mapping of %s has %llu bytes: there are no %llu from byte %llu on", mapping->name,
                  (unsigned long long)mapping->bytes, (unsigned long long)count, (unsigned long long)offset);
}

/* How long the part is, of a file made long enough if that is wanted. */
static int measure(int fd, const struct kin_mapping_options *options, kin_mapping *mapping)
{
    struct stat about;
    uint64_t end = options->offset + options->bytes;
    if (end < options->offset || end > INT64_MAX)
        return reason(-ENODATA, "%s cannot have %llu bytes from byte %llu on", mapping->name,
                      (unsigned long long)options->bytes, (unsigned long long)options->offset);
    if (fstat(fd, &about) < 0)
        return reason_errno("cannot look at %s", mapping->name);
    if (options->flags & KIN_MAPPING_EXTEND && S_ISREG(about.st_mode) && options->bytes) {
        int result = file_reserve(fd, options->offset, options->bytes);
        if (result < 0)
            return reason(result, "cannot make %s %llu bytes long: %s", mapping->name, (unsigned long long)end,
                          strerror(-result));
        about.st_size = about.st_size < (off_t)end ? (off_t)end : about.st_size;
    }
    mapping->bytes = options->bytes;
    if (!S_ISREG(about.st_mode) && options->bytes)
        return 0; /* a device knows itself */
    if ((uint64_t)about.st_size <= options->offset || end > (uint64_t)about.st_size)
        return reason(-ENODATA,
                      "%s has %lld bytes, %llu from byte %llu on are asked for: KIN_MAPPING_EXTEND makes it "
                      "longer",
                      mapping->name, (long long)about.st_size, (unsigned long long)options->bytes,
                      (unsigned long long)options->offset);
    if (mapping->bytes == 0)
        mapping->bytes = (uint64_t)about.st_size - options->offset;
    return 0;
}

static int claim(const kin_mapping *mapping, char *address, char **out)
{
    if ((uintptr_t)address % memory_page())
        return reason(-EINVAL, "%s cannot be at %p: no page begins there", mapping->name, (void *)address);
    *out = memory_claim(address, mapping->span, memory_page());
    if (*out)
        return 0;
    return errno == EEXIST ? reason(-EEXIST, "%s cannot be at %p: something lies there: give another address",
                                    mapping->name, (void *)address)
                           : reason_errno("no %zu bytes of address space for %s", mapping->span, mapping->name);
}

static int map(int fd, const struct kin_mapping_options *options, kin_mapping *mapping)
{
    uint64_t before = options->offset % memory_page();
    int protection = PROT_READ | (options->flags & KIN_MAPPING_WRITE ? PROT_WRITE : 0) |
                     (options->flags & KIN_MAPPING_EXECUTE ? PROT_EXEC : 0);
    mapping->span = memory_round(before + mapping->bytes);
    int result = mapping->span ? claim(mapping, options->address, &mapping->pages)
                               : reason(-ENOMEM, "%s is longer than this process has addresses", mapping->name);
    if (result < 0)
        return result;
    if (mmap(mapping->pages, mapping->span, protection,
             MAP_FIXED | (options->flags & KIN_MAPPING_PRIVATE ? MAP_PRIVATE : MAP_SHARED), fd,
             (off_t)(options->offset - before)) == MAP_FAILED) {
        result = reason_errno("cannot map %s%s", mapping->name,
                              errno == EACCES ? " (opened for reading, or mounted noexec?)" : "");
        file_unmap(mapping->pages, mapping->span);
        return result;
    }
    mapping->data = mapping->pages + before;
    return 0;
}

static int open_as(const char *name, int fd, const struct kin_mapping_options *options, kin_mapping **out)
{
    kin_mapping *mapping = calloc(1, sizeof *mapping);
    if (!mapping)
        return reason(-ENOMEM, "no memory left in this process");
    strncpy(mapping->name, name, sizeof mapping->name - 1);
    mapping->flags = options->flags;
    int result = measure(fd, options, mapping);
    if (result == 0)
        result = map(fd, options, mapping);
    if (result < 0) {
        free(mapping);
        return result;
    }
    *out = mapping;
    return 0;
}

static const struct kin_mapping_options defaults = {.size = sizeof defaults};

int kin_mapping_open(const char *path, const struct kin_mapping_options *options, kin_mapping **out)
{
    const struct kin_mapping_options *wanted = options ? options : &defaults;
    bool extend = wanted->flags & KIN_MAPPING_EXTEND;
    bool writes = extend || (wanted->flags & (KIN_MAPPING_WRITE | KIN_MAPPING_PRIVATE)) == KIN_MAPPING_WRITE;
    int fd = file_open(path, (writes ? O_RDWR : O_RDONLY) | (extend ? O_CREAT : 0) | O_CLOEXEC,
                       wanted->mode ? wanted->mode : 0600);
    if (fd < 0)
        return reason_errno("cannot open %s", path);
    int result = open_as(path, fd, wanted, out);
    file_close(fd);
    return result;
}

int kin_mapping_open_fd(int fd, const struct kin_mapping_options *options, kin_mapping **out)
{
    char name[32] = "descriptor ";
    unsigned long long number = fd < 0 ? 0 : (unsigned long long)fd;
    char *end = name + strlen(name), digits[24];
    unsigned count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    while (count)
        *end++ = digits[--count];
    return open_as(name, fd, options ? options : &defaults, out);
}

void kin_mapping_close(kin_mapping *mapping)
{
    if (!mapping)
        return;
    file_unmap(mapping->pages, mapping->span);
    free(mapping);
}

void *kin_mapping_data(const kin_mapping *mapping)
{
    return mapping->data;
}

uint64_t kin_mapping_bytes(const kin_mapping *mapping)
{
    return mapping->bytes;
}

static int check_copied(const kin_mapping *mapping, uint64_t offset, int64_t copied, uint64_t count)
{
    if (copied >= 0 && (uint64_t)copied < count)
        return reason(-EIO, "byte %llu of the mapping of %s is not there: the file was cut off, or its disk is full",
                      (unsigned long long)(offset + (uint64_t)copied), mapping->name);
    return copied >= 0 ? 0
                       : reason((int)copied, "cannot copy from or to %s: %s", mapping->name, strerror((int)-copied));
}

int kin_mapping_read(const kin_mapping *mapping, uint64_t offset, void *buffer, uint64_t count)
{
    if (offset > mapping->bytes || count > mapping->bytes - offset)
        return refuse_span(mapping, offset, count);
    return count ? check_copied(mapping, offset, memory_read(mapping->data + offset, buffer, count), count) : 0;
}

int kin_mapping_write(kin_mapping *mapping, uint64_t offset, const void *data, uint64_t count)
{
    if (!(mapping->flags & KIN_MAPPING_WRITE))
        return reason(-EROFS, "%s is mapped for reading: KIN_MAPPING_WRITE", mapping->name);
    if (offset > mapping->bytes || count > mapping->bytes - offset)
        return refuse_span(mapping, offset, count);
    return count ? check_copied(mapping, offset, memory_write(mapping->data + offset, data, count), count) : 0;
}

/* The pages of that part. */
static int pages_of(const kin_mapping *mapping, uint64_t offset, uint64_t bytes, char **from, size_t *length)
{
    if (offset > mapping->bytes || bytes > mapping->bytes - offset)
        return refuse_span(mapping, offset, bytes);
    char *first = mapping->data + offset, *end = bytes ? first + bytes : mapping->data + mapping->bytes;
    *from = first - (uintptr_t)first % memory_page();
    *length = (size_t)(end - *from);
    return 0;
}

int kin_mapping_sync(kin_mapping *mapping, uint64_t offset, uint64_t bytes)
{
    char *from = NULL;
    size_t length = 0;
    int result = pages_of(mapping, offset, bytes, &from, &length);
    if (result == 0 && msync(from, length, MS_SYNC) < 0)
        return reason_errno("cannot bring %s to disk", mapping->name);
    return result;
}

int kin_mapping_advise(kin_mapping *mapping, uint64_t offset, uint64_t bytes, enum kin_advice advice)
{
    static const int advices[] = {MADV_NORMAL,   MADV_RANDOM,   MADV_SEQUENTIAL,
                                  MADV_WILLNEED, MADV_DONTNEED, MADV_HUGEPAGE};
    char *from = NULL;
    size_t length = 0;
    if ((unsigned)advice >= sizeof advices / sizeof *advices)
        return reason(-EINVAL, "%d is no advice", (int)advice);
    int result = pages_of(mapping, offset, bytes, &from, &length);
    if (result == 0 && madvise(from, length, advices[advice]) < 0)
        return reason_errno("the kernel takes no such advice for %s", mapping->name);
    return result;
}

int kin_mapping_pin(kin_mapping *mapping)
{
    int result = memory_pin(mapping->pages, mapping->span);
    return result == 0 ? 0
                       : reason(result,
                                "%s cannot be kept in memory: a process may keep %llu bytes (ulimit -l), it has "
                                "%zu: raise the limit",
                                mapping->name, (unsigned long long)memory_pin_limit(), mapping->span);
}

int kin_mapping_move(kin_mapping *mapping, void *address)
{
    char *place;
    size_t before = (size_t)(mapping->data - mapping->pages);
    int result = claim(mapping, address, &place);
    if (result < 0)
        return result;
    if (!memory_move(mapping->pages, mapping->span, place, mapping->span)) {
        result = reason_errno("cannot move %s", mapping->name);
        file_unmap(place, mapping->span);
        return result;
    }
    mapping->pages = place;
    mapping->data = place + before;
    return 0;
}
