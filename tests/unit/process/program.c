#include "program.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HIGHEST_DESCRIPTOR 4096

extern char **environ;

static void print_descriptors(void)
{
    const char *space = "";
    for (int fd = 0; fd < HIGHEST_DESCRIPTOR; fd++)
        if (fcntl(fd, F_GETFD) >= 0) {
            printf("%s%d", space, fd);
            space = " ";
        }
}

/* From the kernel, as libc shows only what it does not keep for itself. */
static void print_signals(const char *field)
{
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, field, strlen(field)) == 0) {
            uint64_t set = strtoull(line + strlen(field), NULL, 16);
            for (int signal = 1; signal <= 64; signal++)
                if (set >> (signal - 1) & 1)
                    printf("%d ", signal);
        }
}

static void print_lifeline(void)
{
    int signal = -1;
    prctl(PR_GET_PDEATHSIG, &signal);
    printf("%d", signal);
}

static int probe(int argc, char **argv)
{
    const char *what = argv[2];
    if (strcmp(what, "descriptors") == 0)
        print_descriptors();
    else if (strcmp(what, "blocked") == 0)
        print_signals("SigBlk:");
    else if (strcmp(what, "ignored") == 0)
        print_signals("SigIgn:");
    else if (strcmp(what, "arguments") == 0)
        for (int i = 3; i < argc; i++)
            printf("%s|", argv[i]);
    else if (strcmp(what, "environment") == 0)
        for (char **variable = environ; *variable; variable++)
            puts(*variable);
    else if (strcmp(what, "lifeline") == 0)
        print_lifeline();
    return 0;
}

int probe_or_test(int argc, char **argv, int (*tests)(void))
{
    return argc > 2 && strcmp(argv[1], "--probe") == 0 ? probe(argc, argv) : tests();
}

/* The caller's options with one more descriptor. */
static struct kin_spawn_options with_output(char *const argv[], const struct kin_spawn_options *options,
                                            struct kin_fd_map *map, int output)
{
    struct kin_spawn_options all = options ? *options : *KIN_SPAWN(.flags = 0);
    if (all.fd_count)
        memcpy(map, all.fds, all.fd_count * sizeof *map);
    map[all.fd_count++] = (struct kin_fd_map){1, output};
    all.fds = map;
    if (strcmp(argv[0], SELF) == 0)
        all.flags |= KIN_SPAWN_NO_PATH;
    return all;
}

static size_t read_all(int fd, char *text, size_t size)
{
    size_t length = 0;
    ssize_t part;
    while ((part = read(fd, text + length, size - 1 - length)) > 0)
        length += (size_t)part;
    check_is(part, 0);
    check(length < size - 1);
    if (length > 0 && text[length - 1] == '\n')
        length--;
    text[length] = 0;
    return length;
}

const char *output_and(int status, char *const argv[], const struct kin_spawn_options *options)
{
    static char text[1 << 16];
    struct kin_fd_map map[16];
    struct kin_exit how;
    kin_process *process;
    int ends[2];
    check_is(pipe2(ends, O_CLOEXEC), 0);
    struct kin_spawn_options all = with_output(argv, options, map, ends[1]);
    int result = kin_process_spawn(argv, &all, &process);
    close(ends[1]);
    if (result == -ENOEXEC && strcmp(argv[0], SELF) == 0) {
        close(ends[0]);
        test_skip("a program cannot execute itself here (user emulation)");
    }
    check_is(result, 0);
    read_all(ends[0], text, sizeof text);
    close(ends[0]);
    check_is(kin_process_wait(process, 0, KIN_FOREVER, &how), 0);
    check_is(how.kind, KIN_EXITED);
    check_is(how.status, status);
    kin_process_close(process);
    return text;
}

kin_process *child_that_exits(int status)
{
    kin_process *process;
    char script[32];
    snprintf(script, sizeof script, "exit %d", status);
    check_is(kin_process_spawn(SHELL(script), NULL, &process), 0);
    return process;
}

kin_process *child_that_hangs(void)
{
    kin_process *process;
    check_is(kin_process_spawn(SLEEP, KIN_SPAWN(.flags = KIN_SPAWN_LIFELINE), &process), 0);
    return process;
}

void end_child(kin_process *process)
{
    kin_process_signal(process, SIGKILL);
    check_is(kin_process_wait(process, 0, KIN_FOREVER, NULL), 0);
    kin_process_close(process);
}

void make_file(const char *directory, const char *name, const char *text, unsigned mode)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check_is(write(fd, text, strlen(text)), strlen(text));
    check_is(fchmod(fd, mode), 0);
    close(fd);
}

bool refuse_call(long number, unsigned argument, uint32_t bits, int error)
{
    struct sock_filter all[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 (uint32_t)(offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t))),
        BPF_JUMP(BPF_JMP | (bits ? BPF_JSET : BPF_JGE) | BPF_K, bits, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof all / sizeof *all, all};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
