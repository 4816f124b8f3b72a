/* APR: its process mutex over a robust pthread mutex, the best that it has, and its way to start a command. */
#include "common/contestant.h"
#include "common/require.h"
#include "common/resident.h"
#include <apr_general.h>
#include <apr_proc_mutex.h>
#include <apr_thread_proc.h>

static apr_pool_t *pool;

static void begin(void)
{
    if (pool)
        return;
    require(apr_initialize() == APR_SUCCESS);
    require(apr_pool_create(&pool, NULL) == APR_SUCCESS);
}

static void *create(void)
{
    apr_proc_mutex_t *mutex;
    begin();
    require(apr_proc_mutex_create(&mutex, NULL, APR_LOCK_PROC_PTHREAD, pool) == APR_SUCCESS);
    return mutex;
}

static void acquire(void *self)
{
    require(apr_proc_mutex_lock(self) == APR_SUCCESS);
}

static void release(void *self)
{
    apr_proc_mutex_unlock(self);
}

static void destroy(void *self)
{
    apr_proc_mutex_destroy(self);
}

static void spawn(void)
{
    const char *arguments[] = {RESIDENT_COMMAND, NULL};
    apr_pool_t *own;
    apr_procattr_t *attributes;
    apr_proc_t process;
    apr_exit_why_e why;
    int status;
    begin();
    require(apr_pool_create(&own, pool) == APR_SUCCESS);
    require(apr_procattr_create(&attributes, own) == APR_SUCCESS);
    apr_procattr_cmdtype_set(attributes, APR_PROGRAM);
    require(apr_proc_create(&process, RESIDENT_COMMAND, arguments, NULL, attributes, own) == APR_SUCCESS);
    apr_proc_wait(&process, &status, &why, APR_WAIT);
    require(status == 0 && why == APR_PROC_EXIT);
    apr_pool_destroy(own);
}

int main(int argc, char **argv)
{
    static const struct locker locker = {
        .create = create, .acquire = acquire, .release = release, .destroy = destroy};
    static const struct contestant contestants[] = {{.name = "mutex", .locker = &locker},
                                                    {.name = "spawn", .spawn = spawn}};
    return contestant_main(argc, argv, contestants, sizeof contestants / sizeof *contestants);
}
