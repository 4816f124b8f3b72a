/* Boost's message_queue: a sender is killed while it copies its message in.
 *
 * The message lies on a page that may not be read, so the copy inside send() stops in a signal handler, and there the
 * sender is killed: as any SIGKILL may hit it at this very instruction. */
#include "scene.h"
#include <boost/interprocess/ipc/message_queue.hpp>
#include <string>

using boost::interprocess::create_only;
using boost::interprocess::message_queue;

static message_queue *queue;

static void stop_here(int)
{
    report();
    pause();
}

static int send_slowly()
{
    void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    signal(SIGSEGV, stop_here);
    queue->send(page, 64, 0);
    return 0;
}

static int send_and_receive()
{
    char message[64] = {};
    message_queue::size_type length;
    unsigned priority;
    queue->send(message, sizeof message, 0);
    queue->receive(message, sizeof message, length, priority);
    return 0;
}

int main()
{
    std::string name = "neighbour-" + std::to_string(getpid());
    message_queue whole(create_only, name.c_str(), 16, 64);
    message_queue::remove(name.c_str());
    queue = &whole;

    pid_t sender = start(send_slowly);
    heard();
    end(sender);
    return outcome(start(send_and_receive)) < 0 ? tell(HANGS, "the next send never returns")
                                                : tell(GIVES_BACK, "others send and receive");
}
