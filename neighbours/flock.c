/* flock on a file: who has the lock is killed. */
#include "scene.h"
#include <sys/file.h>

static char path[] = "/tmp/neighbour-XXXXXX";

static int lock(void)
{
    int file = open(path, O_RDWR | O_CLOEXEC);
    return file < 0 || flock(file, LOCK_EX) < 0;
}

static int hold(void)
{
    lock();
    report();
    pause();
    return 0;
}

int main(void)
{
    int file = mkstemp(path);
    if (file < 0)
        return 2;

    pid_t holder = start(hold);
    heard();
    end(holder);
    int result = outcome(start(lock));
    unlink(path);
    return result < 0 ? tell(HANGS, "the next flock never returns")
                      : tell(SILENT, "the kernel gives the lock back, the next flock gets it");
}
