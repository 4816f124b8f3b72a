/* Two processes change records of one file. A record is locked while it is changed; the rest of the file is free, a
 * library that opens and closes the same file drops nothing, and it can be told who is in the way. */
#include <kin/filelock.h>
#include <kin/process.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define RECORD 16
#define RANGE(number) KIN_FILELOCK(.offset = RECORD * (number), .length = RECORD)

static int lock_record(const char *path, int number)
{
    int file;
    if (kin_filelock_open(path, NULL, &file) < 0 || kin_filelock_acquire(file, RANGE(number), KIN_FOREVER) < 0)
        errx(1, "%s", kin_reason());
    return file;
}

/* The child: holds record 1 until its standard input ends. */
static int hold(void *path)
{
    char byte;
    lock_record(path, 1);
    close(open(path, O_RDONLY)); /* with fcntl(F_SETLK) this would have dropped the lock */
    puts("child: record 1 is mine");
    fflush(stdout);
    return read(0, &byte, 1) != 0;
}

static int show(void *child, const struct kin_filelock_holder *holder)
{
    printf("parent: bytes %d to %d are held by %s, which is %s\n", (int)holder->offset,
           (int)(holder->offset + holder->length - 1), holder->pid == kin_process_pid(child) ? "the child" : "another",
           holder->alive == 1 ? "alive" : "not known to live");
    return 0;
}

int main(int argc, char **argv)
{
    char line[64];
    int input[2], output[2];
    if (argc != 2 || pipe2(input, O_CLOEXEC) < 0 || pipe2(output, O_CLOEXEC) < 0)
        errx(2, "usage: 14-filelock FILE");
    kin_process *child;
    const struct kin_fd_map fds[] = {{.to = 0, .from = input[0]}, {.to = 1, .from = output[1]}};
    if (kin_process_fork(hold, argv[1], KIN_SPAWN(.fds = fds, .fd_count = 2), &child) < 0)
        errx(1, "%s", kin_reason());
    ssize_t length = read(output[0], line, sizeof line);
    printf("%.*s", (int)length, line);

    int file = lock_record(argv[1], 0); /* another record: no waiting */
    printf("parent: record 0 is mine\n");
    if (kin_filelock_acquire(file, RANGE(1), kin_after(1000000)) < 0)
        printf("parent: record 1 is not to be had within a millisecond\n");
    kin_filelock_each_holder(file, RANGE(1), show, child);

    kin_process_signal(child, SIGKILL);
    if (kin_filelock_acquire(file, RANGE(1), KIN_FOREVER) < 0)
        errx(1, "%s", kin_reason());
    printf("parent: the child was killed, record 1 is mine\n");
    kin_process_wait(child, 0, KIN_FOREVER, NULL);
    kin_process_close(child);
    close(file);
    return 0;
}
