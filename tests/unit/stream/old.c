#include "old.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define NOWAIT 0x8
#define NOSIGNAL 0x100
#define FLAGS_ARGUMENT 5

struct age {
    uint32_t unknown; /* flags of preadv2 and pwritev2 */
    int (*run)(void *context);
    void *context;
};

static volatile sig_atomic_t count;

static void on_sigpipe(int signal)
{
    (void)signal;
    count++;
}

void count_sigpipe(void)
{
    struct sigaction action = {.sa_handler = on_sigpipe};
    count = 0;
    check_is(sigaction(SIGPIPE, &action, NULL), 0);
}

int sigpipes(void)
{
    return count;
}

static bool forget_flags(uint32_t unknown)
{
    struct sock_filter all[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_preadv2, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwritev2, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 (uint32_t)(offsetof(struct seccomp_data, args) + FLAGS_ARGUMENT * sizeof(uint64_t))),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, unknown, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof all / sizeof *all, all};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int grow_old(void *context)
{
    const struct age *age = context;
    if (age->unknown && !forget_flags(age->unknown))
        return 0; /* no seccomp: the kernel as it is has been tried */
    return age->run(age->context);
}

void in_old_and_new(int (*run)(void *context), void *context)
{
    static const uint32_t unknown[] = {0, NOSIGNAL, NOSIGNAL | NOWAIT};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        struct age age = {unknown[i], run, context};
        check_is(test_end(test_child(grow_old, &age)), 0);
    }
}
