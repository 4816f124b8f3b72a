/* The Apache Portable Runtime's process mutex, by robust pthread mutex: its owner is killed. */
#include "scene.h"
#include <apr_general.h>
#include <apr_proc_mutex.h>

static apr_proc_mutex_t *mutex;

static int hold(void)
{
    apr_proc_mutex_lock(mutex);
    report();
    pause();
    return 0;
}

static int lock(void)
{
    return apr_proc_mutex_lock(mutex);
}

int main(void)
{
    apr_pool_t *pool;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (apr_proc_mutex_create(&mutex, NULL, APR_LOCK_PROC_PTHREAD, pool) != APR_SUCCESS)
        return 2;

    pid_t owner = start(hold);
    heard();
    end(owner);
    int result = outcome(start(lock));
    apr_proc_mutex_destroy(mutex);
    apr_terminate();
    if (result < 0)
        return tell(HANGS, "the next lock never returns");
    return result == APR_SUCCESS ? tell(SILENT, "the next lock returns success, though the data may be half changed")
                                 : tell(TELLS, "the next lock returns %d", result);
}
