/* Names and their objects. The six headings are in life/domain.h. */
#include "life/object.h"
#include "sys/atomic.h"
#include "sys/file.h"
#include "sys/reason.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int object_check_name(const char *name)
{
    if (!name || !*name)
        return reason(-EINVAL, "a name is empty: give 1 to %d bytes", KIN_NAME_MAX);
    if (strchr(name, '/'))
        return reason(-EINVAL, "\"%.64s\" cannot be a name: it has a '/'; a directory is given by KIN_DOMAIN", name);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return reason(-EINVAL, "\"%s\" cannot be a name: it means a directory", name);
    if (strlen(name) > KIN_NAME_MAX)
        return reason(-ENAMETOOLONG, "the name that begins with \"%.32s\" has %zu bytes, %d are possible", name,
                      strlen(name), KIN_NAME_MAX);
    return 0;
}

int object_path(const kin_domain *domain, const char *name, char *path, size_t size)
{
    int result = object_check_name(name);
    if (result < 0)
        return result;
    if (snprintf(path, size, "%s/%s" OBJECT_SUFFIX, domain->path, name) >= (int)size)
        return reason(-ENAMETOOLONG, "the path of %.32s is too long", name);
    return 0;
}

static int make(kin_domain *domain, const char *path, const struct object_birth *birth, struct segment *segment)
{
    if (domain_is_gone(domain))
        return reason(-ESTALE, "the domain %s was deleted underneath", domain->path);
    struct segment_birth file = {
        .kind = birth->kind,
        .layout = birth->layout,
        .header_bytes = birth->header_bytes,
        .mode = birth->mode ? birth->mode : 0600,
        .seals = birth->seals,
        .id = domain_new_id(domain),
        .domain = domain->shared->base.id,
        .fill = birth->fill,
        .context = birth->context,
    };
    return segment_create(path, &file, segment);
}

static struct segment_opening opening_of(const struct object_birth *birth)
{
    return (struct segment_opening){birth->kind, birth->layout, birth->whole, birth->may_only_read};
}

static int open_or_make(kin_domain *domain, const char *name, const char *path, const struct object_birth *birth,
                        struct segment *segment)
{
    struct segment_opening opening = opening_of(birth);
    for (unsigned tries = 0; tries < 8; tries++) {
        int result = -ENOENT;
        if (!(birth->flags & KIN_MUST_CREATE))
            result = segment_open_as(path, &opening, segment);
        if (result != -ENOENT)
            return result;
        if (birth->flags & KIN_MUST_EXIST)
            return domain_is_gone(domain) ? reason(-ESTALE, "the domain %s was deleted underneath", domain->path)
                                          : reason(-ENOENT, "there is no %s named %s in %s", kin_kind_name(birth->kind),
                                                   name, domain->path);
        result = make(domain, path, birth, segment);
        if (result != -EEXIST || birth->flags & KIN_MUST_CREATE)
            return result;
    }
    return reason(-EAGAIN, "%s is being made and removed all the time", path);
}

/* The last step of each way to an object: the handle keeps the domain, or everything is let go. */
static int finish(kin_domain *domain, int result, struct object *object, struct object *out)
{
    if (result == 0 && object->segment.header->domain != domain->shared->base.id) {
        result = reason(-EPROTO, "%s was made in another domain than %s: it cannot be used here", object->segment.path,
                        domain->path);
        segment_close(&object->segment);
    }
    if (result < 0) {
        domain_drop(domain);
        return result;
    }
    object->domain = domain;
    object->id = object->segment.header->id;
    *out = *object;
    return 0;
}

int object_open(kin_domain *given, const char *name, const struct object_birth *birth, struct object *out)
{
    char path[4096];
    kin_domain *domain;
    struct object object = {.segment.fd = -1};
    int result = object_check_name(name);
    if (result == 0)
        result = domain_resolve(given, &domain);
    if (result < 0)
        return result;
    result = object_path(domain, name, path, sizeof path);
    if (result == 0)
        result = open_or_make(domain, name, path, birth, &object.segment);
    return finish(domain, result, &object, out);
}

int object_make_nameless(kin_domain *given, const struct object_birth *birth, struct object *out)
{
    kin_domain *domain;
    struct object object = {.segment.fd = -1};
    int result = domain_resolve(given, &domain);
    return result < 0 ? result : finish(domain, make(domain, NULL, birth, &object.segment), &object, out);
}

int object_open_fd(kin_domain *given, int fd, const struct object_birth *birth, struct object *out)
{
    kin_domain *domain;
    struct object object = {.segment.fd = -1};
    struct segment_opening opening = opening_of(birth);
    int result = domain_resolve(given, &domain);
    return result < 0 ? result : finish(domain, segment_open_fd(fd, &opening, &object.segment), &object, out);
}

void object_close(struct object *object)
{
    segment_close(&object->segment);
    domain_drop(object->domain);
}

int object_removed(struct object *object, bool thorough)
{
    if (LOAD(object->segment.header->removed) || (thorough && segment_is_gone(&object->segment)))
        return reason(-EIDRM, "%s was removed", object->segment.path);
    if (thorough && domain_is_gone(object->domain))
        return reason(-EIDRM, "the domain %s was deleted underneath", object->domain->path);
    return 0;
}

static bool name_of_entry(const char *entry, char name[KIN_NAME_MAX + 1])
{
    size_t length = strlen(entry), suffix = strlen(OBJECT_SUFFIX);
    if (length <= suffix || length - suffix > KIN_NAME_MAX || strcmp(entry + length - suffix, OBJECT_SUFFIX) != 0)
        return false;
    memcpy(name, entry, length - suffix);
    name[length - suffix] = 0;
    return true;
}

int object_each(kin_domain *domain, int (*visit)(void *context, const char *name, const struct segment_header *header),
                void *context)
{
    DIR *list = opendir(domain->path);
    if (!list)
        return reason_errno("cannot read the domain %s", domain->path);
    int result = 0;
    struct dirent *entry;
    while (result == 0 && (entry = readdir(list))) {
        char name[KIN_NAME_MAX + 1];
        struct segment_header header = {0};
        if (!name_of_entry(entry->d_name, name))
            continue;
        int fd = file_open_at(dirfd(list), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 && errno == ENOENT)
            continue;
        if (fd < 0)
            header.kind = OBJECT_UNREADABLE;
        else if (file_read(fd, &header, sizeof header) != (ssize_t)sizeof header || header.magic != SEGMENT_MAGIC)
            header = (struct segment_header){0};
        file_close(fd);
        result = visit(context, name, &header);
    }
    closedir(list);
    return result;
}
