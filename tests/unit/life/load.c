/* libkin loaded and unloaded while lives exist. */
#include "support.h"
#include <dlfcn.h>
#include <kin/kin.h>
#include <pthread.h>
#include <stdlib.h>

/* LIBKIN is the path of libkin.so. */

static pthread_barrier_t used, closed;
static kin_queue *queue; /* never closed: the library is gone by then */

static void *use_and_wait(void *library)
{
    __typeof__(kin_queue_open) *open_queue = (__typeof__(kin_queue_open) *)dlsym(library, "kin_queue_open");
    __typeof__(kin_queue_send) *send = (__typeof__(kin_queue_send) *)dlsym(library, "kin_queue_send");
    check(open_queue && send);
    check_is(open_queue(NULL, "q", NULL, &queue), 0);
    check_is(send(queue, "x", 1, NULL, KIN_NOW), 0);
    pthread_barrier_wait(&used);
    pthread_barrier_wait(&closed);
    return NULL; /* its life is left by code of the library */
}

static int load_use_unload(void *context)
{
    (void)context;
    void *library = dlopen(LIBKIN, RTLD_NOW | RTLD_LOCAL);
    pthread_t thread;
    if (!library)
        test_failed(__FILE__, __LINE__, "%s", dlerror());
    pthread_barrier_init(&used, NULL, 2);
    pthread_barrier_init(&closed, NULL, 2);
    check_is(pthread_create(&thread, NULL, use_and_wait, library), 0);
    pthread_barrier_wait(&used);
    check_is(dlclose(library), 0);
    pthread_barrier_wait(&closed);
    check_is(pthread_join(thread, NULL), 0);
    exit(0);
}

static void it_may_be_closed_while_lives_exist(void **state)
{
    (void)state;
    check_is(test_end(test_child(load_use_unload, NULL)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(it_may_be_closed_while_lives_exist)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
