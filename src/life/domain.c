/* Opening and closing a domain. The six headings are in life/domain.h. */
#include "life/domain.h"
#include "sys/atomic.h"
#include "sys/file.h"
#include "sys/reason.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* All domains that this process has open. Threads share a handle, so that a thread has one life a domain. */
static kin_domain *open_domains;
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;

static void lock_list(void)
{
    pthread_mutex_lock(&open_lock);
}

static void unlock_list(void)
{
    pthread_mutex_unlock(&open_lock);
}

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(lock_list, unlock_list, unlock_list);
}

static uint32_t layout_of_domain(void)
{
    return SEGMENT_LAYOUT(sizeof(struct domain_header), sizeof(struct life), sizeof(struct process),
                          sizeof(struct attachment), sizeof(struct log_entry), offsetof(struct domain_header, lives),
                          offsetof(struct life, finish), offsetof(struct life, holds), ID_INDEX_BITS, TABLE_EXTENTS);
}

static int fill_domain(void *context, struct segment *segment)
{
    (void)context;
    struct domain_header *shared = (struct domain_header *)segment->header;
    table_format(&shared->lives, LIVES_MAX, RECORDS_FIRST, LIFE_SHIFT);
    table_format(&shared->processes, LIVES_MAX, RECORDS_FIRST, PROCESS_SHIFT);
    table_format(&shared->attachments, ATTACHMENTS_MAX, ATTACHMENTS_FIRST, ATTACHMENT_SHIFT);
    shared->next_object = 1;
    struct table lives, processes, attachments;
    int result = table_attach(&lives, segment, &shared->lives, LIFE_SHIFT);
    if (result == 0)
        result = table_attach(&processes, segment, &shared->processes, PROCESS_SHIFT);
    if (result == 0)
        result = table_attach(&attachments, segment, &shared->attachments, ATTACHMENT_SHIFT);
    if (result == 0)
        result = table_grow(&lives);
    if (result == 0)
        result = table_grow(&processes);
    if (result == 0)
        result = table_grow(&attachments);
    table_unmap(&lives);
    table_unmap(&processes);
    table_unmap(&attachments);
    segment->table_count = 0;
    return result;
}

/* What a path that is not given means, and whether it must be ours alone. */
static int default_path(char *path, size_t size, bool *own)
{
    const char *given = getenv("KIN_DOMAIN");
    *own = !given || !*given;
    if (!*own && *given != '/')
        return reason(-EINVAL, "KIN_DOMAIN is \"%s\": give the whole path, from /", given);
    int length =
        *own ? snprintf(path, size, "/dev/shm/kin-%u", (unsigned)geteuid()) : snprintf(path, size, "%s", given);
    return (size_t)length < size ? 0 : reason(-ENAMETOOLONG, "the path of the domain is too long");
}

static int check_directory(const char *path, bool own)
{
    struct stat about;
    struct statfs system;
    if (stat(path, &about) < 0 || statfs(path, &system) < 0)
        return reason_errno("cannot look at the domain %s", path);
    if (!S_ISDIR(about.st_mode))
        return reason(-ENOTDIR, "the domain %s is a file, and should be a directory: name another", path);
    if (system.f_type != TMPFS_MAGIC)
        return reason(-EMEDIUMTYPE, "the domain %s is not on tmpfs: name a directory below /dev/shm", path);
    if (own && about.st_uid != geteuid())
        return reason(-EPERM, "%s belongs to user %u, not to you: set KIN_DOMAIN to a directory of yours", path,
                      (unsigned)about.st_uid);
    if (about.st_mode & S_IWOTH && !(about.st_mode & S_ISVTX))
        return reason(-EPERM, "everybody may write %s, and delete what others made there: chmod +t or chmod o-w it",
                      path);
    return 0;
}

static int check_empty(const char *path)
{
    DIR *list = opendir(path);
    if (!list)
        return reason_errno("cannot read the domain %s", path);
    int result = 0;
    struct dirent *entry;
    while (result != -ESTALE && (entry = readdir(list))) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, DOMAIN_FILE) == 0 ||
            strcmp(name, WITNESS_FILE) == 0 || strncmp(name, BELL_PREFIX, strlen(BELL_PREFIX)) == 0)
            continue;
        result =
            strstr(name, OBJECT_SUFFIX)
                ? reason(-ESTALE, "the domain file of %s was deleted: what is left there can only be removed", path)
                : reason(-ENOTEMPTY, "%s is not a domain, and not empty (%s): name another", path, name);
    }
    closedir(list);
    return result;
}

static int make_domain(const char *path, const char *file, struct segment *out)
{
    struct stat about;
    int result = check_empty(path);
    if (result < 0) /* what is there may have come with a domain that was made since we looked for one */
        return access(file, F_OK) == 0 ? -EEXIST : result;
    if (stat(path, &about) < 0)
        return reason_errno("cannot look at the domain %s", path);
    struct segment_birth birth = {
        .layout = layout_of_domain(),
        .header_bytes = sizeof(struct domain_header),
        .mode = about.st_mode & 0666,
        .fill = fill_domain,
    };
    birth.domain = birth.id = (uint64_t)about.st_ino << 32 ^ (uint64_t)about.st_mtim.tv_nsec;
    return segment_create(file, &birth, out);
}

static int open_file(const char *path, unsigned flags, struct segment *segment)
{
    char file[4096];
    if (snprintf(file, sizeof file, "%s/%s", path, DOMAIN_FILE) >= (int)sizeof file)
        return reason(-ENAMETOOLONG, "the path of the domain is too long");
    for (unsigned tries = 0; tries < 3; tries++) {
        int result = segment_open(file, 0, 0, segment);
        if (result != -ENOENT)
            return result < 0 || !(flags & KIN_MUST_CREATE)
                       ? result
                       : (segment_close(segment), reason(-EEXIST, "the domain %s exists already", path));
        if (flags & KIN_MUST_EXIST)
            return reason(-ENOENT, "there is no domain at %s: make it by `kin mk domain %s`", path, path);
        result = make_domain(path, file, segment);
        if (result != -EEXIST)
            return result;
    }
    return reason(-ESTALE, "the domain %s is being deleted", path);
}

static int view(kin_domain *domain, const char *path)
{
    domain->shared = (struct domain_header *)domain->segment.header;
    if (domain->shared->base.kind != 0)
        return reason(-EMEDIUMTYPE, "%s/" DOMAIN_FILE " is an object, not the file of a domain", path);
    if (domain->shared->base.layout != layout_of_domain() || domain->segment.header_bytes < sizeof *domain->shared)
        return reason(-EPROTO,
                      "the domain %s was made by another version of kin: use that version, or another directory", path);
    int result = table_attach(&domain->lives, &domain->segment, &domain->shared->lives, LIFE_SHIFT);
    if (result == 0)
        result = table_attach(&domain->processes, &domain->segment, &domain->shared->processes, PROCESS_SHIFT);
    if (result == 0)
        result = table_attach(&domain->attachments, &domain->segment, &domain->shared->attachments, ATTACHMENT_SHIFT);
    if (result == 0 && (domain->lives.limit != LIVES_MAX || domain->lives.first != RECORDS_FIRST ||
                        domain->processes.limit != LIVES_MAX || domain->processes.first != RECORDS_FIRST ||
                        domain->attachments.limit != ATTACHMENTS_MAX || domain->attachments.first != ATTACHMENTS_FIRST))
        result = reason(-EBADMSG, "the domain %s is damaged: end its users and remove it", path);
    if (result < 0)
        return result;
    domain->own = file_wiped_page();
    domain->path = strdup(path);
    domain->byte_file = -1;
    return domain->own && domain->path ? 0 : reason(-ENOMEM, "no memory left in this process");
}

static bool is_witness(const kin_domain *domain, int fd)
{
    return file_is(fd, domain->witness_device, domain->witness_inode);
}

int domain_witness(kin_domain *domain)
{
    char file[4096];
    struct stat about, like;
    if (is_witness(domain, domain->byte_file))
        return domain->byte_file;
    snprintf(file, sizeof file, "%s/%s", domain->path, WITNESS_FILE);
    int fd = file_open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fstat(fd, &about) < 0) {
        file_close(fd);
        return domain->byte_file = -1;
    }
    /* Whoever may use the domain may use this. */
    if (about.st_uid == geteuid() && fstat(segment_fd(&domain->segment), &like) == 0 && like.st_mode != about.st_mode &&
        fchmod(fd, like.st_mode & 0666) < 0) {
        file_close(fd);
        return domain->byte_file = -1;
    }
    domain->witness_device = about.st_dev;
    domain->witness_inode = about.st_ino;
    domain->byte_file = fd;
    if (LOAD(*domain->own))
        file_lock_byte(fd, ID_INDEX(LOAD(*domain->own)));
    return fd;
}

static void discard(kin_domain *domain)
{
    segment_close(&domain->segment);
    file_unmap(domain->own, (uint64_t)sysconf(_SC_PAGESIZE));
    if (is_witness(domain, domain->byte_file))
        file_close(domain->byte_file);
    free(domain->path);
    free(domain);
}

static kin_domain *find_open(const struct segment *segment)
{
    for (kin_domain *domain = open_domains; domain; domain = domain->next)
        if (domain->segment.device == segment->device && domain->segment.inode == segment->inode)
            return domain;
    return NULL;
}

static int open_at(const char *path, unsigned flags, kin_domain **out)
{
    kin_domain *domain = calloc(1, sizeof *domain);
    if (!domain)
        return reason(-ENOMEM, "no memory left in this process");
    domain->byte_file = -1;
    domain->segment.fd = -1;
    int result = open_file(path, flags, &domain->segment);
    if (result < 0) {
        free(domain);
        return result;
    }
    kin_domain *known = find_open(&domain->segment);
    if (known) {
        discard(domain);
        known->references++;
        *out = known;
        return 0;
    }
    result = view(domain, path);
    if (result < 0) {
        discard(domain);
        return result;
    }
    domain->references = 1;
    domain->next = open_domains;
    open_domains = domain;
    *out = domain;
    return 0;
}

int kin_domain_open(const char *path, const struct kin_domain_options *options, kin_domain **out)
{
    char text[4000];
    bool own = false;
    unsigned flags = options ? options->flags : 0;
    unsigned mode = options && options->mode ? options->mode : 0700;
    int result = path ? 0 : default_path(text, sizeof text, &own);
    if (result < 0)
        return result;
    if (!path)
        path = text;
    if (*path != '/' || strlen(path) >= sizeof text)
        return reason(-EINVAL, "\"%s\" cannot be a domain: give the whole path, from /", path);
    if (!(flags & KIN_MUST_EXIST) && mkdir(path, mode & 01777) == 0) {
        if (chmod(path, mode & 01777) < 0)
            return reason_errno("cannot set the permissions of %s", path);
    } else if (!(flags & KIN_MUST_EXIST) && errno != EEXIST) {
        return reason_errno("cannot make the domain %s", path);
    } else if (access(path, F_OK) < 0) {
        return reason(-ENOENT, "there is no domain at %s: make it by `kin mk domain %s`", path, path);
    }
    result = check_directory(path, own);
    if (result < 0)
        return result;
    lock_list();
    result = open_at(path, flags, out);
    unlock_list();
    return result;
}

void domain_keep(kin_domain *domain)
{
    lock_list();
    domain->references++;
    unlock_list();
}

void domain_drop(kin_domain *domain)
{
    lock_list();
    if (--domain->references == 0) {
        kin_domain **place = &open_domains;
        while (*place != domain)
            place = &(*place)->next;
        *place = domain->next;
        discard(domain);
    }
    unlock_list();
}

void kin_domain_close(kin_domain *domain)
{
    if (domain)
        domain_drop(domain);
}

int domain_resolve(kin_domain *given, kin_domain **out)
{
    if (!given)
        return kin_domain_open(NULL, NULL, out);
    domain_keep(given);
    *out = given;
    return 0;
}

const char *kin_domain_path(const kin_domain *domain)
{
    return domain->path;
}

int domain_is_gone(kin_domain *domain)
{
    return segment_is_gone(&domain->segment);
}

int domain_lock_file(kin_domain *domain)
{
    char file[4096];
    snprintf(file, sizeof file, "%s/%s", domain->path, DOMAIN_FILE);
    /* Where the application closed the domain's own descriptor, ours could pass for it: a mapping made by it would keep
     * the lock for ever. */
    segment_fd(&domain->segment);
    int fd = file_open(file, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
    if (!file_is(fd, domain->segment.device, domain->segment.inode)) {
        bool missing = fd >= 0 || errno == ENOENT;
        int result = missing ? reason(-ESTALE, "the domain %s was deleted underneath", domain->path)
                             : reason_errno("cannot open %s", file);
        file_close(fd);
        return result;
    }
    int result = file_lock_description(fd);
    if (result < 0) {
        file_close(fd);
        return reason(result, "cannot lock %s", file);
    }
    return fd;
}

void domain_unlock_file(int fd)
{
    int error = errno;
    if (fd >= 0)
        file_unlock_description(fd);
    file_close(fd);
    errno = error;
}

uint64_t domain_new_id(kin_domain *domain)
{
    return FETCH_ADD(domain->shared->next_object, 1);
}
