/* The supervisor's own memory; what outlives it is in supervise/board.h. */
#ifndef SUPERVISE_SUPERVISOR_H
#define SUPERVISE_SUPERVISOR_H

#include "supervise/board.h"
#include "supervise/machine.h"
#include "sys/clock.h"
#include "sys/unix.h"
#include <kin/queue.h>
#include <kin/signal.h>
#include <kin/socket.h>

#define NAME_BYTES 80
#define TOKEN "KIN_INSTANCE"
#define FIRST_HANDED 3

/* A descriptor that the supervisor watches. */
struct source {
    int fd; /* -1: none */
    void (*ready)(struct source *source);
    void *owner;
};

/* A log file of a program. */
struct journal {
    int fd;
    uint64_t bytes;
    uint64_t dropped; /* pieces that could not be written since the last that could */
    int error;        /* why */
};

/* One stream that an instance prints to: the end that we read, and a line that is not whole yet. */
struct stream {
    struct source source;
    int theirs; /* its end, while it is started */
    size_t length;
    char line[4096];
};

/* A descriptor that an instance has stored. */
struct stored {
    int fd;
    char name[64];
};

struct program {
    struct program *next;
    struct kin_program wish; /* copied; what it points to is kept in `kept` */
    struct kin_spawn_options spawn;
    struct kept *kept;
    kin_supervisor *supervisor;
    struct instance **instances; /* instances_max of them */
    bool on;                     /* it is to run */
    uint32_t wanted;             /* ... so many of them */
    uint32_t count;
    bool ending;   /* to be stopped, when those that come after it have ended */
    bool stopping; /* ... and that has been asked for */
    bool rolling;  /* its instances are restarted one after the other, and this is the turn of: */
    uint32_t turn;
    uint32_t turn_starts; /* how often that one had been started before; 0: it was not asked yet */
    kin_queue *queue;
    struct source depth;
    kin_time depth_look; /* when the queue is looked at again; KIN_FOREVER: when it tells */
    unsigned idle;       /* looks in a row at which fewer would have done */
    struct journal journal;
    bool visited; /* while rings are looked for */
};

struct instance {
    kin_supervisor *supervisor;
    struct program *program;
    struct record *record;
    struct body body;
    char name[NAME_BYTES];
    kin_process *process;
    kin_process *probe;
    struct source end, ready, probing;
    struct stream *streams[2]; /* standard output and error; NULL: not captured */
    kin_time deadline;         /* what LATE is about */
    kin_time probe_at;
    unsigned tries;        /* ends in a row that came soon */
    struct stored *stored; /* body.stored of them */
    int group;             /* its cgroup's directory, or -1 */
    bool adopted;          /* a supervisor that died has started it */
};

struct control {
    struct source source;
    kin_socket *socket;
};
#define CONTROLS 16

struct kin_supervisor {
    kin_domain *domain;
    struct kin_supervisor_options options;
    char *cgroup, *control_name;
    char label[KIN_NAME_MAX + 1];
    char notify_name[64];
    kin_segment *segment;
    uint64_t identity;  /* of the segment: what tokens are made of */
    bool looks;         /* only looks at another's */
    bool killed_before; /* what the last supervisor of that name has left is to be killed, not adopted */
    bool gave_up, strangers_met;
    int epoll, null;
    struct source timer;
    kin_time timer_at; /* what it is set to */
    kin_socket *notify;
    struct source notes;
    kin_socket *control;
    struct source asks;
    struct control controls[CONTROLS];
    unsigned control_turn; /* whose place is taken next, when all ask nothing */
    kin_signals *children;
    struct source orphans;
    struct program *programs, **last;
    kin_time *ends; /* the last `intensity` ends that counted, a ring */
    uint64_t end_count;
};

/* loop.c */
void source_init(struct source *source, void (*ready)(struct source *source), void *owner);
int source_watch(kin_supervisor *supervisor, struct source *source, int fd, uint32_t events);
void source_forget(kin_supervisor *supervisor, struct source *source);
/* Does what can be done without waiting, and sets the timer to what comes next. */
void loop_settle(kin_supervisor *supervisor);

/* events.c */
void tell_state(struct instance *instance);
void tell_end(struct instance *instance, const struct kin_exit *how);
void tell_trouble(struct instance *instance, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tell_gave_up(kin_supervisor *supervisor);

/* program.c */
int program_copy(kin_supervisor *supervisor, const struct kin_program *wish, struct program **out);
void program_free(struct program *program);
struct program *program_find(const kin_supervisor *supervisor, const char *name);
int program_check_order(kin_supervisor *supervisor);

/* order.c: who may go on, and when. */
bool order_advance(kin_supervisor *supervisor);
kin_time order_deadline(const kin_supervisor *supervisor);
void order_fire(kin_supervisor *supervisor);
void order_count(struct instance *instance);
void order_failed(struct instance *instance);
bool order_is_over(const kin_supervisor *supervisor);

/* instance.c */
int instance_make(struct program *program, uint32_t index, struct instance **out);
void instance_free(struct instance *instance);
int instance_event(struct instance *instance, enum event event);
void instance_write(struct instance *instance);
int instance_watch(struct instance *instance, kin_process *process);
void instance_ended(struct instance *instance, const struct kin_exit *how);
void instance_say(struct instance *instance, const char *status);
int instance_signal(struct instance *instance, int signal);
/* It shows that it lives: the watchdog's time begins anew. */
void instance_alive(struct instance *instance);
void instance_set_deadline(struct instance *instance);

/* launch.c */
void launch(struct instance *instance);

/* ready.c: the descriptor and the probe that tell that it is ready. */
void ready_begin(struct instance *instance, int fd);
void ready_end(struct instance *instance);
void ready_probe(struct instance *instance);

/* group.c */
int group_open(struct instance *instance, int *procs);
void group_kill(struct instance *instance);
void group_close(struct instance *instance);
int orphans_open(kin_supervisor *supervisor);
void orphans_close(kin_supervisor *supervisor);

/* notify.c */
int notify_open(kin_supervisor *supervisor);
void notify_close(kin_supervisor *supervisor);
void store_close(struct instance *instance);

/* output.c */
int output_open(struct instance *instance);
void output_started(struct instance *instance);
void output_adopt(struct instance *instance);
void output_end(struct instance *instance);
void journal_write(struct program *program, const char *instance, const char *text, size_t length);
void journal_close(struct program *program);

/* adopt.c */
void adopt_instance(struct instance *instance);
void adopt_strangers(kin_supervisor *supervisor);

/* control.c */
int control_open(kin_supervisor *supervisor);
void control_close(kin_supervisor *supervisor);

/* pool.c */
void pool_look(struct program *program);
void pool_close(struct program *program);

#endif
