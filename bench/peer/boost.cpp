// Boost: interprocess::message_queue with 64 bytes and 1 MiB, lockfree::spsc_queue in shared memory, and its mutex.
#include "common/contestant.h"
#include "common/party.h"
#include "common/require.h"
#include "common/scratch.h"
#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <memory>
#include <new>
#include <string>
#include <sys/mman.h>

namespace interprocess = boost::interprocess;

namespace {

constexpr size_t big_length = size_t{1} << 20;

struct queues {
    std::string names[2];
    std::unique_ptr<interprocess::message_queue> both[2];
};

template <size_t depth, size_t length> void *queue_create()
{
    queues *self = new queues;
    for (unsigned i = 0; i < 2; i++) {
        self->names[i] = scratch_name() + std::string(i ? "-back" : "-there");
        self->both[i] = std::make_unique<interprocess::message_queue>(interprocess::create_only,
                                                                      self->names[i].c_str(), depth, length);
    }
    return self;
}

void queue_send(void *self, unsigned channel, void *data, size_t length)
{
    static_cast<queues *>(self)->both[channel]->send(data, length, 0);
}

void queue_receive(void *self, unsigned channel, void *data, size_t length)
{
    interprocess::message_queue::size_type got;
    unsigned priority;
    static_cast<queues *>(self)->both[channel]->receive(data, length, got, priority);
}

void queue_destroy(void *self)
{
    queues *queue = static_cast<queues *>(self);
    for (unsigned i = 0; i < 2; i++)
        interprocess::message_queue::remove(queue->names[i].c_str());
    delete queue;
}

struct message {
    char bytes[TRANSPORT_LENGTH];
};
using ring = boost::lockfree::spsc_queue<message, boost::lockfree::capacity<1023>>;

void *ring_create()
{
    ring *both = static_cast<ring *>(party_memory(2 * sizeof(ring)));
    for (unsigned i = 0; i < 2; i++)
        new (&both[i]) ring;
    return both;
}

void ring_send(void *self, unsigned channel, void *data, size_t)
{
    while (!static_cast<ring *>(self)[channel].push(*static_cast<const message *>(data)))
        placement_idle();
}

void ring_receive(void *self, unsigned channel, void *data, size_t)
{
    while (!static_cast<ring *>(self)[channel].pop(*static_cast<message *>(data)))
        placement_idle();
}

void ring_destroy(void *self)
{
    munmap(self, 2 * sizeof(ring));
}

void *mutex_create()
{
    return new (party_memory(sizeof(interprocess::interprocess_mutex))) interprocess::interprocess_mutex;
}

void mutex_acquire(void *self)
{
    static_cast<interprocess::interprocess_mutex *>(self)->lock();
}

void mutex_release(void *self)
{
    static_cast<interprocess::interprocess_mutex *>(self)->unlock();
}

} // namespace

int main(int argc, char **argv)
{
    const transport queue = {0, false, queue_create<256, TRANSPORT_LENGTH>, nullptr, queue_send, queue_receive,
                             nullptr, queue_destroy};
    const transport big_queue = {big_length, false, queue_create<8, big_length>, nullptr, queue_send, queue_receive,
                                 nullptr, queue_destroy};
    const transport ring = {0, false, ring_create, nullptr, ring_send, ring_receive, nullptr, ring_destroy};
    const locker mutex = {mutex_create, nullptr, mutex_acquire, mutex_release, nullptr};
    const contestant contestants[] = {{"queue", &queue, nullptr, nullptr, nullptr, nullptr},
                                      {"big-queue", &big_queue, nullptr, nullptr, nullptr, nullptr},
                                      {"ring", &ring, nullptr, nullptr, nullptr, nullptr},
                                      {"mutex", nullptr, &mutex, nullptr, nullptr, nullptr}};
    return contestant_main(argc, argv, contestants, sizeof contestants / sizeof *contestants);
}
