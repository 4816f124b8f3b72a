/* What the queue's tests share: opening, payloads that can be checked, numbers from a printed seed. */
#ifndef TESTS_QUEUES_H
#define TESTS_QUEUES_H

#include "support.h"
#include <kin/queue.h>

/* Opens or makes a queue in the test's domain; zero is the default of each limit. */
kin_queue *queue_of(const char *name, uint32_t messages, uint64_t message_max, uint64_t bytes);

/* Numbers from a seed, which is taken from KIN_SEED, or is new each run; it is printed. */
struct dice {
    uint64_t state;
};
struct dice dice_new(void);
uint64_t dice_roll(struct dice *dice, uint64_t below);

/* Bytes that follow from a number, so that a torn or exchanged payload is seen. */
void payload_write(void *data, uint64_t length, uint64_t number);
bool payload_is(const void *data, uint64_t length, uint64_t number);

/* Sends and receives one number as a message of 8 bytes. */
int send_number(kin_queue *queue, uint64_t number, const struct kin_send *how, kin_time until);
/* The number, or the negative error. */
int64_t receive_number(kin_queue *queue, const struct kin_receive *how, kin_time until);

struct kin_queue_status status_of(kin_queue *queue);

#define SECOND INT64_C(1000000000)
#define SOON kin_after(TEST_HANG *SECOND)

#endif
