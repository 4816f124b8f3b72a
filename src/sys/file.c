#include "sys/file.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_fcntl64
#define SYS_fcntl64 SYS_fcntl
#endif
/* What libc's open adds in a 32-bit program. */
#ifdef __i386__
#define LARGE_FILE 0100000
#else
#define LARGE_FILE 0
#endif

int file_open(const char *path, int flags, unsigned mode)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | LARGE_FILE, mode);
}

int file_open_at(int directory, const char *path, int flags)
{
    return (int)syscall(SYS_openat, directory, path, flags | LARGE_FILE, 0);
}

ssize_t file_read(int fd, void *buffer, size_t size)
{
    return (ssize_t)syscall(SYS_read, fd, buffer, size);
}

ssize_t file_write(int fd, const void *data, size_t size)
{
    return (ssize_t)syscall(SYS_write, fd, data, size);
}

bool file_is(int fd, dev_t device, ino_t inode)
{
    struct stat about;
    return fd >= 0 && fstat(fd, &about) == 0 && about.st_dev == device && about.st_ino == inode;
}

int file_reserve(int fd, uint64_t offset, uint64_t length)
{
    int error;
    do
        error = posix_fallocate(fd, (off_t)offset, (off_t)length);
    while (error == EINTR);
    return -error;
}

int file_lengthen(int fd, uint64_t length)
{
    struct stat about;
    /* One byte at the end: unlike ftruncate it cannot make shorter what somebody else lengthened. */
    if (fstat(fd, &about) < 0)
        return -errno;
    if ((uint64_t)about.st_size >= length)
        return 0;
    return file_reserve(fd, length - 1, 1);
}

static void *map(int fd, uint64_t offset, uint64_t length, int protection)
{
    if (length > SIZE_MAX / 2) {
        errno = ENOMEM;
        return NULL;
    }
    void *memory = mmap(NULL, (size_t)length, protection, MAP_SHARED, fd, (off_t)offset);
    return memory == MAP_FAILED ? NULL : memory;
}

void *file_map(int fd, uint64_t offset, uint64_t length)
{
    return map(fd, offset, length, PROT_READ | PROT_WRITE);
}

void *file_map_read_only(int fd, uint64_t offset, uint64_t length)
{
    return map(fd, offset, length, PROT_READ);
}

void file_unmap(void *memory, uint64_t length)
{
    if (memory)
        munmap(memory, (size_t)length);
}

void *file_wiped_page(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    if (madvise(memory, page, MADV_WIPEONFORK) == 0)
        return memory;
    munmap(memory, page);
    return NULL;
}

static int set_lock(int fd, int command, short type, uint64_t byte)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};
    while (syscall(SYS_fcntl64, fd, command, &lock) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

int file_lock_description(int fd)
{
    return set_lock(fd, F_OFD_SETLKW, F_WRLCK, 0);
}

void file_unlock_description(int fd)
{
    set_lock(fd, F_OFD_SETLK, F_UNLCK, 0);
}

int file_lock_byte(int fd, uint64_t byte)
{
    return set_lock(fd, F_SETLK, F_WRLCK, byte);
}

int file_byte_locked(int fd, uint64_t byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};
    if (syscall(SYS_fcntl64, fd, F_GETLK, &lock) < 0)
        return -errno;
    return lock.l_type != F_UNLCK;
}

void file_close(int fd)
{
    int error = errno;
    if (fd >= 0)
        syscall(SYS_close, fd);
    errno = error;
}
