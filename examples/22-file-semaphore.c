/* A number in a file, counted up by several processes, one at a time by a semaphore. Beside it the classic way, a lock
 * on the file itself. Either is given on when its holder is killed; the semaphore can let in more than one.
 *
 *     22-file-semaphore FILE TIMES [lock] */
#include <kin/semaphore.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void must(int result)
{
    if (result < 0)
        errx(1, "%s", kin_reason());
}

static void count_up(int file)
{
    char text[32] = "";
    if (pread(file, text, sizeof text - 1, 0) < 0)
        err(1, "read");
    int length = snprintf(text, sizeof text, "%ld\n", strtol(text, NULL, 10) + 1);
    if (pwrite(file, text, (size_t)length, 0) != length)
        err(1, "write");
}

static void lock_file(int file, short type)
{
    struct flock all = {.l_type = type, .l_whence = SEEK_SET};
    if (fcntl(file, F_OFD_SETLKW, &all) < 0)
        err(1, "lock");
}

int main(int argc, char **argv)
{
    kin_segment *home;
    kin_semaphore *guard;
    int file = argc > 2 ? open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (file < 0)
        errx(2, "usage: 22-file-semaphore FILE TIMES [lock]");
    must(kin_semaphore_open(NULL, "guard", KIN_SEMAPHORE(.value = 1), &home, &guard));
    for (long i = strtol(argv[2], NULL, 10); i > 0; i--) {
        if (argc > 3)
            lock_file(file, F_WRLCK);
        else
            must(kin_semaphore_acquire(home, guard, KIN_FOREVER));
        count_up(file);
        if (argc > 3)
            lock_file(file, F_UNLCK);
        else
            must(kin_semaphore_release(home, guard));
    }
    kin_segment_close(home);
    return 0;
}
