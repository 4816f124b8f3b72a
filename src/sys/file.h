/* Files that are memory: reserving, mapping, locking. */
#ifndef SYS_FILE_H
#define SYS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* open, read, write and close that are no cancellation points: a thread that is cancelled must not unwind out of kin
 * with a lock in its hand. Failures as of the calls of that name: -1 and errno. */
int file_open(const char *path, int flags, unsigned mode);
int file_open_at(int directory, const char *path, int flags);
ssize_t file_read(int fd, void *buffer, size_t size);
ssize_t file_write(int fd, const void *data, size_t size);

/* Whether the descriptor is open on that very file: the application may have closed it, and the number be another's. */
bool file_is(int fd, dev_t device, ino_t inode);

/* Reserves [offset, offset + length) of the file, zeroed where it is new; a full tmpfs is -ENOSPC here. */
int file_reserve(int fd, uint64_t offset, uint64_t length);

/* Makes the file at least so long, without reserving anything. */
int file_lengthen(int fd, uint64_t length);

/* Maps that part, shared and writable. NULL: errno says why. */
void *file_map(int fd, uint64_t offset, uint64_t length);
void *file_map_read_only(int fd, uint64_t offset, uint64_t length);
void file_unmap(void *memory, uint64_t length);

/* One page of zeros that is zeroed again in every child of fork, whoever made the child. */
void *file_wiped_page(void);

/* An exclusive lock on the first byte, of the open file description (OFD). Waits. Closing it lets go only when no fork
 * of this process has a copy: so it is unlocked first. */
int file_lock_description(int fd);
void file_unlock_description(int fd);

/* A lock of the process on one byte (POSIX): gone when the process ends or closes any descriptor of the file. */
int file_lock_byte(int fd, uint64_t byte);
/* Whether another process holds that byte: 1, 0 or a negative errno. */
int file_byte_locked(int fd, uint64_t byte);

/* Closes on every path without touching errno; -1 is fine. */
void file_close(int fd);

#endif
