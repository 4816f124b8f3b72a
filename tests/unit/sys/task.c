/* What the kernel knows of a process. */
#include "sys/task.h"
#include "support.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int stay(void *context)
{
    (void)context;
    pause();
    return 0;
}

static void a_living_one_and_its_remains(void **state)
{
    (void)state;
    pid_t child = test_child(stay, NULL);
    uint64_t start = task_start((uint32_t)child);
    check(start != 0);
    check_is(task_state((uint32_t)child, start), TASK_LIVING);
    check_is(task_thread_state((uint32_t)child, (uint32_t)child), TASK_LIVING);
    check_is(task_state((uint32_t)child, start - 1), TASK_GONE); /* another one with its number */
    kill(child, SIGSTOP);
    check_is(waitpid(child, &(int){0}, WUNTRACED), child);
    check_is(task_state((uint32_t)child, start), TASK_LIVING); /* stopped is not dead */
    kill(child, SIGKILL);
    test_until(task_state((uint32_t)child, start) == TASK_ENDING); /* a zombie, as nobody waited for it */
    check_is(task_thread_state((uint32_t)child, (uint32_t)child), TASK_ENDING);
    check_is(test_end(child), -SIGKILL);
    check_is(task_state((uint32_t)child, start), TASK_GONE);
    check_is(task_thread_state((uint32_t)child, (uint32_t)child), TASK_GONE);
    check_is(task_start((uint32_t)child), 0);
}

static void *stay_here(void *ready)
{
    __atomic_store_n((uint32_t *)ready, task_tid(), __ATOMIC_RELEASE);
    stay(NULL);
    return NULL;
}

static int leave_a_thread(void *ready)
{
    pthread_t thread;
    check_is(pthread_create(&thread, NULL, stay_here, ready), 0);
    pthread_exit(NULL);
}

static void a_leader_that_left_lives_on_in_its_threads(void **state)
{
    (void)state;
    uint32_t *thread = test_shared(sizeof *thread);
    pid_t child = test_child(leave_a_thread, thread);
    test_until(__atomic_load_n(thread, __ATOMIC_ACQUIRE) != 0);
    test_until(task_thread_state((uint32_t)child, (uint32_t)child) == TASK_ENDING);
    check_is(task_thread_state((uint32_t)child, *thread), TASK_LIVING);
    check_is(task_state((uint32_t)child, task_start((uint32_t)child)), TASK_LIVING);
    test_kill(child);
}

static void names_with_brackets_are_read_past(void **state)
{
    (void)state;
    char name[16];
    prctl(PR_SET_NAME, "a) R (b) 1 2 3");
    task_command(name);
    check(strcmp(name, "a) R (b) 1 2 3") == 0);
    uint32_t self = (uint32_t)getpid();
    check_is(task_state(self, task_start(self)), TASK_LIVING);
    check_is(task_tid(), syscall(SYS_gettid));
}

static int tell_namespace(void *context)
{
    *(uint64_t *)context = task_namespace();
    return 0;
}

static void the_namespace_is_one_for_parent_and_child(void **state)
{
    (void)state;
    uint64_t *theirs = test_shared(sizeof *theirs);
    check_is(test_end(test_child(tell_namespace, theirs)), 0);
    check(task_namespace() != 0 && *theirs == task_namespace());
}

static void a_number_that_is_nobodys(void **state)
{
    (void)state;
    check_is(task_start(0x3ffffff0), 0);
    check_is(task_state(0x3ffffff0, 1), TASK_GONE);
    check_is(task_thread_state((uint32_t)getpid(), 0x3ffffff0), TASK_GONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_living_one_and_its_remains),      TEST(a_leader_that_left_lives_on_in_its_threads),
        TEST(names_with_brackets_are_read_past), TEST(the_namespace_is_one_for_parent_and_child),
        TEST(a_number_that_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
