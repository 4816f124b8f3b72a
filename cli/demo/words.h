/* Counts of words. A word is a longest run of letters and digits, and of bytes above 127, so that UTF-8 stays whole;
 * the 26 capital letters are counted as small ones. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct word {
    uint64_t count;
    size_t text; /* offset in `texts` */
    uint32_t length, hash;
};

struct words {
    struct word *slots; /* open addressing; free where count is 0 */
    size_t slot_count, distinct;
    uint64_t total;
    char *texts;
    size_t texts_length, texts_room;
    bool broken; /* memory ran out */
};

void words_init(struct words *words);
void words_clear(struct words *words);
void words_free(struct words *words);

bool is_word_byte(unsigned char byte);
/* Counts each word of the text, `times` over. */
void words_count(struct words *words, const char *text, size_t length, uint64_t times);
uint64_t words_of(const struct words *words, const char *word, uint32_t length);
bool words_equal(const struct words *one, const struct words *other);
/* The most frequent ones, most first. Returns how many, at most `most`. */
size_t words_top(const struct words *words, const struct word **top, size_t most);

/* As a message: count, length and bytes of each word. */
size_t words_packed_size(const struct words *words);
void words_pack(const struct words *words, char *data);
/* Adds a packed count. False: that is none. */
bool words_add_packed(struct words *words, const char *data, size_t length);
