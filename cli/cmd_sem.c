/* kin sem: runs CMD while it holds a slot.
 *
 * The slots of a name are a set of three semaphores: how many are free, how many jobs run, how many slots there are.
 * The process that becomes CMD takes the slot itself, with undo, and then executes CMD: so the slot is CMD's, as undo
 * stays with a process through exec. Killing this wrapper leaves the slot taken while CMD runs; however CMD ends, it is
 * free. */
#include "command.h"
#include "jobserver.h"
#include "run.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { FREE, RUNNING, SLOTS, NUMBERS };
#define UNDO KIN_SEMAPHORE_UNDO
#define NO_WAIT KIN_SEMAPHORE_NO_WAIT
#define SLOTS_DEFAULT 1

struct job {
    const struct call *call;
    kin_domain *domain;
    kin_segment *home;
    kin_semaphore *set;
    int64_t slots; /* 0: as many as there are */
    kin_time until;
    pid_t wrapper;
    int started; /* the end of a pipe that exec closes; -1: nobody waits for the start */
};

static int open_slots(struct job *job)
{
    uint16_t slots = (uint16_t)(job->slots ? job->slots : SLOTS_DEFAULT), values[NUMBERS] = {slots, 0, slots};
    unsigned holders = slots < 32000 ? 2u * slots + 1024 : 65536;
    int result = kin_semaphore_open(job->domain, job->call->operands[0],
                                    KIN_SEMAPHORE(.values = values, .holders = holders, .count = NUMBERS), &job->home,
                                    &job->set);
    if (result == -EINVAL) /* an ordinary semaphore serves as well, as it is */
        result = kin_semaphore_open(job->domain, job->call->operands[0], KIN_SEMAPHORE(.flags = KIN_MUST_EXIST),
                                    &job->home, &job->set);
    return result < 0 ? failed(job->call, result) : EXIT_OK;
}

static unsigned numbers_of(const struct job *job)
{
    struct kin_semaphore_status status;
    return kin_semaphore_status(job->home, job->set, &status) < 0 ? 0 : status.count;
}

/* As many slots as -j says, from now on: in one step with a proof that nobody else has changed them. Fewer are waited
 * for: jobs that run keep theirs. */
static int set_slots(const struct job *job)
{
    struct kin_semaphore_value there;
    int result;
    do {
        result = kin_semaphore_get(job->home, job->set, SLOTS, &there);
        if (result < 0 || there.value == job->slots)
            return result;
        const struct kin_semaphore_op ops[] = {
            {SLOTS, (int16_t) - (int)there.value, NO_WAIT},
            {SLOTS, 0, NO_WAIT},
            {SLOTS, (int16_t)job->slots, 0},
            {FREE, (int16_t)(job->slots - (int64_t)there.value), 0},
        };
        result = there.value ? kin_semaphore_operate(job->home, job->set, ops, 4, job->until)
                             : kin_semaphore_operate(job->home, job->set, ops + 1, 3, job->until);
    } while (result == -EAGAIN);
    return result;
}

static int too_late(const struct job *job, int result, const char *what)
{
    const struct call *call = job->call;
    if (result != -ETIMEDOUT && result != -EAGAIN)
        return failed(call, result);
    if (is_given(call, OPTION_NO_WAIT)) {
        complain(call, "%s", what);
        return EXIT_WOULD_BLOCK;
    }
    complain(call, "%s in time (-w %s)", what, value_of(call, OPTION_TIMEOUT));
    return EXIT_TIMEOUT;
}

static int take_slot(const struct job *job)
{
    static const struct kin_semaphore_op ops[] = {{FREE, -1, UNDO}, {RUNNING, 1, UNDO}};
    char none[256];
    unsigned numbers = numbers_of(job);
    int result = 0;
    if (job->slots && numbers < NUMBERS)
        return usage_error(job->call,
                           "-j: the semaphore \"%s\" was made by kin mk sem, and has as many slots as it has",
                           job->call->operands[0]);
    if (job->slots)
        result = set_slots(job);
    if (result == 0)
        result = kin_semaphore_operate(job->home, job->set, ops, numbers < NUMBERS ? 1 : 2, job->until);
    snprintf(none, sizeof none, "no slot of \"%s\" is free", job->call->operands[0]);
    return result < 0 ? too_late(job, result, none) : EXIT_OK;
}

/* The descriptor of the domain's witness file goes on into CMD, and with it the lock by which processes of another PID
 * namespace know that this one lives: a lock of the process, which exec keeps and every close ends. */
static void keep_witness(const struct job *job)
{
    char wanted[4200], link[64], path[4200];
    snprintf(wanted, sizeof wanted, "%s/witness", kin_domain_path(job->domain));
    for (int fd = 3; fd < 256; fd++) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, path, sizeof path - 1);
        path[length < 0 ? 0 : length] = 0;
        if (strcmp(path, wanted) == 0)
            fcntl(fd, F_SETFD, 0);
    }
}

/* The process that becomes CMD. Until then it goes with its wrapper. */
static int take_and_become(void *context)
{
    struct job *job = context;
    char **cmd = job->call->cmd;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != job->wrapper)
        return EXIT_FAILED;
    int code = open_slots(job);
    if (code == EXIT_OK)
        code = take_slot(job);
    if (code == EXIT_OK) {
        keep_witness(job);
        prctl(PR_SET_PDEATHSIG, 0);
        execvp(cmd[0], cmd);
        code = errno == ENOENT ? EXIT_NO_COMMAND : EXIT_NOT_EXECUTABLE;
        complain(job->call, "cannot run %s: %s", cmd[0], strerror(errno));
    }
    if (job->started >= 0 && write(job->started, &(char){(char)code}, 1) != 1)
        return EXIT_FAILED;
    return code;
}

/* The dead job's slot is given back at once, and who waits for it is woken; else he would look in a quarter of a
 * second. */
static void settle(struct job *job)
{
    struct kin_semaphore_value value;
    int result = kin_semaphore_open(job->domain, job->call->operands[0], KIN_SEMAPHORE(.flags = KIN_MUST_EXIST),
                                    &job->home, &job->set);
    if (result < 0)
        return;
    kin_semaphore_get(job->home, job->set, FREE, &value);
    kin_segment_close(job->home);
}

static int run_job(struct job *job)
{
    struct run run = {
        .call = job->call,
        .spawn = *KIN_SPAWN(.flags = KIN_SPAWN_KEEP_IGNORED | KIN_SPAWN_KEEP_FDS),
        .body = take_and_become,
        .context = job,
        .handed_on = job->started,
    };
    struct run_end end;
    job->wrapper = getpid();
    int code = run_cmd(&run, &end);
    settle(job);
    return code == EXIT_OK ? exit_code_of(&end.how) : code;
}

/* As a shell's & would: a wrapper of its own, nothing to read. We return when CMD runs. */
static int run_in_background(struct job *job)
{
    int ends[2], nothing;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        complain(job->call, "cannot make a pipe: %m");
        return EXIT_FAILED;
    }
    fflush(NULL);
    pid_t wrapper = fork();
    if (wrapper == 0) {
        close(ends[0]);
        job->started = ends[1];
        nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
        dup2(nothing, STDIN_FILENO);
        _exit(run_job(job));
    }
    close(ends[1]);
    unsigned char code = EXIT_OK;
    if (wrapper < 0)
        complain(job->call, "cannot fork: %m");
    ssize_t length = wrapper < 0 ? 0 : read(ends[0], &code, 1);
    close(ends[0]);
    return wrapper < 0 ? EXIT_FAILED : length == 1 ? code : EXIT_OK;
}

/* Until no job runs. */
static int await_all(struct job *job)
{
    static const struct kin_semaphore_op none = {RUNNING, 0, 0};
    int result = kin_semaphore_open(job->domain, job->call->operands[0], KIN_SEMAPHORE(.flags = KIN_MUST_EXIST),
                                    &job->home, &job->set);
    if (result == -ENOENT)
        return EXIT_OK; /* there never was one */
    if (result < 0)
        return failed(job->call, result);
    if (numbers_of(job) < NUMBERS)
        result = usage_error(job->call, "--wait: \"%s\" was made by kin mk sem, and does not count its jobs",
                             job->call->operands[0]);
    else
        result = kin_semaphore_operate(job->home, job->set, &none, 1, job->until);
    kin_segment_close(job->home);
    return result < 0 ? too_late(job, result, "not all jobs have ended") : result;
}

static int read_options(struct job *job)
{
    const struct call *call = job->call;
    int64_t seconds = 0;
    int code = number_of(call, OPTION_JOBS, 1, KIN_SEMAPHORE_VALUE_MAX, &job->slots);
    if (code == EXIT_OK)
        code = duration_of(call, OPTION_TIMEOUT, &seconds);
    if (code == EXIT_OK)
        code = not_both(call, OPTION_TIMEOUT, OPTION_NO_WAIT);
    if (code == EXIT_OK)
        code = not_both(call, OPTION_FG, OPTION_BG);
    job->until = is_given(call, OPTION_NO_WAIT)   ? KIN_NOW
                 : is_given(call, OPTION_TIMEOUT) ? kin_after(seconds)
                                                  : KIN_FOREVER;
    if (code != EXIT_OK)
        return code;
    if (is_given(call, OPTION_JOBSERVER) ? call->operand_count != 0 : call->operand_count != 1)
        return usage_error(call, call->operand_count ? "--jobserver takes no NAME" : "NAME is missing");
    if (is_given(call, OPTION_WAIT) ? call->cmd != NULL : call->cmd == NULL)
        return usage_error(call,
                           call->cmd ? "--wait waits for jobs, and runs none" : "CMD is missing; it comes behind --");
    return EXIT_OK;
}

int cmd_sem(struct call *call)
{
    struct job job = {.call = call, .started = -1};
    int code = read_options(&job);
    if (code == EXIT_OK && is_given(call, OPTION_JOBSERVER))
        return run_jobserver(call, job.slots);
    if (code == EXIT_OK)
        code = open_domain(call, &job.domain);
    if (code != EXIT_OK)
        return code;
    return is_given(call, OPTION_WAIT) ? await_all(&job)
           : is_given(call, OPTION_BG) ? run_in_background(&job)
                                       : run_job(&job);
}
