/* What the channel's tests share: opening, messages that can be checked, numbers from a printed seed. */
#ifndef TESTS_CHANNELS_H
#define TESTS_CHANNELS_H

#include "support.h"
#include <kin/channel.h>

#define SECOND INT64_C(1000000000)
#define SOON kin_after(TEST_HANG *SECOND)

/* Opens or makes the channel "c" in the test's domain; zero is the default of each limit. */
kin_channel *channel_of(uint32_t messages, uint32_t message_max);

/* Numbers from a seed, which is taken from KIN_SEED, or is new each run; it is printed. */
struct dice {
    uint64_t state;
};
struct dice dice_new(void);
uint64_t dice_roll(struct dice *dice, uint64_t below);

/* A message of that length whose every byte follows from the number; a torn or exchanged one is seen. */
#define LENGTH_MOST 70000u
int send_numbered(kin_channel *channel, uint64_t number, uint32_t length, kin_time until);
/* Receives one and checks that it is that number's, of that length. The result of the receive. */
int receive_numbered(kin_channel *channel, uint64_t number, uint32_t length, kin_time until);

/* One message of 8 bytes, the number itself. The number, or the negative error. */
int send_number(kin_channel *channel, uint64_t number, kin_time until);
int64_t receive_number(kin_channel *channel, kin_time until);

/* Keeps the calling process on one processor. */
void run_on(unsigned cpu);

#endif
