/* The six headings are in life/bell.h. */
#include "life/bell.h"
#include "sys/atomic.h"
#include "sys/cpu.h"
#include "sys/file.h"
#include "sys/futex.h"
#include "sys/reason.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void path_of(const kin_domain *domain, bell_id id, char path[4096])
{
    snprintf(path, 4096, "%s/" BELL_PREFIX "%" PRIu32 ".%" PRIu32, domain->path, (uint32_t)id, (uint32_t)(id >> 32));
}

int bell_make(struct seat *seat, bell_id *id)
{
    static uint32_t number; /* of this process's bells; any distinct value will do */
    kin_domain *domain = seat->domain;
    char path[4096];
    *id = (uint64_t)(FETCH_ADD(number, 1) + 1) << 32 | seat->process;
    path_of(domain, *id, path);
    unlink(path);
    if (mkfifo(path, 0600) < 0)
        return reason_errno("cannot make the doorbell %s", path);
    chmod(path, 0622); /* whoever may enter the domain may ring */
    int fd = file_open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW, 0);
    if (fd < 0) {
        int result = reason_errno("cannot open the doorbell %s", path);
        unlink(path);
        return result;
    }
    STORE_RELEASE(domain->shared->bells, 1);
    return fd;
}

void bell_remove(kin_domain *domain, bell_id id)
{
    char path[4096];
    path_of(domain, id, path);
    unlink(path);
}

/* Write-only fails with ENXIO where nobody reads, so a dead owner is seen at once, and no byte is left behind. */
static bool ring_path(int directory, const char *path)
{
    int fd = file_open_at(directory, path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    struct stat about;
    bool rung = fd >= 0 && fstat(fd, &about) == 0 && S_ISFIFO(about.st_mode);
    if (rung)
        rung = file_write(fd, "!", 1) == 1 || errno == EAGAIN; /* full: it is ringing already */
    file_close(fd);
    return rung;
}

bool bell_ring(kin_domain *domain, bell_id id)
{
    char path[4096];
    if (id & BELL_OF_LIFE) {
        struct life *life = life_verdict(domain, (uint32_t)id & ID_MASK) == VERDICT_ALIVE
                                ? life_at(domain, (uint32_t)id & ID_MASK)
                                : NULL;
        if (!life)
            return false;
        uint32_t seen = LOAD(life->rung);
        uint32_t which = (uint32_t)(id >> 32) & (BELL_SORTS - 1), from = cpu_now() & RUNG_FROM;
        which ^= PLANTED(WRONG_SORT) ? BELL_SORTS / 2 : 0;
        while (!CAS(life->rung, &seen, (RUNG_COUNT(seen) + 1) << RUNG_COUNT_AT | which << RUNG_SORT_AT | from))
            continue;
        futex_wake(&life->rung, 1);
        return true;
    }
    path_of(domain, id, path);
    return ring_path(AT_FDCWD, path);
}

bool bell_is_stale(kin_domain *domain, bell_id id)
{
    uint32_t owner = (uint32_t)id & ID_MASK;
    return (id & BELL_OF_LIFE ? life_prove(domain, owner) : process_verdict(domain, owner, false)) != VERDICT_ALIVE;
}

/* What a walk over the doorbells does with each; `owner` is the id of a process record, 0 in a name that is none. */
struct walk {
    kin_domain *domain;
    void (*visit)(const struct walk *walk, int directory, const char *name, uint32_t owner);
    uint32_t process;
    bell_visit tell;
    void *context;
};

static void each_bell(const struct walk *walk)
{
    DIR *list = opendir(walk->domain->path);
    struct dirent *entry;
    while (list && (entry = readdir(list))) {
        uint32_t owner = 0, number = 0;
        if (strncmp(entry->d_name, BELL_PREFIX, strlen(BELL_PREFIX)) != 0)
            continue;
        if (sscanf(entry->d_name, BELL_PREFIX "%" SCNu32 ".%" SCNu32, &owner, &number) != 2)
            owner = 0;
        walk->visit(walk, dirfd(list), entry->d_name, owner);
    }
    if (list)
        closedir(list);
}

static void ring_one(const struct walk *walk, int directory, const char *name, uint32_t owner)
{
    (void)walk;
    (void)owner;
    ring_path(directory, name);
}

static void sweep_one(const struct walk *walk, int directory, const char *name, uint32_t owner)
{
    if (owner == walk->process)
        unlinkat(directory, name, 0);
}

static void tell_one(const struct walk *walk, int directory, const char *name, uint32_t owner)
{
    (void)directory;
    if (verdict_is_gone(process_verdict(walk->domain, owner, true)))
        walk->tell(walk->context, name);
}

void bell_ring_everywhere(kin_domain *domain)
{
    each_bell(&(struct walk){.domain = domain, .visit = ring_one});
}

void bell_sweep(kin_domain *domain, uint32_t process)
{
    if (LOAD(domain->shared->bells))
        each_bell(&(struct walk){.domain = domain, .visit = sweep_one, .process = process});
}

void bell_each_stale(kin_domain *domain, bell_visit tell, void *context)
{
    each_bell(&(struct walk){.domain = domain, .visit = tell_one, .tell = tell, .context = context});
}

void bell_remove_file(kin_domain *domain, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", domain->path, name);
    unlink(path);
}
