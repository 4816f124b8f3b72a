/* kin/supervise.h - keeps programs running: starts them in order, restarts them, stops them whole.
 *
 * A supervisor is an object, not a process: it lives in any program that waits for its descriptor and lets it work. It
 * makes no threads, installs no signal handlers, and reaps nobody but what it started and what it was asked to adopt.
 *
 *     kin_supervisor *supervisor;
 *     char *const web[] = {"web", "--port", "80", NULL};
 *     kin_supervisor_open(NULL, "site", NULL, &supervisor);
 *     kin_supervisor_add(supervisor, KIN_PROGRAM(.name = "web", .argv = web, .instances = 4));
 *     kin_supervisor_start(supervisor, NULL);
 *     while (kin_supervisor_wait(supervisor, KIN_FOREVER) == 0)
 *         ;
 *
 * A program is what is to run; each running copy of it is an instance, named "web" or, of several, "web.2".
 *
 * States. An instance is off; held until those that it comes after are ready; starting; ready; reloading; stopping;
 * in a pause before the next try; or failed, when it is not tried again.
 *
 * What it knows is kept in a segment of its name: kin ps and others read it there (kin_supervisor_look). If the
 * supervisor is killed, then either everything below it goes too, or, with KIN_SUPERVISE_ADOPT, all runs on, and who
 * opens a supervisor of that name next takes over exactly what lives, starts nothing twice and leaves nobody out.
 *
 * One thread uses a supervisor: the one that opened it. Fork: a child has no use for the handle. */
#ifndef KIN_SUPERVISE_H
#define KIN_SUPERVISE_H

#include <kin/domain.h>
#include <kin/process.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct kin_supervisor kin_supervisor;

enum kin_restart { KIN_RESTART_ALWAYS, KIN_RESTART_ON_FAILURE, KIN_RESTART_NEVER };

/* Who is restarted with an instance that ended unasked. */
enum kin_strategy {
    KIN_ONE_FOR_ONE,  /* nobody else */
    KIN_REST_FOR_ONE, /* those that were added after it */
    KIN_ONE_FOR_ALL   /* all others */
};

/* How an instance tells that it is ready. */
enum kin_readiness {
    KIN_READY_AT_ONCE, /* it is, as soon as its program is executed */
    KIN_READY_NOTIFY,  /* READY=1 to the socket in NOTIFY_SOCKET: sd_notify(3) */
    KIN_READY_FD,      /* a newline, or the end, on its descriptor number ready_fd */
    KIN_READY_PROBE    /* the command `probe` exits with 0; it is tried once a second */
};

enum kin_instance_state {
    KIN_INSTANCE_OFF,        /* not wanted, or its work is done */
    KIN_INSTANCE_HELD,       /* until those that it comes after are ready */
    KIN_INSTANCE_PAUSE,      /* until the next try */
    KIN_INSTANCE_STARTING,   /* it runs and is not ready */
    KIN_INSTANCE_READY,
    KIN_INSTANCE_RELOADING,
    KIN_INSTANCE_LEAVING,    /* it says itself that it ends */
    KIN_INSTANCE_STOPPING,   /* it was told to end */
    KIN_INSTANCE_RESTARTING, /* the same, to be started again */
    KIN_INSTANCE_FAILED      /* and it is not tried again */
};

enum kin_supervise_flag {
    KIN_SUPERVISE_ADOPT = 1,     /* what runs outlives the supervisor. Default: it is killed with it */
    KIN_SUPERVISE_SUBREAPER = 2  /* adopt orphans, and end them with their instance. Every child of this process that
                                    the supervisor did not start is an orphan to it: it reaps it. SIGCHLD is blocked
                                    in the thread that opens the supervisor, and read (kin/signal.h). What PID 1 of a
                                    container needs */
};

enum kin_supervisor_event_kind {
    KIN_EVENT_STATE,   /* an instance has changed its state */
    KIN_EVENT_ENDED,   /* one has ended: `exit` says how */
    KIN_EVENT_TROUBLE, /* something went wrong: `text` says what; it goes on */
    KIN_EVENT_GAVE_UP  /* too many have ended in too short a time: all are being stopped */
};
struct kin_supervisor_event {
    enum kin_supervisor_event_kind kind;
    const char *instance; /* "web.2", or NULL */
    enum kin_instance_state state;
    pid_t pid;
    const struct kin_exit *exit;
    const char *text;
};

/* A piece of what an instance printed: whole lines where it can be had. */
struct kin_supervisor_output {
    const char *instance;
    int error; /* 1: standard error, 0: standard output */
    const char *text;
    size_t length;
};

struct kin_supervisor_options {
    size_t size;
    unsigned flags;     /* of enum kin_supervise_flag */
    enum kin_strategy strategy;
    uint32_t intensity; /* so many ends that nobody asked for ... default 5; UINT32_MAX: never gives up */
    int64_t window;     /* ... in so many nanoseconds, and it gives up. Default 5 s */
    const char *cgroup; /* a directory of cgroup v2 that we may make groups in: each instance gets one, and is killed by
                           it. NULL: none */
    const char *control; /* the name of a socket (kin/socket.h) that kin_supervisor_ask() reaches; NULL: none */
    unsigned mode;       /* of the segment, default 0600 */
    void (*event)(void *context, const struct kin_supervisor_event *event);
    void (*output)(void *context, const struct kin_supervisor_output *output);
    void *context;
};
#define KIN_SUPERVISOR(...)                                                                                            \
    (&(struct kin_supervisor_options){.size = sizeof(struct kin_supervisor_options), __VA_ARGS__})

/* A supervisor of that name, or with NULL one that nobody else can look at. With KIN_SUPERVISE_ADOPT it takes over what
 * a dead one of that name has left running, when the programs are added. -EBUSY: a living one has the name, the
 * sentence says who; -EADDRINUSE: of the control socket.
 * Death: with KIN_SUPERVISE_ADOPT the next one of that name goes on; else the instances are killed. */
int kin_supervisor_open(kin_domain *domain, const char *name, const struct kin_supervisor_options *options,
                        kin_supervisor **out);

/* Forgets all. With KIN_SUPERVISE_ADOPT what runs goes on; else it is killed. Stop it first for an orderly end. */
void kin_supervisor_close(kin_supervisor *supervisor);

/* A descriptor that is handed on to each instance, as number 3 and up, in this order: LISTEN_FDS, LISTEN_PID and
 * LISTEN_FDNAMES tell of them, as sd_listen_fds(3) has it. Behind them come those that an instance has stored. It stays
 * the caller's, who keeps it open: so no connection is refused while an instance is restarted. */
struct kin_handed { const char *name; int fd; };

/* Where what an instance prints goes, besides the supervisor's `output`. */
struct kin_log {
    const char *path;   /* NULL: nowhere */
    uint64_t bytes_max; /* a file that is longer is renamed to path.1, path.1 to path.2 ...; 0: never */
    uint32_t keep;      /* so many of them; default 3 */
};

struct kin_program {
    size_t size;
    const char *name;                      /* 1 to 63 bytes without '/', '.' or space */
    char *const *argv;                     /* the command; or */
    int (*run)(void *context);             /* a function, as of kin_process_fork() */
    void *context;
    const struct kin_spawn_options *spawn; /* environment, directory, user, limits ...; fds above 2 are for `run`.
                                              Instances are in a process group of their own in any case */
    const char *const *after;              /* names of programs that must be ready before; ends with NULL */
    enum kin_restart restart;
    int64_t pause_min, pause_max;          /* ns before the next try: doubled at each that does not live 10 s, and
                                              spread by a quarter. Defaults 100 ms and 30 s */
    uint32_t instances;                    /* default 1 */
    uint32_t instances_max;                /* above `instances`: as many as `queue` has messages waiting, up to this */
    const char *queue;                     /* of the supervisor's domain */
    enum kin_readiness readiness;
    int ready_fd;                          /* with KIN_READY_FD: its number there, 3 or more */
    char *const *probe;                    /* with KIN_READY_PROBE */
    int64_t ready_within;                  /* ns; later it is ended and tried again. Default 90 s; KIN_FOREVER */
    int64_t watchdog;                      /* ns; one that is ready tells WATCHDOG=1 at least so often, or it is killed
                                              by SIGABRT and tried again. 0: need not */
    int stop_signal;                       /* default SIGTERM, to the process itself */
    int64_t grace;                         /* ns until the whole group is killed; default 10 s */
    int reload_signal;                     /* default SIGHUP; -1: reloading is a restart, one instance after the other,
                                              each ready before the next */
    const struct kin_handed *handed;
    size_t handed_count;
    uint32_t store_max;                    /* how many descriptors an instance may store (FDSTORE=1); default 0. They
                                              are kept over its restarts, not over the supervisor's death */
    int niceness;                          /* -20 to 19, added to the caller's */
    const uint64_t *cpus;                  /* one bit a cpu; NULL: all */
    size_t cpu_words;
    int capture;                           /* 1: read what it prints (default with a log), else it prints where we do */
    struct kin_log log;
};
#define KIN_PROGRAM(...) (&(struct kin_program){.size = sizeof(struct kin_program), __VA_ARGS__})

/* Adds a program; all is copied but what `context` points to. It is not started yet, unless it is found running
 * (KIN_SUPERVISE_ADOPT). What a dead supervisor has left running of programs that are not added before the first start
 * or wait is killed then. `after` may name programs that are added later. -EEXIST: the name is taken; -EINVAL, with a
 * sentence that names what is wrong. */
int kin_supervisor_add(kin_supervisor *supervisor, const struct kin_program *program);

/* Each is for a program, an instance or, with NULL, all. The call returns at once; what comes of it is told by events.
 * -ENOENT: there is none of that name; -ELOOP: they come after each other in a ring, the sentence names it; -ENOENT
 * too: one comes after a program that nobody has added. */
int kin_supervisor_start(kin_supervisor *supervisor, const char *name);
int kin_supervisor_stop(kin_supervisor *supervisor, const char *name); /* those that come after others go first */
int kin_supervisor_restart(kin_supervisor *supervisor, const char *name);
int kin_supervisor_reload(kin_supervisor *supervisor, const char *name); /* -EINVAL: it is not ready */
int kin_supervisor_signal(kin_supervisor *supervisor, const char *name, int signal); /* -ESRCH: it does not run */

/* Waits until there is something to do, and does it. -ETIMEDOUT; -ECANCELED: it gave up, and all are stopped;
 * -ECHILD: all are off or failed, and none will be started unless somebody asks for it. Events and output are told in
 * here. */
int kin_supervisor_wait(kin_supervisor *supervisor, kin_time until);

/* A descriptor for poll or epoll, readable when a wait with KIN_NOW has something to do. Stays the handle's. */
int kin_supervisor_fd(const kin_supervisor *supervisor);

/* An instance, as it stands. */
struct kin_instance {
    char name[80];      /* "web" or "web.2" */
    char program[64];
    uint32_t index;
    enum kin_instance_state state;
    pid_t pid;          /* 0: it does not run */
    uint64_t start;     /* with it: as kin_process_open() takes it */
    int64_t since;      /* when it came into this state: CLOCK_REALTIME, ns */
    int64_t started;    /* when its process was started */
    uint32_t restarts;  /* how often it was started but for the first time */
    struct kin_exit last; /* how it ended last; kind 0: not yet */
    char status[128];   /* what it said by STATUS=, or why it could not be started */
    uint32_t stored;    /* descriptors in its store */
};
struct kin_supervisor_status {
    pid_t pid;          /* who supervises, or did */
    uint64_t start;
    int alive;
    int64_t since;      /* when it was opened */
    uint32_t instances, running, ready, failed;
    uint64_t ends;      /* of instances, since it was first opened; every one counted once */
    uint64_t orphans;   /* adopted orphans that ended */
    char control[108];
};
/* Calls visit with each instance until it returns other than 0; returns that, or 0. */
int kin_supervisor_each(kin_supervisor *supervisor, int (*visit)(void *context, const struct kin_instance *instance),
                        void *context);
int kin_supervisor_status(kin_supervisor *supervisor, struct kin_supervisor_status *out);

/* The supervisor of that name, of whatever process, to be looked at by the two above; nothing else works on it.
 * -ENOENT: there is none. */
int kin_supervisor_look(kin_domain *domain, const char *name, kin_supervisor **out);

/* Asks the supervisor behind a control socket for what `verb` says: start, stop, restart, reload, or signal (with
 * `signal`); `name` may be NULL but for signal. It is done for the same user and for root. Errors are those of the
 * call of that name; -EACCES: not for us; -ECONNREFUSED: nobody is there; -ETIMEDOUT. */
int kin_supervisor_ask(const char *control, const char *verb, const char *name, int signal, kin_time until);

/* "ready", "stopping" ... */
const char *kin_instance_state_name(enum kin_instance_state state);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
