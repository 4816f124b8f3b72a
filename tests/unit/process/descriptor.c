/* Which descriptors a child has, and what is open there. */
#include "program.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* An open file that can be told from others by its content, under a number that is free here. */
static int file_at(int number, const char *content)
{
    char name[] = "/tmp/kin-descriptor-XXXXXX";
    int file = mkostemp(name, O_CLOEXEC);
    check(file >= 0);
    check_is(unlink(name), 0);
    check_is(write(file, content, strlen(content)), strlen(content));
    if (file != number) {
        check_is(dup3(file, number, O_CLOEXEC), number);
        close(file);
    }
    return number;
}

/* Opened anew through /proc: from the beginning, whoever read it before. */
#define SHOW(number) "cat /proc/$$/fd/" #number "; "

static void only_the_first_three_and_the_named_are_open(void **state)
{
    (void)state;
    int kept = file_at(50, "fifty"), inherited = dup(kept), far = fcntl(kept, F_DUPFD, 900);
    struct kin_fd_map map[] = {{7, 50}, {300, 50}};
    check(inherited >= 0 && far >= 900);
    check_text(output_of(PROBE("descriptors"), NULL), "0 1 2");
    check_text(output_of(PROBE("descriptors"), KIN_SPAWN(.fds = map, .fd_count = 2)), "0 1 2 7 300");
    check_is(fcntl(kept, F_GETFD), FD_CLOEXEC);
    close(kept), close(inherited), close(far);
}

static void a_number_may_stay_itself(void **state)
{
    (void)state;
    struct kin_fd_map map[] = {{file_at(20, "twenty"), 20}};
    check_text(output_of(SHELL(SHOW(20)), KIN_SPAWN(.fds = map, .fd_count = 1)), "twenty");
    close(20);
}

static void rings_and_chains_are_mapped_all_at_once(void **state)
{
    (void)state;
    struct kin_fd_map exchange[] = {{20, 21}, {21, 20}};
    struct kin_fd_map ring[] = {{20, 21}, {21, 22}, {22, 20}, {23, 20}};
    struct kin_fd_map chain[] = {{21, 20}, {22, 21}, {23, 22}};
    struct kin_fd_map back[] = {{20, 21}, {21, 22}, {22, 23}, {24, 20}};
    file_at(20, "a"), file_at(21, "b"), file_at(22, "c"), file_at(23, "d");
    const char *script = SHOW(20) SHOW(21) SHOW(22) SHOW(23);
    check_text(output_of(SHELL(SHOW(20) SHOW(21)), KIN_SPAWN(.fds = exchange, .fd_count = 2)), "ba");
    check_text(output_of(SHELL(script), KIN_SPAWN(.fds = ring, .fd_count = 4)), "bcaa");
    check_text(output_of(SHELL(SHOW(21) SHOW(22) SHOW(23)), KIN_SPAWN(.fds = chain, .fd_count = 3)), "abc");
    check_text(output_of(SHELL(SHOW(20) SHOW(21) SHOW(22) SHOW(24)), KIN_SPAWN(.fds = back, .fd_count = 4)), "bcda");
    for (int fd = 20; fd < 24; fd++)
        close(fd);
}

/* Each map of four numbers, 0 to 3 places beyond 20, against the plain rule; the lowest free numbers, which copies get,
 * lie among the targets. */
static void every_small_map_is_right(void **state)
{
    (void)state;
    static const char content[][2] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++)
        file_at(4 + i, content[i]);
    for (int map_number = 0; map_number < 256; map_number += 5) {
        struct kin_fd_map map[4];
        char wanted[5] = "";
        for (int i = 0; i < 4; i++) {
            int source = map_number >> (2 * i) & 3;
            map[i] = (struct kin_fd_map){3 + (i + map_number) % 4, 4 + source};
            wanted[(i + map_number) % 4] = content[source][0];
        }
        check_text(output_of(SHELL(SHOW(3) SHOW(4) SHOW(5) SHOW(6)), KIN_SPAWN(.fds = map, .fd_count = 4)), wanted);
    }
    for (int fd = 4; fd < 8; fd++)
        close(fd);
}

static void the_first_three_are_mapped_too(void **state)
{
    (void)state;
    struct kin_fd_map map[] = {{0, file_at(20, "input")}, {2, KIN_FD_CLOSED}};
    lseek(20, 0, SEEK_SET);
    check_text(output_of(SHELL("cat"), KIN_SPAWN(.fds = map, .fd_count = 2)), "input");
    check_text(output_of(PROBE("descriptors"), KIN_SPAWN(.fds = map, .fd_count = 2)), "0 1");
    check_is(fcntl(2, F_GETFD), 0);
    close(20);
}

static void many_descriptors_can_be_named(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    struct kin_fd_map map[COUNT];
    kin_process *process;
    struct kin_exit how;
    file_at(20, "x");
    for (int i = 0; i < COUNT; i++)
        map[i] = (struct kin_fd_map){3 + (i * 7) % COUNT, i == 17 ? 0 : 20};
    const char *script = "n=0; for f in /proc/$$/fd/*; do n=$((n + 1)); done; [ $n -ge 203 ]";
    check_is(kin_process_spawn(SHELL(script), KIN_SPAWN(.fds = map, .fd_count = COUNT), &process), 0);
    check_is(kin_process_wait(process, 0, KIN_FOREVER, &how), 0);
    check_is(how.status, 0);
    kin_process_close(process);
    close(20);
}

static void with_keep_only_close_on_exec_closes(void **state)
{
    (void)state;
    int kept = fcntl(file_at(50, "fifty"), F_DUPFD, 60);
    struct kin_fd_map map[] = {{70, 50}};
    const char *found =
        output_of(PROBE("descriptors"), KIN_SPAWN(.flags = KIN_SPAWN_KEEP_FDS, .fds = map, .fd_count = 1));
    check(test_contains(found, " 60"));
    check(test_contains(found, " 70"));
    check(!test_contains(found, " 50"));
    close(kept), close(50);
}

static void a_number_beyond_the_limit_is_told(void **state)
{
    (void)state;
    kin_process *process = NULL;
    struct kin_fd_map map[] = {{1 << 30, 0}};
    check_refused(kin_process_spawn(SHELL("true"), KIN_SPAWN(.fds = map, .fd_count = 1), &process), -EBADF,
                  "cannot make descriptor 0 its 1073741824");
}

static int return_zero(void *context)
{
    (void)context;
    return 0;
}

static void without_a_free_number_it_is_told(void **state)
{
    (void)state;
    struct rlimit before, none;
    int lowest = dup(0);
    kin_process *process = NULL;
    check_is(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){(rlim_t)lowest, before.rlim_max};
    close(lowest);
    check_is(setrlimit(RLIMIT_NOFILE, &none), 0);
    check_refused(kin_process_spawn(SHELL("true"), NULL, &process), -EMFILE, "RLIMIT_NOFILE");
    check_refused(kin_process_fork(return_zero, NULL, KIN_SPAWN(.flags = KIN_SPAWN_DESPITE_THREADS), &process), -EMFILE,
                  "RLIMIT_NOFILE");
    check_is(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static int tests(void)
{
    const struct CMUnitTest all[] = {
        TEST(only_the_first_three_and_the_named_are_open),
        TEST(a_number_may_stay_itself),
        TEST(rings_and_chains_are_mapped_all_at_once),
        TEST(every_small_map_is_right),
        TEST(the_first_three_are_mapped_too),
        TEST(many_descriptors_can_be_named),
        TEST(with_keep_only_close_on_exec_closes),
        TEST(a_number_beyond_the_limit_is_told),
        TEST(without_a_free_number_it_is_told),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    return probe_or_test(argc, argv, tests);
}
