/* The six headings are in segment/segment.h. */
#include "segment/segment.h"
#include "segment/table.h"
#include "sys/atomic.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/reason.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u
#define NAMELESS "memory without a name" /* where a path is wanted; nothing can be opened by it */

uint32_t segment_layout(const uint32_t *numbers, unsigned count)
{
    uint32_t hash = 2166136261u; /* FNV-1a over the numbers */
    for (unsigned i = 0; i < count; i++)
        for (unsigned shift = 0; shift < 32; shift += 8)
            hash = (hash ^ (numbers[i] >> shift & 0xff)) * 16777619u;
    return hash;
}

static int know(struct segment *segment, const char *path, const struct stat *about)
{
    segment->device = about->st_dev;
    segment->inode = about->st_ino;
    segment->path = strdup(path);
    return segment->path ? 0 : reason(-ENOMEM, "no memory left in this process");
}

static int take_identity(struct segment *segment, const char *path)
{
    struct stat about;
    return fstat(segment->fd, &about) < 0 ? reason_errno("cannot look at %s", path) : know(segment, path, &about);
}

static int link_into_place(int fd, const char *path)
{
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    if (errno == EEXIST)
        return reason(-EEXIST, "%s exists already", path);
    return reason_errno("cannot give the new object its name %s", path);
}

static int build(const char *path, const struct segment_birth *birth, struct segment *segment)
{
    uint64_t bytes = (birth->header_bytes + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    int result = file_reserve(segment->fd, 0, bytes);
    if (result < 0)
        return reason(result,
                      "no room for %s (%llu bytes): enlarge the tmpfs it is on or remove what is not needed (kin ls)",
                      path, (unsigned long long)bytes);
    segment->header = file_map(segment->fd, 0, bytes);
    if (!segment->header)
        return reason_errno("cannot map %s", path);
    segment->header_bytes = (uint32_t)bytes;
    segment->mapped = bytes;
    *segment->header = (struct segment_header){
        .magic = SEGMENT_MAGIC,
        .version = SEGMENT_VERSION,
        .layout = birth->layout,
        .id = birth->id,
        .domain = birth->domain,
        .created = clock_realtime(),
        .kind = birth->kind,
        .header_bytes = (uint32_t)bytes,
    };
    result = birth->fill ? birth->fill(birth->context, segment) : 0;
    if (result < 0)
        return result;
    if (fchmod(segment->fd, birth->mode & 01777) < 0)
        return reason_errno("cannot set the permissions of %s", path);
    if (!segment->nameless)
        return link_into_place(segment->fd, path);
    return fcntl(segment->fd, F_ADD_SEALS, birth->seals) < 0 ? reason_errno("cannot seal %s", path) : 0;
}

/* In the directory that it will have its name in; without a path, nowhere. */
static int make_file(const char *path)
{
    char directory[4096];
    if (!path) {
        int fd = memfd_create("kin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        return fd < 0 ? reason_errno("cannot make memory without a name") : fd;
    }
    const char *slash = strrchr(path, '/');
    if (!slash || (size_t)(slash - path) >= sizeof directory)
        return reason(-ENAMETOOLONG, "%s is too long for a path", path);
    memcpy(directory, path, (size_t)(slash - path));
    directory[slash - path] = 0;
    int fd = file_open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd < 0 ? reason_errno("cannot make a file in %s", directory) : fd;
}

int segment_create(const char *path, const struct segment_birth *birth, struct segment *out)
{
    struct segment segment = {.fd = make_file(path), .nameless = !path};
    if (segment.fd < 0)
        return segment.fd;
    if (!path)
        path = NAMELESS;
    int result = take_identity(&segment, path);
    if (result == 0)
        result = build(path, birth, &segment);
    if (result < 0) {
        segment_close(&segment);
        return result;
    }
    *out = segment;
    return 0;
}

static int check_header(const char *path, uint32_t kind, uint32_t layout, const struct segment_header *header,
                        uint64_t file_bytes)
{
    if (header->magic != SEGMENT_MAGIC)
        return reason(-EMEDIUMTYPE, "%s is not an object of kin", path);
    if (kind && header->kind != kind)
        return reason(-EINVAL, "%s is a %s, not a %s", path,
                      kin_kind_name(header->kind) ? kin_kind_name(header->kind) : "thing of unknown kind",
                      kin_kind_name(kind) ? kin_kind_name(kind) : "domain");
    if (header->version != SEGMENT_VERSION || (kind && header->layout != layout))
        return reason(-EPROTO,
                      "%s was made by another version of kin (its layout %u.%08x, ours %u.%08x): use that version, or "
                      "remove it and make it anew",
                      path, header->version, header->layout, SEGMENT_VERSION, layout);
    if (header->header_bytes < sizeof *header || header->header_bytes > SEGMENT_HEADER_MAX ||
        header->header_bytes % PAGE || header->header_bytes > file_bytes)
        return reason(-EBADMSG, "%s is damaged or cut off: remove it and make it anew", path);
    return 0;
}

static int map_file(struct segment *segment, uint64_t bytes)
{
    segment->mapped = bytes;
    segment->header = segment->read_only ? file_map_read_only(segment->fd, 0, bytes) : file_map(segment->fd, 0, bytes);
    return segment->header ? 0 : reason_errno("cannot map %s", segment->path);
}

static int look_at(struct segment *segment, const char *path, const struct segment_opening *opening)
{
    struct segment_header header;
    struct stat about;
    if (fstat(segment->fd, &about) < 0)
        return reason_errno("cannot look at %s", path);
    int result = know(segment, path, &about);
    if (result < 0)
        return result;
    if (!S_ISREG(about.st_mode))
        return reason(-EMEDIUMTYPE, "%s is not an object of kin", path);
    if (about.st_size < (off_t)sizeof header)
        return reason(-EMEDIUMTYPE, "%s is not an object of kin, or was cut off", path);
    if (opening->whole)
        result = map_file(segment, (uint64_t)about.st_size);
    else if (file_read(segment->fd, &header, sizeof header) != sizeof header)
        result = reason_errno("cannot read %s", path);
    if (result < 0)
        return result;
    if (opening->whole)
        header = *segment->header;
    result = check_header(path, opening->kind, opening->layout, &header, (uint64_t)about.st_size);
    segment->header_bytes = header.header_bytes;
    return result < 0 || opening->whole ? result : map_file(segment, header.header_bytes);
}

static int look_or_close(struct segment *segment, const char *path, const struct segment_opening *opening,
                         struct segment *out)
{
    int result = look_at(segment, path, opening);
    if (result < 0) {
        segment_close(segment);
        return result;
    }
    *out = *segment;
    return 0;
}

int segment_open_as(const char *path, const struct segment_opening *opening, struct segment *out)
{
    struct segment segment = {.fd = file_open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0)};
    if (segment.fd < 0 && errno == EACCES && opening->may_only_read) {
        segment.fd = file_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
        segment.read_only = true;
    }
    if (segment.fd < 0)
        return errno == ENOENT ? reason(-ENOENT, "there is no %s", path) : reason_errno("cannot open %s", path);
    return look_or_close(&segment, path, opening, out);
}

int segment_open_fd(int fd, const struct segment_opening *opening, struct segment *out)
{
    struct stat about;
    int mode = fcntl(fd, F_GETFL), seals = fcntl(fd, F_GET_SEALS);
    if (mode < 0 || fstat(fd, &about) < 0)
        return reason_errno("descriptor %d", fd);
    struct segment segment = {.fd = -1, .nameless = about.st_nlink == 0};
    /* What can be made shorter can vanish under the reader: SIGBUS. Who may write a domain's files is trusted. */
    if (segment.nameless && (seals < 0 || !(seals & F_SEAL_SHRINK)))
        return reason(-EPERM, "descriptor %d is memory that others can make shorter: have it sealed by F_SEAL_SHRINK",
                      fd);
    segment.read_only =
        (mode & O_ACCMODE) == O_RDONLY || (segment.nameless && seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE));
    if (segment.read_only && !opening->may_only_read)
        return reason(-EACCES, "descriptor %d can only be read: attach with KIN_SEGMENT_READ_ONLY", fd);
    segment.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (segment.fd < 0)
        return reason_errno("cannot keep descriptor %d", fd);
    return look_or_close(&segment, NAMELESS, opening, out);
}

void segment_close(struct segment *segment)
{
    for (unsigned i = 0; i < segment->table_count; i++)
        table_unmap(segment->tables[i]);
    segment->table_count = 0;
    file_unmap(segment->header, segment->mapped);
    segment->header = NULL;
    if (segment->fd >= 0 && segment_fd(segment) == segment->fd)
        file_close(segment->fd);
    segment->fd = -1;
    free(segment->path);
    segment->path = NULL;
}

static bool is_ours(const struct segment *segment, int fd)
{
    return file_is(fd, segment->device, segment->inode);
}

int segment_fd(struct segment *segment)
{
    if (is_ours(segment, segment->fd))
        return segment->fd;
    int fd = segment->path ? file_open(segment->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0) : -1;
    if (is_ours(segment, fd)) {
        segment->fd = fd;
        return fd;
    }
    file_close(fd);
    segment->fd = -1;
    return reason(-ESTALE, "%s was removed, and this process closed its descriptor",
                  segment->path ? segment->path : "?");
}

int segment_is_gone(struct segment *segment)
{
    struct stat about;
    if (LOAD(segment->header->removed))
        return 1;
    if (segment->nameless)
        return 0;
    if (is_ours(segment, segment->fd))
        return fstat(segment->fd, &about) == 0 && about.st_nlink == 0;
    return stat(segment->path, &about) < 0 || about.st_ino != segment->inode;
}
