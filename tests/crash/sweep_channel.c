/* Real kills of every channel operation, by SIGKILL at each instruction; then with somebody asleep who waits for what
 * the victim does; then the bugs that these must catch. No backstop mends anything here.
 *
 *     sweep_channel [NAME]; every moment of a send, a receive and a return of an end, and samples of what is longer,
 *     with KIN_LONG=1 larger ones, their seed printed (KIN_SEED repeats it). */
#include "aid.h"
#include "channel/spsc.h"
#include "sys/plant.h"
#include <errno.h>
#include <fcntl.h>
#include <kin/crash.h>
#include <kin/poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAPACITY 4u
#define LENGTH 24u
#define LONGER 25 /* KIN_LONG: so many times the moments of a sample */

/* The ring holds the messages 1 to `filled`, and its slots were all used before. */
struct play {
    const char *name;
    unsigned filled;
    int (*arrive)(kin_channel *channel);
    int (*operate)(kin_channel *channel);
    int (*wait)(kin_channel *channel); /* a peer's, who must end by himself */
    bool takes, adds;                  /* what the operation, and the peer, may change */
    bool owner_died;                   /* both ends were left by the dead, unsettled */
    unsigned limit;                    /* moments of a short run; 0: all of them */
};

struct run {
    const struct play *play;
    char path[64];
    kin_channel *channel; /* in whichever process looks */
};

static int send_number(kin_channel *channel, unsigned number, kin_time until)
{
    unsigned char data[LENGTH];
    memset(data, (int)number, sizeof data);
    return kin_channel_send(channel, data, LENGTH, until);
}

/* The number, or the negative error. A torn message is -EILSEQ. */
static int receive_number(kin_channel *channel, kin_time until)
{
    unsigned char data[LENGTH];
    int result = kin_channel_receive(channel, data, LENGTH, until);
    for (unsigned i = 0; result >= 0 && i < LENGTH; i++)
        if ((unsigned)result != LENGTH || data[i] != data[0])
            return -EILSEQ;
    return result < 0 ? result : data[0];
}

static int enter(kin_channel *channel)
{
    int result = 0;
    return life_enter(channel->object.domain, &result) ? 0 : result;
}

static int claim_producer(kin_channel *channel)
{
    int result = enter(channel);
    struct seat *seat = result == 0 ? end_enter(channel, PRODUCER, &result) : NULL;
    return seat ? 0 : result;
}

static int claim_consumer(kin_channel *channel)
{
    int result = enter(channel);
    struct seat *seat = result == 0 ? end_enter(channel, CONSUMER, &result) : NULL;
    return seat ? 0 : result;
}

static int send_next(kin_channel *channel)
{
    return send_number(channel, 3, KIN_NOW);
}

static int receive_first(kin_channel *channel)
{
    int number = receive_number(channel, KIN_NOW);
    return number == 1 ? 0 : number < 0 ? number : -EILSEQ;
}

static int release_producer(kin_channel *channel)
{
    int result = 0;
    struct seat *seat = life_enter(channel->object.domain, &result);
    end_release(channel, seat, PRODUCER);
    return 0;
}

static int sweep_domain(kin_channel *channel)
{
    struct sweep swept;
    life_sweep(channel->object.domain, &swept);
    return swept.left ? -EBUSY : 0;
}

static int wait_for_message(kin_channel *channel)
{
    int number = receive_number(channel, KIN_FOREVER);
    return number == 3 || number == -EPIPE ? 0 : -EILSEQ;
}

static int wait_for_room(kin_channel *channel)
{
    int result = send_number(channel, 5, KIN_FOREVER);
    return result == -EPIPE ? 0 : result;
}

static int poll_for_message(kin_channel *channel)
{
    kin_poll *set;
    int which, number, result = kin_poll_create(&set);
    if (result == 0)
        result = kin_poll_add_channel(set, channel, KIN_CAN_RECEIVE);
    do {
        if (result >= 0)
            result = kin_poll_wait(set, KIN_FOREVER, &which);
        number = result < 0 ? result : receive_number(channel, KIN_NOW);
    } while (number == -ETIMEDOUT);
    return number == 3 || number == -EPIPE ? 0 : -EILSEQ;
}

static const struct play plays[] = {
    {"kin_channel_send", 2, claim_producer, send_next, .adds = true},
    {"kin_channel_receive", 2, claim_consumer, receive_first, .takes = true},
    {"the first kin_channel_send", 2, enter, send_next, .adds = true, .limit = 40},
    {"the first kin_channel_receive", 2, enter, receive_first, .takes = true, .limit = 40},
    {"giving an end back", 2, claim_producer, release_producer},
    {"kin_channel_send, taking a dead one's place", 2, enter, send_next, .adds = true, .owner_died = true, .limit = 40},
    {"kin_channel_receive, taking a dead one's place", 2, enter, receive_first, .takes = true, .owner_died = true,
     .limit = 40},
    {"a sweep of dead owners", 2, enter, sweep_domain, .owner_died = true, .limit = 8},
    {"kin_channel_send, the consumer sleeps", 0, claim_producer, send_next, wait_for_message, .takes = true,
     .adds = true, .limit = 40},
    {"kin_channel_receive, the producer sleeps", 4, claim_consumer, receive_first, wait_for_room, .takes = true,
     .adds = true, .limit = 40},
    {"kin_channel_send, the consumer polls", 0, claim_producer, send_next, poll_for_message, .takes = true,
     .adds = true, .limit = 40},
};

static int open_channel(kin_channel **channel)
{
    int result = kin_channel_open(NULL, "c", KIN_CHANNEL(.messages = CAPACITY, .message_max = LENGTH), channel);
    return result < 0 ? kin_crash_fail("%s", kin_reason()) : 0;
}

static int build(const struct play *play)
{
    kin_channel *channel;
    if (open_channel(&channel) < 0)
        return 1;
    for (unsigned i = 0; i < CAPACITY + 1; i++)
        if (send_number(channel, 100 + i, KIN_NOW) < 0 || receive_number(channel, KIN_NOW) < 0)
            return 1;
    for (unsigned i = 1; i <= play->filled; i++)
        if (send_number(channel, i, KIN_NOW) < 0)
            return 1;
    if (play->owner_died)
        raise(SIGKILL);
    kin_channel_close(channel);
    return 0;
}

static int prepare(void *context)
{
    struct run *run = context;
    int status = -1;
    if (remove_directory(run->path) != 0)
        return kin_crash_fail("cannot remove %s", run->path);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        exit(build(run->play));
    if (child < 0 || waitpid(child, &status, 0) != child ||
        (run->play->owner_died ? !WIFSIGNALED(status) : status != 0))
        return kin_crash_fail("the builder failed");
    return 0;
}

static int act(struct run *run, int (*step)(kin_channel *channel))
{
    if (!run->channel && open_channel(&run->channel) < 0)
        return -1;
    int result = step(run->channel);
    return result < 0 ? kin_crash_fail("it failed: %d (%s)", result, kin_reason()) : 0;
}

static int arrive(void *context)
{
    struct run *run = context;
    return act(run, run->play->arrive);
}

static int operate(void *context)
{
    struct run *run = context;
    return act(run, run->play->operate);
}

static int peer_arrive(void *context)
{
    return act(context, enter);
}

static int peer_wait(void *context)
{
    struct run *run = context;
    return act(run, run->play->wait);
}

/* The next ones fill the ring and empty it: each place is still there, and the order holds. */
static int go_on(kin_channel *channel)
{
    for (unsigned i = 0; i < CAPACITY; i++)
        if (send_number(channel, 50 + i, KIN_NOW) < 0)
            return kin_crash_fail("%u of %u places can be used: %s", i, CAPACITY, kin_reason());
    for (unsigned i = 0; i < CAPACITY; i++)
        if (receive_number(channel, KIN_NOW) != (int)(50 + i))
            return kin_crash_fail("message %u of a full ring did not come", i);
    return 0;
}

static int check(void *context, const struct kin_crash_point *point)
{
    struct run *run = context;
    const struct play *play = run->play;
    int first = 0, last = 0, number;
    unsigned count = 0;
    if (!run->channel && open_channel(&run->channel) < 0)
        return -1;
    while ((number = receive_number(run->channel, KIN_NOW)) >= 0) {
        if (count++ == 0)
            first = number;
        else if (number != last + 1)
            return kin_crash_fail("message %d came after message %d", number, last);
        last = number;
    }
    if (number != -ETIMEDOUT && number != -EPIPE)
        return kin_crash_fail("receiving ends with %d (%s)", number, kin_reason());
    if (play->wait && count != play->filled)
        return kin_crash_fail("%u messages are left beside a peer who went on", count);
    if (!play->wait) {
        bool taken = first == 2, added = last == 3;
        if (!taken && first != 1)
            return kin_crash_fail("the first message is %d", first);
        if (!added && last != 2)
            return kin_crash_fail("the last message is %d", last);
        if ((taken && !play->takes) || (added && !play->adds) ||
            (point->finished && (taken != play->takes || added != play->adds)))
            return kin_crash_fail("messages %d to %d are left%s", first, last,
                                  point->finished ? ", though it returned" : "");
    }
    return go_on(run->channel);
}

static int sweep(const struct play *play, struct kin_crash_result *result)
{
    struct run run = {.play = play, .path = "/dev/shm/kin-channel-XXXXXX"};
    if (!mkdtemp(run.path) || setenv("KIN_DOMAIN", run.path, 1) < 0)
        return -1;
    struct kin_crash *crash =
        KIN_CRASH(.context = &run, .prepare = prepare, .victim = {arrive, operate}, .check = check,
                  .limit = play->limit * (getenv("KIN_LONG") ? LONGER : 1), .seed = sweep_seed());
    if (play->wait)
        crash->peer = (struct kin_crash_actor){peer_arrive, peer_wait};
    int found = kin_crash_run(crash, KIN_CRASH_KILL, result);
    return remove_directory(run.path) == 0 ? found : -1;
}

static int with_channel(int (*use)(kin_channel *channel))
{
    kin_channel *channel;
    if (open_channel(&channel) < 0 || use(channel) < 0)
        _exit(1);
    kin_channel_close(channel);
    return 0;
}

static int send_stopping(kin_channel *channel)
{
    int result = claim_producer(channel);
    raise(SIGSTOP);
    if (result == 0)
        result = send_next(channel);
    raise(SIGSTOP);
    return result;
}

static int send_between_stops(void)
{
    return with_channel(send_stopping);
}

static int wait_awake(void)
{
    return with_channel(wait_for_message);
}

static int until_stopped(pid_t child)
{
    int status;
    return waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) ? 0 : -1;
}

/* The consumer stands between his last look and his sleep when the message comes. */
static int stopped_consumer(int patience)
{
    pid_t producer = start_process(0, send_between_stops);
    int result = until_stopped(producer);
    pid_t consumer = start_process(PLANT_BIT(PLANT_STOP_AWAKE), wait_awake);
    result += until_stopped(consumer);
    kill(producer, SIGCONT);
    result += until_stopped(producer);
    kill(consumer, SIGCONT);
    result += ends(consumer, patience);
    kill(producer, SIGCONT);
    return ends(producer, HANG) + result;
}

static void bite(void)
{
    struct kin_crash_result result;
    tap_bite(PLANT_NO_FIRE, "the sleeper's word is not changed before the wake", stopped_consumer);
    kin_planted = PLANT_BIT(PLANT_COMMIT_FIRST);
    bool caught = sweep(&plays[0], &result) == KIN_CRASH_FAULT;
    tap_sweep(caught, "commit before payload", &result, "caught: commit before payload");
    kin_planted = 0;
}

int main(int argc, char **argv)
{
    kin_backstop = INT64_C(1000) * 1000 * 1000 * 1000;
    if (!tap_begin())
        return TAP_SKIP;
    for (unsigned i = 0; i < sizeof plays / sizeof *plays; i++) {
        struct kin_crash_result result;
        if (!tap_wants(argv[1], plays[i].name))
            continue;
        bool good = sweep(&plays[i], &result) == 0;
        tap_sweep(good, plays[i].name, &result, "%s", plays[i].name);
    }
    if (argc == 1)
        bite();
    return tap_end();
}
