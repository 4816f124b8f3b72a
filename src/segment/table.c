/* The six headings are in segment/table.h. */
#include "segment/table.h"
#include "sys/file.h"
#include "sys/reason.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define PAGE UINT64_C(4096)

void table_format(struct table_header *shared, uint32_t limit, uint32_t first, uint32_t shift)
{
    memset(shared, 0, sizeof *shared);
    shared->limit = limit;
    shared->first = first;
    shared->shift = shift;
}

int table_attach(struct table *table, struct segment *segment, struct table_header *shared, uint32_t shift)
{
    *table = (struct table){.segment = segment, .shared = shared};
    table->limit = LOAD(shared->limit);
    table->first = LOAD(shared->first);
    table->shift = LOAD(shared->shift);
    if (table->shift != shift || table->first > 24 || table->limit == 0 || table->limit > UINT32_C(1) << 28 ||
        table_extent_of(table->first, table->limit - 1) >= TABLE_EXTENTS ||
        segment->table_count == sizeof segment->tables / sizeof *segment->tables)
        return reason(-EBADMSG, "%s is damaged: a table of it cannot be", segment->path);
    segment->tables[segment->table_count++] = table;
    return 0;
}

static uint64_t extent_bytes(const struct table *table, uint32_t k)
{
    uint64_t start = table_extent_start(table->first, k);
    uint64_t end = k ? start * 2 : UINT64_C(1) << table->first;
    if (start >= table->limit)
        return 0;
    if (end > table->limit)
        end = table->limit;
    uint64_t bytes = (end - start) << table->shift;
    return (bytes + PAGE - 1) & ~(PAGE - 1);
}

void table_unmap(struct table *table)
{
    for (uint32_t k = 0; k < TABLE_EXTENTS; k++)
        if (table->extent[k]) {
            file_unmap(table->extent[k], extent_bytes(table, k));
            table->extent[k] = NULL;
        }
}

char *table_map(struct table *table, uint32_t k)
{
    struct stat about;
    uint64_t where = LOAD(table->shared->where[k]);
    uint64_t bytes = extent_bytes(table, k);
    int fd = segment_fd(table->segment);
    if (fd < 0 || where == 0 || where % PAGE || fstat(fd, &about) < 0 || where > (uint64_t)about.st_size ||
        bytes > (uint64_t)about.st_size - where)
        return NULL;
    char *memory = file_map(fd, where, bytes), *nobody = NULL;
    if (!memory)
        return NULL;
    if (CAS(table->extent[k], &nobody, memory))
        return memory;
    file_unmap(memory, bytes); /* another thread was first */
    return nobody;
}

/* Behind everything that any table of the file has placed. */
static uint64_t end_of_segment(const struct segment *segment)
{
    uint64_t end = segment->header_bytes;
    for (unsigned i = 0; i < segment->table_count; i++) {
        const struct table *table = segment->tables[i];
        for (uint32_t k = 0; k < TABLE_EXTENTS; k++) {
            uint64_t where = LOAD(table->shared->where[k]);
            if (where && where < UINT64_C(1) << 48 && where + extent_bytes(table, k) > end)
                end = where + extent_bytes(table, k);
        }
    }
    return end;
}

int table_grow(struct table *table)
{
    struct table_header *shared = table->shared;
    uint32_t count = LOAD(shared->count);
    if (count >= table->limit)
        return reason(-ENOSPC, "%s is at its limit of %u", table->segment->path, table->limit - 1);
    uint32_t k = table_extent_of(table->first, count);
    int fd = segment_fd(table->segment);
    if (fd < 0)
        return fd;
    uint64_t where = LOAD(shared->where[k]);
    if (where == 0) {
        where = end_of_segment(table->segment);
        int result = file_reserve(fd, where, extent_bytes(table, k));
        if (result < 0)
            return reason(result,
                          "no room for %s to grow by %llu bytes: enlarge the tmpfs it is on or remove what is not "
                          "needed (kin ls)",
                          table->segment->path, (unsigned long long)extent_bytes(table, k));
        KEEP_ORDER();
        STORE(shared->where[k], where);
    }
    uint32_t end = table_extent_start(table->first, k + 1);
    KEEP_ORDER();
    STORE_RELEASE(shared->count, end < table->limit ? end : table->limit);
    return 0;
}
