#include "demo/words.h"
#include <stdlib.h>
#include <string.h>

enum { SLOTS_AT_FIRST = 1024 };

/* In front of each word of a packed count. */
struct packed {
    uint32_t count, length;
};

void words_init(struct words *words)
{
    *words = (struct words){.slots = calloc(SLOTS_AT_FIRST, sizeof *words->slots), .slot_count = SLOTS_AT_FIRST};
    words->broken = words->slots == NULL;
}

void words_clear(struct words *words)
{
    if (!words->broken)
        memset(words->slots, 0, words->slot_count * sizeof *words->slots);
    words->distinct = words->texts_length = 0;
    words->total = 0;
}

void words_free(struct words *words)
{
    free(words->slots);
    free(words->texts);
}

bool is_word_byte(unsigned char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte >= 128;
}

static char small(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

/* FNV-1a */
static uint32_t hash_of(const char *word, uint32_t length)
{
    uint32_t hash = 2166136261;
    for (uint32_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)small(word[i])) * 16777619;
    return hash;
}

static bool is_word(const struct words *words, const struct word *slot, const char *word, uint32_t length)
{
    const char *text = words->texts + slot->text;
    if (slot->length != length)
        return false;
    for (uint32_t i = 0; i < length; i++)
        if (text[i] != small(word[i]))
            return false;
    return true;
}

/* The word's slot, or the free one where it belongs. */
static struct word *find_slot(const struct words *words, const char *word, uint32_t length, uint32_t hash)
{
    size_t place = hash & (words->slot_count - 1);
    for (;; place = (place + 1) & (words->slot_count - 1)) {
        struct word *slot = &words->slots[place];
        if (slot->count == 0 || (slot->hash == hash && is_word(words, slot, word, length)))
            return slot;
    }
}

static void double_slots(struct words *words)
{
    struct word *more = calloc(2 * words->slot_count, sizeof *more);
    words->broken = more == NULL;
    if (words->broken)
        return;
    size_t count = 2 * words->slot_count;
    for (size_t i = 0; i < words->slot_count; i++) {
        size_t place = words->slots[i].hash & (count - 1);
        while (more[place].count)
            place = (place + 1) & (count - 1);
        more[place] = words->slots[i];
    }
    free(words->slots);
    words->slots = more;
    words->slot_count = count;
}

static size_t keep_text(struct words *words, const char *word, uint32_t length)
{
    if (words->texts_length + length > words->texts_room) {
        size_t room = 2 * words->texts_room + length + 4096;
        char *more = realloc(words->texts, room);
        words->broken = more == NULL;
        if (words->broken)
            return 0;
        words->texts = more;
        words->texts_room = room;
    }
    for (uint32_t i = 0; i < length; i++)
        words->texts[words->texts_length + i] = small(word[i]);
    words->texts_length += length;
    return words->texts_length - length;
}

static void add(struct words *words, const char *word, uint32_t length, uint64_t count)
{
    if (words->broken || count == 0)
        return;
    uint32_t hash = hash_of(word, length);
    struct word *slot = find_slot(words, word, length, hash);
    words->total += count;
    if (slot->count) {
        slot->count += count;
        return;
    }
    *slot = (struct word){.count = count, .text = keep_text(words, word, length), .length = length, .hash = hash};
    if (++words->distinct > words->slot_count / 2)
        double_slots(words);
}

void words_count(struct words *words, const char *text, size_t length, uint64_t times)
{
    for (size_t place = 0; place < length; place++) {
        size_t start = place;
        while (place < length && is_word_byte((unsigned char)text[place]))
            place++;
        if (place > start)
            add(words, text + start, (uint32_t)(place - start), times);
    }
}

uint64_t words_of(const struct words *words, const char *word, uint32_t length)
{
    return words->broken ? 0 : find_slot(words, word, length, hash_of(word, length))->count;
}

bool words_equal(const struct words *one, const struct words *other)
{
    bool equal = !one->broken && !other->broken && one->distinct == other->distinct && one->total == other->total;
    for (size_t i = 0; equal && i < one->slot_count; i++) {
        const struct word *slot = &one->slots[i];
        equal = slot->count == 0 || words_of(other, one->texts + slot->text, slot->length) == slot->count;
    }
    return equal;
}

size_t words_top(const struct words *words, const struct word **top, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; !words->broken && i < words->slot_count; i++) {
        const struct word *slot = &words->slots[i];
        size_t place = count;
        while (place > 0 && slot->count > top[place - 1]->count)
            place--;
        if (slot->count == 0 || place == most)
            continue;
        if (count < most)
            count++;
        for (size_t behind = count - 1; behind > place; behind--)
            top[behind] = top[behind - 1];
        top[place] = slot;
    }
    return count;
}

size_t words_packed_size(const struct words *words)
{
    return words->distinct * sizeof(struct packed) + words->texts_length;
}

void words_pack(const struct words *words, char *data)
{
    for (size_t i = 0; i < words->slot_count; i++) {
        const struct word *slot = &words->slots[i];
        const struct packed head = {(uint32_t)slot->count, slot->length};
        if (slot->count == 0)
            continue;
        memcpy(data, &head, sizeof head);
        memcpy(data + sizeof head, words->texts + slot->text, slot->length);
        data += sizeof head + slot->length;
    }
}

bool words_add_packed(struct words *words, const char *data, size_t length)
{
    while (length > 0) {
        struct packed head;
        if (length < sizeof head)
            return false;
        memcpy(&head, data, sizeof head);
        if (head.length > length - sizeof head)
            return false;
        add(words, data + sizeof head, head.length, head.count);
        data += sizeof head + head.length;
        length -= sizeof head + head.length;
    }
    return !words->broken;
}
