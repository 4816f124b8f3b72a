#include "sys/fifo.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "sys/ready.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

/* The umask is the whole process's, so it is not changed. Nobody knows this name yet. */
int fifo_make(const char *path, unsigned mode)
{
    if (mkfifo(path, mode & 0700) < 0)
        return -errno;
    if (fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    int error = errno;
    unlink(path);
    return -error;
}

int fifo_rename(const char *from, const char *to)
{
    if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    int error = errno;
    if (error == EINVAL || error == ENOSYS) /* a file system without that flag */
        error = link(from, to) < 0 ? errno : 0;
    unlink(from);
    return -error;
}

/* poll() tells data, and a writer that has come and gone; of one who writes nothing it says nothing. With no writer
 * the FIFO is at its end, with a silent one it would be waited for: tee() tells the two apart and takes nothing out. */
int fifo_has_writer(int reader)
{
    int scratch[2];
    if (ready_one(reader, POLLIN, KIN_NOW) == 0)
        return 1;
    int result = pipe_make(scratch);
    if (result < 0)
        return result;
    ssize_t copied = pipe_tee(reader, scratch[1], 1);
    file_close(scratch[0]);
    file_close(scratch[1]);
    return copied == -EAGAIN || copied > 0;
}

int fifo_watch(const char *path)
{
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch >= 0 && inotify_add_watch(watch, path, IN_OPEN) < 0) {
        file_close(watch);
        watch = -1;
    }
    return watch;
}

void fifo_watch_clear(int watch)
{
    char events[4096];
    while (watch >= 0 && file_read(watch, events, sizeof events) > 0)
        ;
}
