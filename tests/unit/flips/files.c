#include "files.h"
#include "channel/queue.h"
#include "memory/arena.h"
#include "round.h"
#include "support.h"
#include "sync/semaphore.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void files_keep(const char *directory, struct kept files[FILES])
{
    static const char *const names[FILES] = {"domain", "q.kin", "d.kin", "s.kin", "e.kin"};
    for (unsigned i = 0; i < FILES; i++) {
        struct stat about;
        snprintf(files[i].path, sizeof files[i].path, "%s/%s", directory, names[i]);
        int fd = open(files[i].path, O_RDONLY | O_CLOEXEC);
        check(fd >= 0 && fstat(fd, &about) == 0);
        files[i].bytes = (uint64_t)about.st_size;
        files[i].image = malloc(files[i].bytes);
        check_is(read(fd, files[i].image, files[i].bytes), files[i].bytes);
        close(fd);
    }
}

void files_drop(struct kept files[FILES])
{
    for (unsigned i = 0; i < FILES; i++)
        free(files[i].image);
}

void files_write(const struct kept *file, uint64_t offset, const void *bytes, uint64_t count)
{
    int fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check(fd >= 0);
    check_is(pwrite(fd, bytes, count, (off_t)offset), count);
    close(fd);
}

void files_restore(const struct kept files[FILES])
{
    for (unsigned i = 0; i < FILES; i++) {
        files_write(&files[i], 0, files[i].image, files[i].bytes);
        check_is(truncate(files[i].path, (off_t)files[i].bytes), 0);
    }
}

struct choice {
    struct part *parts;
    unsigned count;
};

static void add(struct choice *list, unsigned file, uint64_t offset, uint64_t bytes, unsigned step, const char *name)
{
    check(list->count < PARTS_MAX);
    bool thorough = file == FILE_DOMAIN || offset == 0;
    list->parts[list->count++] = (struct part){file, offset, bytes, step, thorough, name};
}

static bool is_used(const unsigned char *bytes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (bytes[i])
            return true;
    return false;
}

/* The elements of a table's first extents that are not zero. */
static void add_table(struct choice *list, const struct kept *files, unsigned file, const struct table_header *table,
                      uint64_t bytes, unsigned step, const char *name)
{
    for (unsigned k = 0; k < TABLE_EXTENTS && table->where[k]; k++) {
        uint64_t start = k ? UINT64_C(1) << (table->first + k - 1) : 0, end = UINT64_C(1) << (table->first + k);
        uint64_t element = UINT64_C(1) << table->shift;
        for (uint64_t i = start; i < end && i < table->count; i++) {
            uint64_t offset = table->where[k] + (i - start) * element;
            if (is_used(files[file].image + offset, element))
                add(list, file, offset, bytes, step, name);
        }
    }
}

/* Its numbers and the first extents' places; the places of extents that there are not, sampled. */
static void add_table_header(struct choice *list, unsigned file, uint64_t offset, const char *name)
{
    const uint64_t first = offsetof(struct table_header, where) + 2 * sizeof(uint64_t);
    add(list, file, offset, first, 1, name);
    add(list, file, offset + first, sizeof(struct table_header) - first, 31, name);
}

static bool seen_before(uint64_t kind)
{
    static uint64_t kinds[32];
    static unsigned count;
    for (unsigned i = 0; i < count; i++)
        if (kinds[i] == kind)
            return true;
    check(count < 32);
    kinds[count++] = kind;
    return false;
}

/* One record of every kind and state bit by bit, others sampled. */
static void add_records(struct choice *list, const struct kept *files, const struct table_header *table)
{
    for (uint32_t i = 1; i < table->count && i < 1u << table->first; i++) {
        uint64_t offset = table->where[0] + i * sizeof(struct record);
        const struct record *record = (const void *)(files[FILE_QUEUE].image + offset);
        uint64_t kind = (record->state & 0x1f) | (record->block ? 0x100 : 0) | (record->priority ? 0x200 : 0);
        if (is_used((const void *)record, sizeof *record))
            add(list, FILE_QUEUE, offset, offsetof(struct record, bytes), seen_before(kind) ? 61 : 1, "record");
    }
}

static void add_queue(struct choice *list, const struct kept *files)
{
    const struct queue_header *queue = (const void *)files[FILE_QUEUE].image;
    add(list, FILE_QUEUE, 0, sizeof queue->base, 1, "header");
    add(list, FILE_QUEUE, offsetof(struct queue_header, hot), sizeof queue->hot, 1, "hot line");
    add(list, FILE_QUEUE, offsetof(struct queue_header, messages), 8, 1, "limits");
    add(list, FILE_QUEUE, offsetof(struct queue_header, groups), sizeof queue->groups, 29, "groups");
    add_table_header(list, FILE_QUEUE, offsetof(struct queue_header, records), "records");
    add_table_header(list, FILE_QUEUE, offsetof(struct queue_header, lanes), "lanes");
    add_table_header(list, FILE_QUEUE, offsetof(struct queue_header, space), "space");
    add_table_header(list, FILE_QUEUE, offsetof(struct queue_header, tree), "tree");
    add(list, FILE_QUEUE, offsetof(struct queue_header, pollers), sizeof(struct poller), 1, "poller");
    add(list, FILE_QUEUE, offsetof(struct queue_header, map), sizeof queue->map, 251, "map");
    add_records(list, files, &queue->records);
    add_table(list, files, FILE_QUEUE, &queue->lanes, sizeof(struct lane), 2, "lane");
    add_table(list, files, FILE_QUEUE, &queue->tree, 2, 3, "node");
}

static void add_arena(struct choice *list, const struct kept *files)
{
    const uint64_t at = SEGMENT_DATA_AT + ROUND_ARENA_AT;
    const struct arena_header *arena = (const void *)(files[FILE_SEGMENT].image + at);
    add(list, FILE_SEGMENT, at, offsetof(struct arena_header, spare), 1, "arena");
    add(list, FILE_SEGMENT, at + offsetof(struct arena_header, map), sizeof arena->map, 3, "arena's map");
    add(list, FILE_SEGMENT, at + offsetof(struct arena_header, bins), sizeof arena->bins, 11, "arena's bins");
    add(list, FILE_SEGMENT, at + offsetof(struct arena_header, region), 2 * sizeof *arena->region, 1,
        "arena's regions");
    add(list, FILE_SEGMENT, SEGMENT_DATA_AT + arena->region[0].states, 64 * sizeof(uint64_t), 7, "arena's states");
    add(list, FILE_SEGMENT, SEGMENT_DATA_AT + arena->region[0].first * ARENA_UNIT, 64 * ARENA_UNIT, 301,
        "arena's blocks");
}

/* Lives and processes are alike, and their rounds are dear: sampled. */
static void add_domain(struct choice *list, const struct kept *files)
{
    const struct domain_header *domain = (const void *)files[FILE_DOMAIN].image;
    const uint64_t known = sizeof domain->base + 8, counters = offsetof(struct domain_header, reserved);
    add(list, FILE_DOMAIN, 0, known, 1, "domain");
    add(list, FILE_DOMAIN, known, counters - known, 31, "domain");
    add(list, FILE_DOMAIN, counters, offsetof(struct domain_header, unused) - counters, 2, "counters");
    add_table_header(list, FILE_DOMAIN, offsetof(struct domain_header, lives), "lives");
    add_table_header(list, FILE_DOMAIN, offsetof(struct domain_header, processes), "processes");
    add(list, FILE_DOMAIN, offsetof(struct domain_header, log), 2 * sizeof *domain->log, 29, "log");
    add_table(list, files, FILE_DOMAIN, &domain->lives, offsetof(struct life, holds), 29, "life");
    add_table(list, files, FILE_DOMAIN, &domain->processes, sizeof(struct process), 29, "process");
}

unsigned files_parts(const struct kept files[FILES], bool all, struct part parts[PARTS_MAX])
{
    struct choice list = {parts, 0};
    if (all) {
        for (unsigned i = 0; i < FILES; i++)
            add(&list, i, 0, files[i].bytes, 1, "file");
        return list.count;
    }
    add_queue(&list, files);
    add(&list, FILE_SEGMENT, 0, offsetof(struct data_header, objects), 1, "segment");
    add(&list, FILE_SEGMENT, offsetof(struct data_header, objects), 2 * sizeof(uint64_t), 3, "what is in it");
    add(&list, FILE_SEGMENT, offsetof(struct data_header, objects), sizeof(uint64_t) * SEGMENT_OBJECTS_MAX, 499,
        "what may be in it");
    add_arena(&list, files);
    add(&list, FILE_SEGMENT, offsetof(struct data_header, armed), 8 + sizeof(struct poller), 1, "poller");
    add(&list, FILE_SEGMENT, offsetof(struct data_header, pollers[1]), sizeof(struct poller) * (POLLERS_MAX - 1), 97,
        "pollers");
    add(&list, FILE_SEGMENT, SEGMENT_DATA_AT, 2 * sizeof(kin_lock) + 8, 1, "locks");
    /* The header, both lines, the other cells and as many entries; the rest is sampled. */
    add(&list, FILE_SET, SEGMENT_DATA_AT, sizeof(struct semaphore) + 64, 1, "semaphore");
    add(&list, FILE_SET, SEGMENT_DATA_AT + sizeof(struct semaphore) + 64, 512, 7, "entries");
    const uint64_t things = SEGMENT_DATA_AT + 2 * sizeof(kin_lock) + 8;
    add(&list, FILE_SEGMENT, things, 2 * 64 + 256, 3, "condition, latch, once"); /* and then barrier and rwlock */
    add(&list, FILE_SEGMENT, things + 2 * 64 + 256, 576 + 1088, 11, "barrier, rwlock");
    add_domain(&list, files);
    for (unsigned i = 0; i < FILES; i++)
        add(&list, i, 0, files[i].bytes, 5003, "sample");
    return list.count;
}
