#include "aid.h"
#include "twin.h"
#include "life/life.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST ((size_t)64 << 20) /* of a file, mapped ahead of its growth */

int twin_make(struct twin *twin, const char *first, const char *second)
{
    *twin =
        (struct twin){.live = "/dev/shm/kin-live-XXXXXX", .copy = "/dev/shm/kin-twin-XXXXXX", .names = {first, second}};
    /* The maker's number, so that whoever ran a sweep that was killed can clear up behind it. */
    snprintf(twin->live, sizeof twin->live, "/dev/shm/kin-live-%d-XXXXXX", (int)getpid());
    snprintf(twin->copy, sizeof twin->copy, "/dev/shm/kin-twin-%d-XXXXXX", (int)getpid());
    return mkdtemp(twin->live) && mkdtemp(twin->copy) ? 0 : -1;
}

void twin_remove(struct twin *twin)
{
    if (twin->domain)
        kin_domain_close(twin->domain);
    for (unsigned i = 0; i <= TWIN_OBJECTS; i++)
        if (twin->files[i].bytes) {
            munmap((void *)(uintptr_t)twin->files[i].live, MOST);
            munmap(twin->files[i].copy, MOST);
        }
    if (remove_directory(twin->live) < 0 || remove_directory(twin->copy) < 0)
        fprintf(stderr, "cannot remove %s and %s\n", twin->live, twin->copy);
}

static void path_of(const struct twin *twin, const char *directory, unsigned file, char path[256])
{
    if (file == 0)
        snprintf(path, 256, "%s/%s", directory, DOMAIN_FILE);
    else
        snprintf(path, 256, "%s/%s%s", directory, twin->names[file - 1], OBJECT_SUFFIX);
}

static char *map(const char *path, int flags, off_t *bytes)
{
    struct stat about;
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        return NULL;
    if (flags & O_CREAT && ftruncate(fd, *bytes) < 0)
        return NULL;
    if (fstat(fd, &about) < 0)
        return NULL;
    *bytes = about.st_size;
    char *memory = mmap(NULL, MOST, PROT_READ | (flags & O_RDWR ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
    close(fd);
    return memory == MAP_FAILED ? NULL : memory;
}

static int begin_file(struct twin *twin, unsigned number)
{
    char from[256], to[256];
    off_t bytes = 0;
    struct twin_file *file = &twin->files[number];
    path_of(twin, twin->live, number, from);
    path_of(twin, twin->copy, number, to);
    file->live = map(from, O_RDONLY, &bytes);
    file->copy = file->live ? map(to, O_RDWR | O_CREAT, &bytes) : NULL;
    if (!file->copy)
        return -1;
    file->bytes = (size_t)bytes;
    memcpy(file->copy, file->live, file->bytes);
    return 0;
}

static int begin(struct twin *twin)
{
    int result = 0;
    for (unsigned i = 0; i <= TWIN_OBJECTS && result == 0; i++)
        if (i == 0 || twin->names[i - 1])
            result = begin_file(twin, i);
    if (result < 0)
        return kin_crash_fail("cannot make the twin of %s", twin->live);
    result = kin_domain_open(twin->copy, NULL, &twin->domain);
    if (result < 0 || !life_enter(twin->domain, &result))
        return kin_crash_fail("cannot live in the twin: %s", kin_reason());
    return 0;
}

static void follow_growth(struct twin *twin, unsigned number)
{
    char path[256];
    struct stat about;
    path_of(twin, twin->live, number, path);
    if (stat(path, &about) < 0 || (size_t)about.st_size <= twin->files[number].bytes)
        return;
    path_of(twin, twin->copy, number, path);
    if (truncate(path, about.st_size) == 0)
        twin->files[number].bytes = (size_t)about.st_size;
}

static size_t add(struct twin *twin, size_t count, unsigned file, size_t from, size_t to)
{
    twin->regions[count] =
        (struct kin_crash_region){twin->files[file].live + from, twin->files[file].copy + from, to - from};
    return to > from ? count + 1 : count;
}

/* Where a record of the domain file lies, that no copy may touch. */
static size_t offset_of(const struct twin *twin, const struct table_header *table, uint32_t index)
{
    (void)twin;
    uint32_t k = table_extent_of(table->first, index);
    return table->where[k] + ((size_t)(index - table_extent_start(table->first, k)) << table->shift);
}

size_t twin_regions(struct twin *twin, const struct kin_crash_region **list)
{
    *list = twin->regions;
    if (!twin->domain && begin(twin) < 0)
        return 0;
    struct domain_header *shared = twin->domain->shared;
    size_t life = offset_of(twin, &shared->lives, ID_INDEX(life_now.id));
    size_t process = offset_of(twin, &shared->processes, ID_INDEX(life_now.process));
    size_t low = life < process ? life : process, high = life < process ? process : life;
    size_t low_end = low + (life < process ? sizeof(struct life) : sizeof(struct process));
    size_t high_end = high + (life < process ? sizeof(struct process) : sizeof(struct life));
    size_t count = add(twin, 0, 0, 0, low);
    count = add(twin, count, 0, low_end, high);
    count = add(twin, count, 0, high_end, twin->files[0].bytes);
    for (unsigned i = 1; i <= TWIN_OBJECTS; i++)
        if (twin->names[i - 1]) {
            follow_growth(twin, i);
            count = add(twin, count, i, 0, twin->files[i].bytes);
        }
    return count;
}

/* Ends the twins where the live files end: what an earlier look made grow must be zeros again, as new extents are. */
static void cut_off(const struct twin *twin)
{
    char path[256];
    for (unsigned i = 0; i <= TWIN_OBJECTS; i++)
        if (twin->files[i].bytes) {
            path_of(twin, twin->copy, i, path);
            if (truncate(path, (off_t)twin->files[i].bytes) < 0)
                perror(path);
        }
}

int twin_mark_dead(struct twin *twin, pid_t victim)
{
    kin_domain *domain = twin->domain;
    uint32_t id = 0;
    cut_off(twin);
    for (uint32_t i = 1; i < domain->shared->processes.count; i++) {
        struct process *process = process_at(domain, i);
        if (process->stamp & PROCESS_USED && process->pid == (uint32_t)victim) {
            id = ID_MAKE(i, process->stamp);
            process->stamp |= PROCESS_DEAD;
        }
    }
    for (uint32_t i = 1; i < domain->shared->lives.count; i++) {
        struct life *life = life_at(domain, i);
        if (id && life->process == id && life->word && !WORD_IS_DEAD(life->word))
            life->word = WORD_OWNER_DIED | (life->word & WORD_WAITERS);
    }
    return id ? 0 : kin_crash_fail("the victim has no life");
}
