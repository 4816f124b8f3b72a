/* The rows, in the order in which they are measured and shown. */
#include "driver/row.h"

#define NS .unit = "ns", .scale = 1
#define US .unit = "us", .scale = 1e-3
#define MILLIONS(of) .unit = "M " of "/s", .scale = 1e-6, .higher = true
#define FAIRNESS .unit = "least/most", .scale = 1, .higher = true, .second = true

#define MSG "msgsnd+msgrcv"
#define BOOST "Boost message_queue"
#define QB "libqb ring"
#define ROBUST "glibc robust mutex"
#define RING "SPSC ring"
#define RWLOCK "glibc rwlock"
#define SEMOP "semop, SEM_UNDO"
#define SEM_T "glibc sem_t, no undo"

static const struct entry pair[] = {{ROLE_KIN, "kin", "kin", "queue", NULL},
                                    {ROLE_LIMIT, "MPMC ring", "limit", "mpmc", NULL},
                                    {ROLE_KERNEL, MSG, "kernel", "sysv", NULL},
                                    {ROLE_PEER, BOOST, "boost", "queue", NULL},
                                    {ROLE_PEER, QB, "qb", "ring", NULL},
                                    {ROLE_PEER, "pipe", "kernel", "pipe", NULL},
                                    {ROLE_PEER, "POSIX mq", "kernel", "mqueue", NULL},
                                    {0}};

static const struct entry stream[] = {{ROLE_KIN, "kin", "kin", "queue", NULL},
                                      {ROLE_LIMIT, RING, "limit", "ring", NULL},
                                      {ROLE_KERNEL, MSG, "kernel", "sysv", NULL},
                                      {ROLE_PEER, BOOST, "boost", "queue", NULL},
                                      {ROLE_PEER, QB, "qb", "ring", NULL},
                                      {ROLE_PEER, "ZeroMQ pair", "zmq", "pair", NULL},
                                      {ROLE_PEER, "pipe", "kernel", "pipe", NULL},
                                      {ROLE_PEER, "POSIX mq", "kernel", "mqueue", NULL},
                                      {0}};

/* For four processes, and for two at the same queue. */
static const struct entry many[] = {{ROLE_KIN, "kin", "kin", "queue", NULL},
                                    {ROLE_LIMIT, "MPMC ring", "limit", "mpmc", NULL},
                                    {ROLE_KERNEL, MSG, "kernel", "sysv", NULL},
                                    {ROLE_PEER, BOOST, "boost", "queue", NULL},
                                    {ROLE_PEER, "POSIX mq", "kernel", "mqueue", NULL},
                                    {0}};

static const struct entry latency_apart[] = {{ROLE_KIN, "kin", "kin", "queue", NULL},
                                             {ROLE_LIMIT, RING, "limit", "ring", NULL},
                                             {ROLE_KERNEL, MSG, "kernel", "sysv", NULL},
                                             {ROLE_PEER, BOOST, "boost", "queue", NULL},
                                             {ROLE_PEER, QB, "qb", "ring", NULL},
                                             {ROLE_PEER, "ZeroMQ pair", "zmq", "pair", NULL},
                                             {ROLE_PEER, "pipe", "kernel", "pipe", NULL},
                                             {ROLE_PEER, "POSIX mq", "kernel", "mqueue", NULL},
                                             {ROLE_PEER, "futex", "limit", "futex", NULL},
                                             {ROLE_PEER, "cache line", "limit", "line", NULL},
                                             {0}};

static const struct entry latency_same[] = {{ROLE_KIN, "kin", "kin", "queue", NULL},
                                            {ROLE_LIMIT, "futex", "limit", "futex", NULL},
                                            {ROLE_KERNEL, MSG, "kernel", "sysv", NULL},
                                            {ROLE_PEER, BOOST, "boost", "queue", NULL},
                                            {ROLE_PEER, QB, "qb", "ring", NULL},
                                            {ROLE_PEER, "ZeroMQ pair", "zmq", "pair", NULL},
                                            {ROLE_PEER, "pipe", "kernel", "pipe", NULL},
                                            {ROLE_PEER, "POSIX mq", "kernel", "mqueue", NULL},
                                            {ROLE_PEER, RING ", yielding", "limit", "ring", NULL},
                                            {0}};

static const struct entry channel[] = {{ROLE_KIN, "kin", "kin", "channel", NULL},
                                       {ROLE_LIMIT, RING, "limit", "ring", NULL},
                                       {ROLE_KERNEL, "pipe", "kernel", "pipe", NULL},
                                       {ROLE_PEER, "Boost lockfree spsc", "boost", "ring", NULL},
                                       {0}};

static const struct entry pipes[] = {{ROLE_KIN, "kin", "kin", "pipe", NULL},
                                     {ROLE_LIMIT, "RWF_NOSIGNAL+read", "kernel", "quiet-pipe", NULL},
                                     {ROLE_KERNEL, "write+read", "kernel", "pipe", NULL},
                                     {0}};

static const struct entry descriptors[] = {{ROLE_KIN, "kin", "kin", "descriptor", NULL},
                                           {ROLE_KERNEL, "sendmsg+recvmsg", "kernel", "descriptor", NULL},
                                           {0}};

static const struct entry descriptors_64[] = {
    {ROLE_KIN, "kin", "kin", "descriptor", NULL},
    {ROLE_KERNEL, "sendmsg+recvmsg", "kernel", "descriptor", NULL},
    {ROLE_PEER, "sendmsg+recvmsg of one", "kernel", "descriptor", "fd-1"},
    {ROLE_PEER, "kin, 64 messages of one", "kin", "descriptor", "fd-batch-64"},
    {0}};
static const struct entry any[] = {{ROLE_KIN, "kin", "kin", "any-64", NULL},
                                   {ROLE_LIMIT, "futex", "limit", "futex", NULL},
                                   {ROLE_PEER, "kin, any of 1", "kin", "any-1", NULL},
                                   {ROLE_PEER, "kin, one queue", "kin", "queue", NULL},
                                   {0}};

#define SOCKET "Unix socket"
static const struct entry call[] = {{ROLE_KIN, "kin", "kin", "service", NULL},
                                    {ROLE_KERNEL, SOCKET, "kernel", "socket", NULL},
                                    {ROLE_PEER, "kin, two queues", "kin", "queue", NULL},
                                    {ROLE_PEER, "ZeroMQ pair", "zmq", "pair", NULL},
                                    {0}};

static const struct entry loan[] = {{ROLE_KIN, "kin", "kin", "loan", NULL},
                                    {ROLE_LIMIT, "1 MiB handed over", "limit", "touch", NULL},
                                    {ROLE_KERNEL, "pipe, copied", "kernel", "big-pipe", NULL},
                                    {ROLE_PEER, "kin, 64 B copied", "kin", "queue", NULL},
                                    {ROLE_PEER, BOOST ", copied", "boost", "big-queue", NULL},
                                    {0}};

static const struct entry lock[] = {{ROLE_KIN, "kin", "kin", "lock", NULL},
                                    {ROLE_LIMIT, "CAS lock", "limit", "cas", NULL},
                                    {ROLE_KERNEL, "semop SEM_UNDO", "kernel", "semop", NULL},
                                    {ROLE_PEER, ROBUST, "kernel", "robust", NULL},
                                    {ROLE_PEER, "glibc mutex", "kernel", "mutex", NULL},
                                    {ROLE_PEER, "APR robust mutex", "apr", "mutex", NULL},
                                    {ROLE_PEER, "Boost mutex", "boost", "mutex", NULL},
                                    {0}};

#define RAW_OFD "fcntl F_OFD_SETLKW"
static const struct entry filelock[] = {{ROLE_KIN, "kin", "kin", "filelock", NULL},
                                        {ROLE_KERNEL, RAW_OFD, "kernel", "ofd", NULL},
                                        {ROLE_PEER, "flock()", "kernel", "flock", NULL},
                                        {0}};

static const struct entry lock_command[] = {{ROLE_KIN, "kin lock", "kin", "lock-command", NULL},
                                            {ROLE_KERNEL, "flock(1)", "kernel", "flock-command", NULL},
                                            {ROLE_PEER, "CMD alone", "kernel", "posix-spawn", NULL},
                                            {0}};

static const struct entry readers[] = {{ROLE_KIN, "kin", "kin", "rwlock", NULL},
                                       {ROLE_PEER, RWLOCK, "kernel", "rwlock", NULL},
                                       {0}};

static const struct entry signal_nobody[] = {{ROLE_KIN, "kin", "kin", "condition", NULL},
                                             {ROLE_LIMIT, "CAS lock", "limit", "cas", "lock"},
                                             {0}};

#define CLASSES "size classes, CAS lock"
static const struct entry arena[] = {{ROLE_KIN, "kin", "kin", "arena", NULL},
                                     {ROLE_LIMIT, CLASSES, "limit", "classes", NULL},
                                     {0}};

#define SHM "shm_open+mmap"
static const struct entry segment[] = {{ROLE_KIN, "kin", "kin", "segment", NULL},
                                       {ROLE_KERNEL, SHM, "kernel", "shm", NULL},
                                       {0}};

static const struct entry spawn[] = {{ROLE_KIN, "kin", "kin", "spawn", NULL},
                                     {ROLE_LIMIT, "vfork+exec", "limit", "vfork", NULL},
                                     {ROLE_KERNEL, "fork+exec", "kernel", "fork", NULL},
                                     {ROLE_PEER, "posix_spawn", "kernel", "posix-spawn", NULL},
                                     {ROLE_PEER, "uv_spawn", "uv", "spawn", NULL},
                                     {ROLE_PEER, "apr_proc_create", "apr", "spawn", NULL},
                                     {0}};

#define BARE "kin spawn"
static const struct entry restart[] = {{ROLE_KIN, "kin", "kin", "restart", NULL},
                                       {ROLE_PEER, BARE, "kin", "spawn", NULL},
                                       {ROLE_LIMIT, "vfork+exec", "limit", "vfork", NULL},
                                       {0}};

static const struct entry spawn_big[] = {{ROLE_KIN, "kin", "kin", "spawn", NULL},
                                         {ROLE_LIMIT, "vfork+exec", "limit", "vfork", NULL},
                                         {ROLE_KERNEL, "fork+exec", "kernel", "fork", NULL},
                                         {ROLE_PEER, "kin at 10 MiB", "kin", "spawn", "spawn-10-x"},
                                         {ROLE_PEER, "uv_spawn", "uv", "spawn", NULL},
                                         {0}};

#define GROWTH(name, what)                                                                                             \
    static const struct entry name[] = {{ROLE_KIN, "kin", "kin", "growth", NULL},                                      \
                                        {ROLE_PEER, "kin at 1", "kin", "growth", what "-1"},                           \
                                        {ROLE_PEER, "kin at 30", "kin", "growth", what "-30"},                         \
                                        {0}}
GROWTH(queues, "queues");
GROWTH(turns, "turns");
GROWTH(lives, "lives");

static const struct entry queued[] = {{ROLE_KIN, "kin", "kin", "growth", NULL},
                                      {ROLE_PEER, "kin at 1", "kin", "growth", "queued-1"},
                                      {ROLE_PEER, "kin at 1,000", "kin", "growth", "queued-1000"},
                                      {0}};

static const struct entry death[] = {{ROLE_KIN, "kin", "kin", "death", NULL},
                                     {ROLE_KERNEL, ROBUST, "kernel", "robust", "death"},
                                     {ROLE_PEER, "kin at 10", "kin", "death", "death-10"},
                                     {0}};

static const struct entry sleepers[] = {{ROLE_KIN, "kin", "kin", "death", NULL},
                                        {ROLE_PEER, "kin with none", "kin", "death", "sleepers-0"},
                                        {ROLE_PEER, "kin with 100", "kin", "death", "sleepers-100"},
                                        {0}};

static const struct entry woken[] = {{ROLE_KIN, "kin", "kin", "death", NULL},
                                     {ROLE_PEER, "kin with 100", "kin", "death", "woken-100"},
                                     {0}};

#define NEAR_VFORK {"vfork+exec", FORM_AT_MOST, 1.10, 1.03}
#define FLAT {"kin at 10 MiB", FORM_AT_MOST, 1.15, 0}
#define SCARCELY_GROWN {"kin at 1", FORM_AT_MOST, 1.3, 0}

static const struct entry semaphore[] = {{ROLE_KIN, "kin", "kin", "semaphore", NULL},
                                         {ROLE_LIMIT, "CAS", "limit", "cas", NULL},
                                         {ROLE_KERNEL, SEMOP, "kernel", "semop", NULL},
                                         {ROLE_PEER, SEM_T, "kernel", "semaphore", NULL},
                                         {0}};

const struct row rows[] = {
    {.name = "pair", .title = "queue: send and receive 64 B, alone", NS, .picture = "pair", .entries = pair,
     .goals = {{MSG, FORM_TIMES, 50, 70}, {BOOST, FORM_TIMES, 0, 1}}},
    {.name = "stream-x", .title = "queue: 1 producer, 1 consumer, 64 B, x", MILLIONS("messages"), .picture = "1 to 1",
     .entries = stream,
     .goals = {{MSG, FORM_TIMES, 9, 0}, {BOOST, FORM_TIMES, 1.5, 0}, {RING, FORM_TIMES, 0, 12.0 / 31}}},
    {.name = "stream-s", .title = "queue: 1 producer, 1 consumer, 64 B, s", MILLIONS("messages"), .entries = stream},
    {.name = "many-x", .title = "queue: 2 producers, 2 consumers, 64 B, x", MILLIONS("messages"), .picture = "2 to 2",
     .entries = many, .goals = {{MSG, FORM_TIMES, 10, 0}, {BOOST, FORM_TIMES, 2, 0}}},
    {.name = "many-s", .title = "queue: 2 producers, 2 consumers, 64 B, s", MILLIONS("messages"), .entries = many},
    {.name = "hammer-x", .title = "queue: two processes hammer it, 64 B, x", MILLIONS("calls"), .picture = "hammered",
     .entries = many, .goals = {{MSG, FORM_TIMES, 10, 0}, {"", FORM_AT_LEAST, 0, 40}}},
    {.name = "hammer-x-fairness", .title = "  its fairness", FAIRNESS, .entries = many,
     .goals = {{"", FORM_AT_LEAST, 0.5, 0}}},
    {.name = "hammer-s", .title = "queue: two processes hammer it, 64 B, s", MILLIONS("calls"), .entries = many},
    {.name = "hammer-s-fairness", .title = "  its fairness", FAIRNESS, .entries = many},
    {.name = "latency-x", .title = "queue: one way of 64 B, x", NS, .picture = "latency x", .entries = latency_apart,
     .goals = {{RING, FORM_AT_MOST, 5, 2.5}, {BOOST, FORM_TIMES, 50, 0}, {QB, FORM_TIMES, 50, 0}}},
    {.name = "latency-s", .title = "queue: one way of 64 B, s", NS, .picture = "latency s", .entries = latency_same,
     .goals = {{"futex", FORM_AT_MOST, 1.25, 0.8}, {MSG, FORM_TIMES, 1, 0}}},
    {.name = "channel-latency-x", .title = "channel: one way of 64 B, x", NS, .contest = "latency-x",
     .picture = "channel lat.", .entries = channel, .goals = {{RING, FORM_AT_MOST, 1.6, 1.2}}},
    {.name = "channel-stream-x", .title = "channel: stream of 64 B, x", MILLIONS("messages"), .contest = "stream-x",
     .picture = "channel", .entries = channel, .goals = {{RING, FORM_TIMES, 1.0, 1.3}}},
    {.name = "channel-latency-s", .title = "channel: one way of 64 B, s", NS, .contest = "latency-s",
     .entries = channel},
    {.name = "channel-stream-s", .title = "channel: stream of 64 B, s", MILLIONS("messages"), .contest = "stream-s",
     .entries = channel},
    {.name = "fd-1", .title = "descriptor: pass and close one, alone", NS, .entries = descriptors,
     .goals = {{"sendmsg+recvmsg", FORM_TIMES, 0.95, 1}}},
    {.name = "fd-64", .title = "descriptor: the same, 64 with a message", NS, .entries = descriptors_64,
     .goals = {{"sendmsg+recvmsg of one", FORM_TIMES, 5, 0}}},
    {.name = "any-x", .title = "any of 64 queues: one way of 64 B, x", NS, .contest = "latency-x", .entries = any,
     .goals = {{"kin, any of 1", FORM_AT_MOST, 2, 1.2}}},
    {.name = "any-s", .title = "any of 64 queues: one way of 64 B, s", NS, .contest = "latency-s", .entries = any,
     .goals = {{"kin, any of 1", FORM_AT_MOST, 2, 1.2}}},
    {.name = "call-x", .title = "service: half of a call of 64 B, x", NS, .contest = "latency-x", .entries = call,
     .goals = {{SOCKET, FORM_TIMES, 10, 0}, {"kin, two queues", FORM_AT_MOST, 3, 0}}},
    {.name = "call-s", .title = "service: half of a call of 64 B, s", NS, .contest = "latency-s", .entries = call,
     .goals = {{SOCKET, FORM_TIMES, 1, 0}, {"kin, two queues", FORM_AT_MOST, 1.5, 0}}},
    {.name = "loan-x", .title = "queue: one way of 1 MiB by loan and borrow, x", NS, .contest = "latency-x",
     .entries = loan, .goals = {{"kin, 64 B copied", FORM_AT_MOST, 2, 1.3}}},
    {.name = "loan-s", .title = "queue: one way of 1 MiB by loan and borrow, s", NS, .contest = "latency-s",
     .entries = loan, .goals = {{"kin, 64 B copied", FORM_AT_MOST, 2, 1.3}}},
    {.name = "pipe", .title = "pipe: write and read 64 B, alone", NS, .contest = "pair", .entries = pipes,
     .goals = {{"RWF_NOSIGNAL+read", FORM_AT_MOST, 1.05, 0}, {"write+read", FORM_AT_MOST, 1.25, 1.03}}},
    {.name = "pipe-s", .title = "pipe: one way of 64 B, s", NS, .contest = "latency-s", .entries = pipes,
     .goals = {{"RWF_NOSIGNAL+read", FORM_AT_MOST, 1.05, 0}, {"write+read", FORM_AT_MOST, 1.25, 1.03}}},
    {.name = "lock", .title = "lock: acquire and release, alone", NS, .picture = "lock", .entries = lock,
     .goals = {{ROBUST, FORM_AT_MOST, 0.7, 0.45}}},
    {.name = "contended-x", .title = "lock: two processes want it, x", MILLIONS("cycles"), .picture = "contended",
     .entries = lock, .goals = {{ROBUST, FORM_TIMES, 1.5, 3}}},
    {.name = "contended-x-fairness", .title = "  its fairness", FAIRNESS, .entries = lock,
     .goals = {{"", FORM_AT_LEAST, 0.7, 0}}},
    {.name = "contended-s", .title = "lock: two processes want it, s", MILLIONS("cycles"), .entries = lock},
    {.name = "contended-s-fairness", .title = "  its fairness", FAIRNESS, .entries = lock},
    {.name = "semaphore", .title = "semaphore: P and V with undo, alone", NS, .contest = "lock",
     .entries = semaphore, .goals = {{SEMOP, FORM_TIMES, 50, 120}}},
    {.name = "semaphore-x", .title = "semaphore: two processes want it, x", MILLIONS("cycles"),
     .contest = "contended-x", .entries = semaphore,
     .goals = {{SEMOP, FORM_TIMES, 300, 0}, {SEM_T, FORM_TIMES, 0.5, 0}}},
    {.name = "semaphore-s", .title = "semaphore: two processes want it, s", MILLIONS("cycles"),
     .contest = "contended-s", .entries = semaphore},
    {.name = "filelock", .title = "file lock: acquire and release, alone", NS, .contest = "lock", .entries = filelock,
     .goals = {{RAW_OFD, FORM_AT_MOST, 1.1, 0}}},
    {.name = "lock-command", .title = "run a command under a file lock", US, .contest = "spawn-1-x",
     .entries = lock_command, .goals = {{"flock(1)", FORM_AT_MOST, 1.0, 0}}},
    {.name = "rwlock", .title = "rwlock: read and release, alone", NS, .contest = "lock", .entries = readers},
    {.name = "readers", .title = "rwlock: two readers", MILLIONS("cycles"), .entries = readers,
     .goals = {{RWLOCK, FORM_TIMES, 2, 0}}},
    {.name = "signal", .title = "condition: signal, nobody waits", NS, .entries = signal_nobody,
     .goals = {{"CAS lock", FORM_AT_MOST, 1, 0}}},
    {.name = "arena", .title = "arena: alloc and free, 64 to 512 B, alone", NS, .contest = "lock", .entries = arena,
     .goals = {{CLASSES, FORM_AT_MOST, 2, 0}}},
    {.name = "attach", .title = "segment: attach one that exists, read a byte, detach", US, .contest = "lock",
     .entries = segment, .goals = {{SHM, FORM_AT_MOST, 1.1, 0}}},
    {.name = "spawn-10-x", .title = "start a command, 10 MiB resident", US, .picture = "spawn", .entries = spawn,
     .goals = {NEAR_VFORK}},
    {.name = "spawn-10-s", .title = "start a command, 10 MiB resident, one cpu", US, .entries = spawn,
     .goals = {NEAR_VFORK}},
    {.name = "restart-x", .title = "supervisor: from one end of a command to the next", US, .contest = "spawn-10-x",
     .entries = restart, .goals = {{BARE, FORM_AT_MOST, 1.2, 0}}},
    {.name = "restart-s", .title = "supervisor: the same, one cpu", US, .contest = "spawn-10-s",
     .entries = restart, .goals = {{BARE, FORM_AT_MOST, 1.2, 0}}},
    {.name = "spawn-1024-x", .title = "start a command, 1 GiB resident", US, .big = true, .entries = spawn_big,
     .goals = {NEAR_VFORK, FLAT}},
    {.name = "spawn-4096-x", .title = "start a command, 4 GiB resident", US, .big = true, .entries = spawn_big,
     .goals = {NEAR_VFORK, FLAT, {"uv_spawn", FORM_TIMES, 150, 0}}},
    {.name = "queued-1000000", .title = "pair with 1,000,000 messages queued", NS, .entries = queued,
     .goals = {SCARCELY_GROWN}},
    {.name = "queues-1000", .title = "pair with 1,000 queues open", NS, .entries = queues, .goals = {SCARCELY_GROWN}},
    {.name = "turns-1000", .title = "pair on each of 1,000 queues in turn", NS, .entries = turns},
    {.name = "lives-1000", .title = "pair with 1,000 lives", NS, .big = true, .entries = lives,
     .goals = {SCARCELY_GROWN}},
    {.name = "death-1000000", .title = "SIGKILL to next receive, 1,000,000 queued", US, .entries = death,
     .goals = {{"kin at 10", FORM_AT_MOST, 2, 0}}},
    {.name = "sleepers-1000", .title = "SIGKILL to next receive, 1,000 sleepers", US, .big = true,
     .entries = sleepers},
    {.name = "woken-1000", .title = "cpu time of 1,000 sleepers at a death", US, .big = true, .entries = woken},
};
const size_t row_count = sizeof rows / sizeof *rows;
