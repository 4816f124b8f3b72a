/* Boost's interprocess_mutex: its owner is killed. */
#include "scene.h"
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <new>

using boost::interprocess::interprocess_mutex;

static interprocess_mutex *mutex;

static int hold()
{
    mutex->lock();
    report();
    pause();
    return 0;
}

static int lock()
{
    mutex->lock();
    return 0;
}

int main()
{
    mutex = new (share(sizeof *mutex)) interprocess_mutex;
    pid_t owner = start(hold);
    heard();
    end(owner);
    return outcome(start(lock)) < 0 ? tell(HANGS, "the next lock never returns")
                                    : tell(SILENT, "the next lock succeeds");
}
