#include "command.h"
#include "table.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

enum state { STATE_OK, STATE_FALLBACK, STATE_WARNING, STATE_FAILED };

struct doctor {
    struct table *table;
    enum state worst;
};

static void say(struct doctor *doctor, const char *check, enum state state, const char *found, const char *remedy)
{
    static const char *const names[] = {"ok", "fallback", "warning", "failed"};
    static const char *const colors[] = {"green", "yellow", "yellow", "red"};
    table_row(doctor->table);
    table_text(doctor->table, DOCTOR_CHECK, check);
    table_text(doctor->table, DOCTOR_STATE, names[state]);
    table_color(doctor->table, DOCTOR_STATE, colors[state]);
    table_text(doctor->table, DOCTOR_FOUND, found);
    table_text(doctor->table, DOCTOR_REMEDY, state == STATE_OK ? "" : remedy);
    if (state > doctor->worst)
        doctor->worst = state;
}

static void check_kernel(struct doctor *doctor)
{
    struct utsname name;
    unsigned major = 0, minor = 0;
    char found[sizeof name.sysname + sizeof name.release + 2];
    uname(&name);
    sscanf(name.release, "%u.%u", &major, &minor);
    snprintf(found, sizeof found, "%s %s", name.sysname, name.release);
    bool recent = major > 5 || (major == 5 && minor >= 16);
    say(doctor, "kernel", recent ? STATE_OK : STATE_FALLBACK, found, "Linux 5.16 or later has all that kin uses");
}

static void check_facilities(struct doctor *doctor, kin_domain *domain)
{
    struct kin_facilities found;
    char text[128];
    int result = kin_domain_facilities(domain, &found);
    if (result < 0) {
        say(doctor, "facilities", STATE_FAILED, kin_reason(), "see the sentence to the left");
        return;
    }
    snprintf(text, sizeof text, "%s: %u lives (%u dead), %u processes", kin_domain_path(domain), found.lives,
             found.lives_dead, found.processes);
    say(doctor, "domain", found.lives_dead ? STATE_WARNING : STATE_OK, text, "kin clean shows what the dead left");
    say(doctor, "futex_waitv", found.waitv ? STATE_OK : STATE_FALLBACK,
        found.waitv ? "works" : "not to be had: older kernel, or a container's seccomp filter",
        "waiters look every 50 ms; allow the system call to have deaths noticed at once");
    say(doctor, "robust list", found.robust_list ? STATE_OK : STATE_FALLBACK,
        found.robust_list ? "libc registered one for this thread" : "libc registered none",
        "byte locks are the witness of deaths");
    say(doctor, "witness of deaths", found.fallback ? STATE_FALLBACK : STATE_OK,
        found.fallback ? "byte locks: a death shows when the kernel has freed the memory"
                       : "the robust list: a death shows within a millisecond",
        "unset KIN_FALLBACK, if that is set");
}

static void check_domain(struct doctor *doctor)
{
    kin_domain *domain;
    if (kin_domain_open(NULL, NULL, &domain) < 0) {
        say(doctor, "domain", STATE_FAILED, kin_reason(), "or name another directory by KIN_DOMAIN");
        return;
    }
    check_facilities(doctor, domain);
    kin_domain_close(domain);
}

/* Containers often get 64 MiB. */
static void check_memory(struct doctor *doctor)
{
    struct statvfs about;
    char size[16], left[16], found[64];
    if (statvfs("/dev/shm", &about) < 0) {
        say(doctor, "/dev/shm", STATE_FAILED, strerror(errno), "mount a tmpfs there, or set KIN_DOMAIN to one");
        return;
    }
    uint64_t total = (uint64_t)about.f_blocks * about.f_frsize, unused = (uint64_t)about.f_bavail * about.f_frsize;
    snprintf(found, sizeof found, "%s, %s free", size_text(total, size), size_text(unused, left));
    bool short_of = unused < UINT64_C(16) << 20 || total <= UINT64_C(64) << 20;
    say(doctor, "/dev/shm", short_of ? STATE_WARNING : STATE_OK, found,
        "objects are refused when it is full: kin ls, ls -l /dev/shm; docker run --shm-size=1g");
}

static void check_remove_ipc(struct doctor *doctor)
{
    struct remove_ipc found;
    char text[384];
    find_remove_ipc(&found);
    snprintf(text, sizeof text, "%s (%s)%s", found.on ? "yes" : "no", *found.where ? found.where : "the default",
             !found.on           ? ": objects outlive your sessions"
             : found.concerns_us ? ": what you make is deleted when your last session ends"
                                 : ": it does not concern this user here");
    say(doctor, "RemoveIPC", found.concerns_us ? STATE_WARNING : STATE_OK, text,
        "RemoveIPC=no in /etc/systemd/logind.conf, or run it as a service of its own user, or loginctl enable-linger");
}

static int try_to_be_traced(void *context)
{
    (void)context;
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : 1;
}

/* Only the crash harness traces. */
static void check_ptrace(struct doctor *doctor)
{
    kin_process *child;
    struct kin_exit how = {.kind = 0};
    bool works = kin_process_fork(try_to_be_traced, NULL, KIN_SPAWN(.flags = KIN_SPAWN_DESPITE_THREADS), &child) == 0;
    if (works) {
        works = kin_process_wait(child, 0, KIN_FOREVER, &how) == 0 && how.kind == KIN_EXITED && how.status == 0;
        kin_process_close(child);
    }
    say(doctor, "ptrace", works ? STATE_OK : STATE_WARNING, works ? "works" : "forbidden here",
        "only the crash harness needs it; containers: --cap-add SYS_PTRACE");
}

static void check_limit(struct doctor *doctor, const char *check, int resource, rlim_t least, const char *remedy)
{
    struct rlimit limit;
    char found[64] = "unlimited";
    getrlimit(resource, &limit);
    if (limit.rlim_cur != RLIM_INFINITY)
        snprintf(found, sizeof found, "%" PRIu64, (uint64_t)limit.rlim_cur);
    say(doctor, check, limit.rlim_cur < least ? STATE_WARNING : STATE_OK, found, remedy);
}

int cmd_doctor(struct call *call)
{
    int code;
    struct doctor doctor = {.table = table_new(call, "checks", &code)};
    if (!doctor.table)
        return code;
    check_kernel(&doctor);
    check_domain(&doctor);
    check_memory(&doctor);
    check_remove_ipc(&doctor);
    check_ptrace(&doctor);
    check_limit(&doctor, "open files", RLIMIT_NOFILE, 256,
                "each domain takes 2 or 3, each pollable object 3: ulimit -n");
    check_limit(&doctor, "processes", RLIMIT_NPROC, 64, "spawn and fork fail with -EAGAIN beyond it: ulimit -u");
    check_limit(&doctor, "locked memory", RLIMIT_MEMLOCK, 0, "");
    code = table_end(doctor.table, EXIT_OK);
    return doctor.worst == STATE_FAILED ? EXIT_FAILED : code;
}
