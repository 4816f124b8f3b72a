/* kin_queue: a sender is killed while it copies its message in, and a worker with a job in hand. The domain is
 * $KIN_DOMAIN. */
#include "scene.h"
#include <kin/queue.h>
#include <string.h>

static kin_queue *queue;

static int open_it(void)
{
    return kin_queue_open(NULL, "jobs", NULL, &queue);
}

static void stop_here(int number)
{
    (void)number;
    report();
    pause();
}

/* The message lies on a page that may not be read: the copy inside kin_queue_send stops in the signal handler. */
static int send_slowly(void)
{
    void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    signal(SIGSEGV, stop_here);
    return open_it() < 0 || kin_queue_send(queue, page, 64, NULL, KIN_FOREVER) < 0;
}

static int send_job(void)
{
    return open_it() < 0 || kin_queue_send(queue, "job", 3, NULL, KIN_FOREVER) < 0;
}

static int send_and_receive(void)
{
    char message[64];
    struct kin_message about;
    return send_job() || kin_queue_receive(queue, message, sizeof message, NULL, KIN_FOREVER, &about) < 0 ||
           about.length != 3 || memcmp(message, "job", 3) != 0;
}

static int take_and_stop(void)
{
    struct kin_message job;
    if (open_it() < 0 || kin_queue_take(queue, NULL, KIN_FOREVER, &job) < 0)
        return 2;
    report();
    pause();
    return 0;
}

static int take_and_finish(void)
{
    struct kin_message job;
    if (open_it() < 0 || kin_queue_take(queue, NULL, KIN_FOREVER, &job) < 0)
        return 2;
    bool right = job.attempts == 1 && job.length == 3 && memcmp(job.data, "job", 3) == 0;
    return kin_queue_done(queue, &job) < 0 || !right;
}

static int kill_sender(void)
{
    pid_t sender = start(send_slowly);
    heard();
    end(sender);
    int result = outcome(start(send_and_receive));
    if (result < 0)
        return tell(HANGS, "the next send never returns");
    return result == 0 ? tell(GIVES_BACK, "the half message is gone, others send and receive")
                       : tell(WRONG, "others cannot send and receive");
}

static int kill_worker(void)
{
    if (outcome(start(send_job)) != 0)
        return 2;
    pid_t worker = start(take_and_stop);
    heard();
    pid_t other = start(take_and_finish);
    end(worker);
    int result = outcome(other);
    if (result < 0)
        return tell(HANGS, "the waiting worker never gets the job");
    return result == 0 ? tell(GIVES_BACK, "the job is put back, and a waiting worker does it")
                       : tell(WRONG, "the waiting worker gets something else");
}

int main(int count, char **words)
{
    return count > 1 && strcmp(words[1], "worker") == 0 ? kill_worker() : kill_sender();
}
