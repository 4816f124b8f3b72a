/* Listing, looking into, removing. The six headings are in life/domain.h. */
#include "life/attach.h"
#include "life/bell.h"
#include "life/segment.h"
#include "life/settle.h"
#include "sys/atomic.h"
#include "sys/file.h"
#include "sys/futex.h"
#include "sys/reason.h"
#include "sys/task.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct each {
    kin_domain *domain;
    int (*visit)(void *context, const struct kin_object *object);
    void *context;
};

static int describe(kin_domain *domain, const char *name, const struct segment_header *header, struct kin_object *out)
{
    char path[4096];
    struct stat about;
    int result = object_path(domain, name, path, sizeof path);
    if (result < 0)
        return result;
    if (lstat(path, &about) < 0)
        return errno == ENOENT ? reason(-ENOENT, "there is no object named %s in %s", name, domain->path)
                               : reason_errno("cannot look at %s", path);
    *out = (struct kin_object){
        .kind = kin_kind_name(header->kind) ? header->kind : 0,
        .mode = about.st_mode & 07777,
        .uid = about.st_uid,
        .gid = about.st_gid,
        .size = (uint64_t)about.st_blocks * 512,
        .inode = about.st_ino,
        .created = header->created,
    };
    snprintf(out->name, sizeof out->name, "%s", name);
    if (access(path, R_OK) < 0)
        out->state = -EACCES;
    else if (header->magic != SEGMENT_MAGIC)
        out->state = -EBADMSG;
    else if (header->version != SEGMENT_VERSION || header->domain != domain->shared->base.id)
        out->state = -EPROTO;
    return 0;
}

static int describe_each(void *context, const char *name, const struct segment_header *header)
{
    struct each *each = context;
    struct kin_object object;
    if (describe(each->domain, name, header, &object) < 0)
        return 0; /* removed just now */
    return each->visit(each->context, &object);
}

int kin_domain_each(kin_domain *given, int (*visit)(void *context, const struct kin_object *object), void *context)
{
    kin_domain *domain;
    int result = domain_resolve(given, &domain);
    if (result < 0)
        return result;
    struct each each = {domain, visit, context};
    result = domain_is_gone(domain) ? reason(-ESTALE, "the domain %s was deleted underneath", domain->path)
                                    : object_each(domain, describe_each, &each);
    domain_drop(domain);
    return result;
}

static int read_header(kin_domain *domain, const char *name, struct segment_header *out)
{
    char path[4096];
    int result = object_path(domain, name, path, sizeof path);
    if (result < 0)
        return result;
    int fd = file_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
    *out = (struct segment_header){0};
    if (fd < 0 && errno == ENOENT)
        return reason(-ENOENT, "there is no object named %s in %s", name, domain->path);
    if (fd >= 0 && (file_read(fd, out, sizeof *out) != (ssize_t)sizeof *out || out->magic != SEGMENT_MAGIC))
        *out = (struct segment_header){0};
    file_close(fd);
    return 0;
}

int kin_object_find(kin_domain *given, const char *name, struct kin_object *out)
{
    kin_domain *domain;
    struct segment_header header;
    int result = domain_resolve(given, &domain);
    if (result < 0)
        return result;
    result = read_header(domain, name, &header);
    if (result == 0)
        result = describe(domain, name, &header, out);
    domain_drop(domain);
    return result;
}

struct parties {
    kin_domain *domain;
    const char *name;
    struct segment_header header;
    int (*visit)(void *context, const struct kin_party *party);
    void *context;
};

struct kin_party life_party(kin_domain *domain, uint32_t process_id, uint32_t tid, unsigned part)
{
    struct kin_party party = {.part = part, .tid = (pid_t)tid, .alive = -1, .count = 1};
    struct process *process = ID_INDEX(process_id) ? process_at(domain, process_id) : NULL;
    if (process && (LOAD(process->stamp) & GENERATION_MASK) == ID_GENERATION(process_id)) {
        party.pid = (pid_t)LOAD(process->pid);
        memcpy(party.command, process->command, sizeof party.command - 1);
    }
    return party;
}

/* Whether a command has the file lock that tells of a lock handed on. */
static bool has_witness(const struct parties *all, uint64_t offset)
{
    char path[4096];
    if (object_path(all->domain, all->name, path, sizeof path) < 0)
        return false;
    int fd = file_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
    bool locked = fd >= 0 && file_byte_locked(fd, SEGMENT_DATA_AT + offset) == 1;
    file_close(fd);
    return locked;
}

static int visit_life(struct parties *all, uint32_t index)
{
    kin_domain *domain = all->domain;
    struct life *life = life_at(domain, index);
    uint32_t word = life ? LOAD_ACQUIRE(life->word) : 0;
    if (word == 0)
        return 0;
    struct kin_party party = life_party(domain, LOAD(life->process), LOAD(life->tid), KIN_PART_HOLDS);
    bool alive = life_prove(domain, ID_MAKE(index, LOAD(life->stamp))) == VERDICT_ALIVE;
    party.alive = alive;
    if (LOAD(life->waits_for) == all->header.id) {
        party.part = KIN_PART_WAITS;
        return all->visit(all->context, &party);
    }
    int result = 0;
    for (unsigned i = 0; i < HOLDS_MAX && result == 0; i++)
        if (LOAD(life->holds[i].object) == all->header.id) {
            party.offset = LOAD(life->holds[i].offset);
            party.alive = alive ? 1 : has_witness(all, party.offset) ? 2 : 0;
            result = all->visit(all->context, &party);
        }
    return result;
}

static int visit_process(struct parties *all, uint32_t index)
{
    kin_domain *domain = all->domain;
    struct process *process = process_at(domain, index);
    uint32_t stamp = process ? LOAD_ACQUIRE(process->stamp) : 0;
    bool named = stamp & PROCESS_USED && LOAD(process->many);
    for (unsigned i = 0; i < PROCESS_HOLDS_MAX && stamp & PROCESS_USED && !named; i++)
        named = LOAD(process->holds[i]) == all->header.id;
    const struct kind *kind = kind_of(all->header.kind);
    uint64_t held = named && kind ? kind->count(domain, all->name, ID_MAKE(index, stamp)) : 0;
    if (!held)
        return 0;
    struct kin_party party = life_party(domain, ID_MAKE(index, stamp), 0, KIN_PART_HOLDS);
    enum verdict verdict = process_verdict(domain, ID_MAKE(index, stamp), true);
    party.alive = verdict == VERDICT_ALIVE || verdict == VERDICT_ENDING;
    party.count = held;
    return all->visit(all->context, &party);
}

static int visit_attached(void *context, uint32_t process, uint32_t count)
{
    struct parties *all = context;
    struct kin_party party = life_party(all->domain, process, 0, KIN_PART_ATTACHED);
    enum verdict verdict = process_verdict(all->domain, process, false);
    if (verdict == VERDICT_CORRUPT)
        return 0; /* it left without closing: its record is another's by now */
    party.alive = verdict == VERDICT_ALIVE;
    party.count = count;
    return all->visit(all->context, &party);
}

int kin_object_each_party(kin_domain *given, const char *name,
                          int (*visit)(void *context, const struct kin_party *party), void *context)
{
    struct parties all = {.name = name, .visit = visit, .context = context};
    int result = domain_resolve(given, &all.domain);
    if (result < 0)
        return result;
    result = read_header(all.domain, name, &all.header);
    if (result == 0 && all.header.id != 0) {
        struct domain_header *shared = all.domain->shared;
        uint32_t lives = LOAD(shared->lives.count), processes = LOAD(shared->processes.count);
        for (uint32_t i = 1; i < lives && i < all.domain->lives.limit && result == 0; i++)
            result = visit_life(&all, i);
        for (uint32_t i = 1; i < processes && i < all.domain->processes.limit && result == 0; i++)
            result = visit_process(&all, i);
        if (result == 0)
            result = attach_each(all.domain, all.header.id, visit_attached, &all);
    }
    domain_drop(all.domain);
    return result;
}

static int find_living(void *context, const struct kin_party *party)
{
    struct kin_party *found = context;
    if (party->alive == 0 || party->part == KIN_PART_ATTACHED)
        return 0;
    *found = *party;
    return 1;
}

static int check_unused(kin_domain *domain, const char *name)
{
    struct kin_party found = {0};
    int result = kin_object_each_party(domain, name, find_living, &found);
    if (result != 1)
        return result;
    return reason(-EBUSY, "%s is in use: %s %d (%s) %s; end it, or remove %s all the same by --force", name,
                  found.alive == 2 ? "the command that was run by the dead process" : "process", (int)found.pid,
                  found.command, found.part == KIN_PART_WAITS ? "waits for it" : "holds something of it", name);
}

/* Under the file lock, so that the file we looked at is the one that loses its name. */
static int take_name(kin_domain *domain, const char *name)
{
    char path[4096];
    struct segment segment = {.fd = -1};
    int result = object_path(domain, name, path, sizeof path);
    if (result < 0)
        return result;
    result = segment_open(path, 0, 0, &segment);
    if (result == -ENOENT)
        return reason(-ENOENT, "there is no object named %s in %s", name, domain->path);
    if (result == 0 && segment.header->domain == domain->shared->base.id)
        STORE_RELEASE(segment.header->removed, 1);
    if (unlink(path) < 0)
        result = errno == EACCES || errno == EPERM ? reason(-EPERM, "no permission to remove %s", path)
                                                   : reason_errno("cannot remove %s", path);
    else
        result = 0;
    if (segment.fd >= 0)
        segment_close(&segment);
    return result;
}

int kin_remove(kin_domain *given, const char *name, unsigned flags)
{
    kin_domain *domain;
    int result = object_check_name(name);
    if (result == 0)
        result = domain_resolve(given, &domain);
    if (result < 0)
        return result;
    if (domain_is_gone(domain))
        result = reason(-ESTALE, "the domain %s was deleted underneath", domain->path);
    if (result == 0 && !(flags & KIN_EVEN_HELD))
        result = check_unused(domain, name);
    if (result == 0) {
        int fd = domain_lock_file(domain);
        result = fd < 0 ? fd : take_name(domain, name);
        domain_unlock_file(fd);
    }
    if (result == 0) {
        FETCH_ADD(domain->shared->deaths, 1);
        futex_wake(&domain->shared->obit, FUTEX_ALL); /* everybody looks after his own object */
        if (LOAD(domain->shared->bells))
            bell_ring_everywhere(domain);
    }
    domain_drop(domain);
    return result;
}
