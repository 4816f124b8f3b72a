/* Wake and be woken: what a wait that sleeps costs at the least. */
#include "limit/limit.h"
#include "common/atomic.h"
#include "common/party.h"
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct futex {
    uint32_t word LINE_OF_ITS_OWN;
};

static void *create(void)
{
    return party_memory(2 * sizeof(struct futex));
}

static void send(void *self, unsigned channel, void *data, size_t length)
{
    struct futex *futex = (struct futex *)self + channel;
    (void)data, (void)length;
    STORE_RELEASE(futex->word, 1);
    syscall(SYS_futex, &futex->word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void receive(void *self, unsigned channel, void *data, size_t length)
{
    struct futex *futex = (struct futex *)self + channel;
    (void)data, (void)length;
    while (LOAD_ACQUIRE(futex->word) == 0)
        syscall(SYS_futex, &futex->word, FUTEX_WAIT, 0, NULL, NULL, 0);
    STORE_RELEASE(futex->word, 0);
}

static void destroy(void *self)
{
    munmap(self, 2 * sizeof(struct futex));
}

const struct transport futex_transport = {
    .bare = true, .create = create, .send = send, .receive = receive, .destroy = destroy};
