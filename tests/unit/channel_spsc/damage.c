/* Damaged memory: whatever bit is flipped, no call crashes, hangs, or hands out more than the buffer takes. */
#include "channel/spsc.h"
#include "channels.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MESSAGES 4
#define LONGEST 56
#define BUFFER 64

static size_t file_bytes;

static unsigned char *map_file(void)
{
    char path[128];
    struct stat about;
    snprintf(path, sizeof path, "%s/c.kin", getenv("KIN_DOMAIN"));
    int file = open(path, O_RDWR);
    check(file >= 0 && fstat(file, &about) == 0);
    file_bytes = (size_t)about.st_size;
    unsigned char *memory = mmap(NULL, file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    check(memory != MAP_FAILED);
    close(file);
    return memory;
}

static struct channel_header *header_of(unsigned char *memory)
{
    return (struct channel_header *)(void *)memory;
}

/* Every call, whatever it returns; errors must have a sentence. */
static void use(kin_channel *channel)
{
    unsigned char buffer[BUFFER + 1];
    for (unsigned i = 0; i < 3 * MESSAGES; i++) {
        buffer[BUFFER] = 0x5a;
        int result = kin_channel_receive(channel, buffer, BUFFER, i % 4 ? KIN_NOW : kin_after(20000));
        check(result <= BUFFER && buffer[BUFFER] == 0x5a && (result >= 0 || *kin_reason()));
        result = kin_channel_send(channel, buffer, i % LONGEST, i % 4 ? KIN_NOW : kin_after(20000));
        check(result <= 0 && (result == 0 || *kin_reason()));
    }
}

struct flips {
    unsigned char *memory;
    uint64_t *bits; /* which, as a number in the file */
    unsigned count;
    unsigned done;
    bool in_use; /* while a thread has both ends, and not before they are opened */
};

/* Two rounds of the ring lie behind; two messages are in it. */
static kin_channel *with_messages(void)
{
    kin_channel *channel = channel_of(MESSAGES, LONGEST);
    for (unsigned i = 0; i < 2 * MESSAGES + 2; i++) {
        check_is(send_numbered(channel, i, LONGEST, KIN_NOW), 0);
        if (i >= 2)
            check_is(receive_numbered(channel, i - 2, LONGEST, KIN_NOW), LONGEST);
    }
    return channel;
}

static void flip(struct flips *flips, uint64_t bit)
{
    flips->memory[bit / 8] ^= (unsigned char)(1u << bit % 8);
}

static int flip_and_use(void *context)
{
    struct flips *flips = context;
    unsigned char *sound = malloc(file_bytes);
    for (; flips->done < flips->count; flips->done++) {
        kin_channel *channel;
        memset(flips->memory + sizeof(struct segment_header), 0, file_bytes - sizeof(struct segment_header));
        struct channel_header *header = header_of(flips->memory);
        header->messages = MESSAGES;
        header->message_max = LONGEST;
        channel = with_messages();
        memcpy(sound, flips->memory, sizeof(struct segment_header));
        if (flips->in_use) {
            flip(flips, flips->bits[flips->done]);
            use(channel);
            kin_channel_close(channel);
        } else {
            kin_channel_close(channel);
            flip(flips, flips->bits[flips->done]);
            if (kin_channel_open(NULL, "c", KIN_CHANNEL(.flags = KIN_MUST_EXIST), &channel) == 0) {
                use(channel);
                kin_channel_close(channel);
            }
        }
        memcpy(flips->memory, sound, sizeof(struct segment_header));
    }
    free(sound);
    return 0;
}

static void flip_all(bool in_use)
{
    kin_channel_close(channel_of(MESSAGES, LONGEST));
    struct flips *flips = test_shared(sizeof *flips);
    flips->memory = map_file();
    flips->in_use = in_use;
    uint64_t slots = header_of(flips->memory)->base.header_bytes, header = offsetof(struct channel_header, pollers[2]);
    flips->bits = test_shared(sizeof(uint64_t) * 8 * (file_bytes + 1));
    for (uint64_t bit = 0; bit < 8 * file_bytes; bit++)
        if (bit / 8 < header || (bit / 8 >= slots && bit / 8 < slots + (uint64_t)MESSAGES * (LONGEST + 8)))
            flips->bits[flips->count++] = bit;
    int result = test_end(test_child(flip_and_use, flips));
    if (result != 0)
        test_failed(__FILE__, __LINE__, "byte %llu, bit %u: %d", (unsigned long long)flips->bits[flips->done] / 8,
                    (unsigned)(flips->bits[flips->done] % 8), result);
    munmap(flips->memory, file_bytes);
}

static void every_bit_of_a_channel_at_rest(void **state)
{
    (void)state;
    flip_all(false);
}

static void every_bit_of_a_channel_in_use(void **state)
{
    (void)state;
    flip_all(true);
}

#define STREAM 3000

static int produce(void *context)
{
    (void)context;
    kin_channel *channel = channel_of(MESSAGES, LONGEST);
    for (unsigned i = 0; i < STREAM && send_number(channel, i, KIN_FOREVER) >= 0; i++)
        continue;
    return 0; /* a death: the other is not to wait for more */
}

static int consume(void *context)
{
    (void)context;
    kin_channel *channel = channel_of(MESSAGES, LONGEST);
    for (unsigned i = 0; i < STREAM && receive_number(channel, KIN_FOREVER) >= 0; i++)
        continue;
    return 0;
}

/* Whatever is damaged under their hands, both come to an end, though neither has a deadline. */
static void a_flip_under_a_stream_hangs_nobody(void **state)
{
    (void)state;
    struct dice dice = dice_new();
    for (unsigned i = 0; i < 150; i++) {
        kin_channel_close(channel_of(MESSAGES, LONGEST));
        unsigned char *memory = map_file();
        struct channel_header *header = header_of(memory);
        uint64_t slots = header->base.header_bytes;
        pid_t producer = test_child(produce, NULL), consumer = test_child(consume, NULL);
        uint64_t start = dice_roll(&dice, STREAM);
        test_until(END_OWNER(LOAD(header->ends[PRODUCER].word)) && END_OWNER(LOAD(header->ends[CONSUMER].word)));
        for (unsigned spins = 0; spins < 100000 && LOAD(header->head) < start; spins++)
            relax();
        uint64_t byte = dice_roll(&dice, 2) ? 64 + dice_roll(&dice, sizeof *header - 64)
                                            : slots + dice_roll(&dice, (uint64_t)MESSAGES * (LONGEST + 8));
        memory[byte] ^= (unsigned char)(1u << dice_roll(&dice, 8));
        check_is(test_end(producer), 0);
        check_is(test_end(consumer), 0);
        munmap(memory, file_bytes);
        check_is(kin_remove(NULL, "c", KIN_EVEN_HELD), 0);
    }
}

static void a_message_with_a_damaged_length_is_dropped(void **state)
{
    (void)state;
    kin_channel *channel = channel_of(MESSAGES, LONGEST);
    unsigned char *memory = map_file();
    check_is(send_number(channel, 1, KIN_NOW), 0);
    check_is(send_number(channel, 2, KIN_NOW), 0);
    memory[header_of(memory)->base.header_bytes + 3] = 0xff; /* the high byte of the first slot's length */
    check_refused(receive_number(channel, KIN_NOW), -EBADMSG, "is dropped");
    check_is(receive_number(channel, KIN_NOW), 2);
    kin_channel_close(channel);
    munmap(memory, file_bytes);
}

static void a_damaged_sequence_is_told(void **state)
{
    (void)state;
    kin_channel *channel = channel_of(MESSAGES, LONGEST);
    unsigned char *memory = map_file();
    uint32_t *sequence = (uint32_t *)(void *)(memory + header_of(memory)->base.header_bytes + 4);
    check_is(send_number(channel, 1, KIN_NOW), 0);
    check_is(send_number(channel, 2, KIN_NOW), 0);
    *sequence = 77;
    check_refused(receive_number(channel, SOON), -EBADMSG, "make it anew");
    *sequence = 0; /* as if it had never been sent, though the next one was */
    check_is(receive_number(channel, SOON), -EBADMSG);
    kin_channel_close(channel);
    munmap(memory, file_bytes);
}

static void a_damaged_head_is_told(void **state)
{
    (void)state;
    kin_channel *channel = channel_of(MESSAGES, LONGEST);
    unsigned char *memory = map_file();
    for (unsigned i = 0; i < MESSAGES; i++)
        check_is(send_number(channel, i, KIN_NOW), 0);
    header_of(memory)->head = UINT64_C(1) << 40;
    check_is(send_number(channel, 9, SOON), -EBADMSG);
    kin_channel_close(channel);
    munmap(memory, file_bytes);
}

static int receive_five(void *context)
{
    (void)context;
    kin_channel *channel = channel_of(MESSAGES, LONGEST);
    for (unsigned i = 0; i < MESSAGES + 1; i++)
        check_is(receive_number(channel, SOON), i);
    kin_channel_close(channel);
    return 0;
}

/* The producer believes the ring full, while the consumer sleeps because it is empty. */
static void a_sleeping_consumer_mends_his_head(void **state)
{
    (void)state;
    kin_channel *channel = channel_of(MESSAGES, LONGEST);
    unsigned char *memory = map_file();
    struct channel_header *header = header_of(memory);
    pid_t child = test_child(receive_five, NULL);
    for (unsigned i = 0; i < MESSAGES; i++)
        check_is(send_number(channel, i, KIN_NOW), 0);
    test_until(LOAD(header->head) == MESSAGES);
    test_asleep(child);
    STORE(header->head, 0);
    check_is(send_number(channel, MESSAGES, SOON), 0);
    check_is(test_end(child), 0);
    kin_channel_close(channel);
    munmap(memory, file_bytes);
}

static int send_one(void *context)
{
    (void)context;
    kin_channel *channel = channel_of(MESSAGES, LONGEST);
    int result = send_number(channel, 1, KIN_NOW);
    kin_channel_close(channel);
    return -result;
}

/* The life lives, but knows nothing of that end. */
static void an_owner_who_does_not_name_the_end_is_none(void **state)
{
    (void)state;
    kin_channel *channel = channel_of(MESSAGES, LONGEST);
    unsigned char *memory = map_file();
    struct channel_header *header = header_of(memory);
    check_is(receive_number(channel, KIN_NOW), -ETIMEDOUT);
    header->ends[PRODUCER].word = header->ends[CONSUMER].word;
    check_is(test_end(test_child(send_one, NULL)), 0);
    check_is(receive_number(channel, KIN_NOW), 1);
    kin_channel_close(channel);
    munmap(memory, file_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_with_a_damaged_length_is_dropped),
        TEST(a_damaged_sequence_is_told),
        TEST(a_damaged_head_is_told),
        TEST(a_sleeping_consumer_mends_his_head),
        TEST(an_owner_who_does_not_name_the_end_is_none),
        TEST(every_bit_of_a_channel_at_rest),
        TEST(every_bit_of_a_channel_in_use),
        TEST(a_flip_under_a_stream_hangs_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
