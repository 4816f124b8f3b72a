/* Many starts: nothing is left, nothing of the parent's is touched. */
#include "program.h"
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int count_descriptors(void)
{
    int count = 0;
    DIR *list = opendir("/proc/self/fd");
    check(list != NULL);
    while (readdir(list))
        count++;
    closedir(list);
    return count;
}

static long count_mappings(void)
{
    long count = 0;
    FILE *file = fopen("/proc/self/maps", "r");
    check(file != NULL);
    for (int letter; (letter = getc(file)) != EOF;)
        count += letter == '\n';
    fclose(file);
    return count;
}

static int return_zero(void *context)
{
    (void)context;
    return 0;
}

/* One that works, one that fails, one that is forked. */
static void start_three(void)
{
    kin_process *process;
    char *const missing[] = {"/no/such/program", NULL};
    struct kin_exit how;
    process = child_that_exits(3);
    check_is(kin_process_wait(process, 0, KIN_FOREVER, &how), 0);
    check_is(how.status, 3);
    kin_process_close(process);
    check_is(kin_process_spawn(missing, NULL, &process), -ENOENT);
    check_is(kin_process_fork(return_zero, NULL, NULL, &process), 0);
    check_is(kin_process_wait(process, 0, KIN_FOREVER, NULL), 0);
    kin_process_close(process);
}

static void a_thousand_starts_leave_nothing(void **state)
{
    (void)state;
    start_three();
    int descriptors = count_descriptors();
    long mappings = count_mappings();
    for (int i = 0; i < 334; i++)
        start_three();
    check_is(count_descriptors(), descriptors);
    check_is(count_mappings(), mappings);
    check_is(waitpid(-1, NULL, WNOHANG), -1);
    check_is(errno, ECHILD);
}

static void *start_and_wait(void *context)
{
    int number = *(int *)context;
    for (int i = 0; i < 20; i++) {
        struct kin_exit how;
        kin_process *process = child_that_exits(number);
        check_is(kin_process_wait(process, 0, KIN_FOREVER, &how), 0);
        check_is(how.status, number);
        kin_process_close(process);
    }
    return NULL;
}

static void threads_can_start_at_once(void **state)
{
    (void)state;
    enum { THREADS = 16 };
    pthread_t threads[THREADS];
    int numbers[THREADS], descriptors = count_descriptors();
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i + 1;
        check_is(pthread_create(&threads[i], NULL, start_and_wait, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        check_is(pthread_join(threads[i], NULL), 0);
    check_is(count_descriptors(), descriptors);
    check_is(waitpid(-1, NULL, WNOHANG), -1);
}

/* Each thread maps a pipe of its own; who got another's end would keep that pipe from ending. */
static void *read_own_pipe(void *context)
{
    int number = *(int *)context;
    for (int i = 0; i < 20; i++) {
        int ends[2];
        char script[32], text[32] = "", wanted[32];
        kin_process *process, *sleeper;
        check_is(pipe(ends), 0); /* inheritable, on purpose */
        struct kin_fd_map map[] = {{1, ends[1]}};
        snprintf(script, sizeof script, "echo %d", number);
        snprintf(wanted, sizeof wanted, "%d\n", number);
        check_is(kin_process_spawn(SHELL(script), KIN_SPAWN(.fds = map, .fd_count = 1), &process), 0);
        sleeper = child_that_hangs();
        close(ends[1]);
        check_is(read(ends[0], text, sizeof text - 1), strlen(wanted));
        check_text(text, wanted);
        check_is(read(ends[0], text, sizeof text - 1), 0);
        close(ends[0]);
        check_is(kin_process_wait(process, 0, KIN_FOREVER, NULL), 0);
        kin_process_close(process);
        end_child(sleeper);
    }
    return NULL;
}

static void no_childs_descriptors_reach_another(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        check_is(pthread_create(&threads[i], NULL, read_own_pipe, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        check_is(pthread_join(threads[i], NULL), 0);
}

static void *search_far(void *context)
{
    static char path[4000];
    (void)context;
    for (size_t i = 0; i < sizeof path - 20; i++)
        path[i] = i % 2 ? '/' : 'x';
    strcpy(path + sizeof path - 20, ":/bin:/usr/bin");
    char *before = strdup(getenv("PATH"));
    setenv("PATH", path, 1);
    end_child(child_that_hangs());
    setenv("PATH", before, 1);
    free(before);
    return NULL;
}

/* As small as musl's threads have them. */
static void a_small_stack_is_enough(void **state)
{
    (void)state;
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    check_is(pthread_attr_setstacksize(&attributes, 128 * 1024), 0);
    check_is(pthread_create(&thread, &attributes, search_far, NULL), 0);
    check_is(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
}

/* The thread's storage, with errno in it. What kin_reason() keeps there is written only by a failure. */
static _Thread_local unsigned char storage[4096];

static void the_parents_thread_storage_is_untouched(void **state)
{
    (void)state;
    kin_process *process;
    char *const missing[] = {"/no/such/program", NULL};
    int cancel;
    memset(storage, 0x5a, sizeof storage);
    pthread_t before = pthread_self();
    check_is(kin_process_spawn(missing, NULL, &process), -ENOENT);
    char *reason = strdup(kin_reason());
    errno = 12345;
    check_is(kin_process_spawn(SHELL("exit 0"), KIN_SPAWN(.directory = "/"), &process), 0);
    check_is(errno, 12345);
    check_text(kin_reason(), reason);
    check(pthread_equal(before, pthread_self()));
    check_is(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &cancel), 0);
    check_is(cancel, PTHREAD_CANCEL_ENABLE);
    for (size_t i = 0; i < sizeof storage; i++)
        check_is(storage[i], 0x5a);
    end_child(process);
    free(reason);
}

static int tests(void)
{
    const struct CMUnitTest all[] = {
        TEST(a_thousand_starts_leave_nothing),         TEST(threads_can_start_at_once),
        TEST(no_childs_descriptors_reach_another),     TEST(a_small_stack_is_enough),
        TEST(the_parents_thread_storage_is_untouched),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    return probe_or_test(argc, argv, tests);
}
