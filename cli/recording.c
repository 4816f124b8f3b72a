#include "recording.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int digit_of(char letter)
{
    if (letter >= 'A' && letter <= 'Z')
        return letter - 'A';
    if (letter >= 'a' && letter <= 'z')
        return letter - 'a' + 26;
    if (letter >= '0' && letter <= '9')
        return letter - '0' + 52;
    return letter == '+' ? 62 : letter == '/' ? 63 : -1;
}

/* In place of the text, which is longer. */
static bool decode_base64(char *text, uint64_t length, uint64_t *out)
{
    uint64_t written = 0;
    uint32_t group = 0;
    for (uint64_t i = 0; i < length; i++) {
        uint64_t left = length - i;
        bool filling = text[i] == '=' && (left == 1 || (left == 2 && text[i + 1] == '='));
        int digit = filling ? 0 : digit_of(text[i]);
        if (digit < 0)
            return false;
        group = group << 6 | (uint32_t)digit;
        if (i % 4 != 3)
            continue;
        uint64_t bytes = text[i] != '=' ? 3 : text[i - 1] != '=' ? 2 : 1;
        for (uint64_t byte = 0; byte < bytes; byte++)
            text[written++] = (char)(group >> (16 - 8 * byte));
    }
    *out = written;
    return length % 4 == 0;
}

/* A whole number that may be missing. */
static bool read_whole(const json_t *line, const char *name, int64_t least, int64_t most, int64_t *out)
{
    const json_t *value = json_object_get(line, name);
    if (!value)
        return true;
    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= least && *out <= most;
}

static bool read_data(const json_t *line, struct record *out)
{
    const json_t *text = json_object_get(line, "data"), *coded = json_object_get(line, "base64");
    const json_t *value = text ? text : coded;
    if (!json_is_string(value) || (text && coded))
        return false;
    out->length = json_string_length(value);
    out->data = malloc(out->length + 1);
    if (!out->data)
        return false;
    memcpy(out->data, json_string_value(value), out->length + 1);
    return text || decode_base64(out->data, out->length, &out->length);
}

static const char *read_fields(const json_t *line, struct record *out)
{
    int64_t type = 1, priority = 0, sequence = 0, queue = 0;
    const json_t *time = json_object_get(line, "time");
    if (!json_is_object(line))
        return "it is no object";
    if (time && (!json_is_number(time) || !(json_number_value(time) >= 0 && json_number_value(time) < 9e9)))
        return "\"time\" is not seconds since 1970";
    if (!read_whole(line, "type", 1, INT64_MAX, &type))
        return "\"type\" is not a whole number above 0";
    if (!read_whole(line, "priority", 0, KIN_PRIORITY_MAX, &priority))
        return "\"priority\" is not a whole number from 0 to 32767";
    if (!read_whole(line, "sequence", 0, INT64_MAX, &sequence) || !read_whole(line, "queue", 0, INT64_MAX, &queue))
        return "\"sequence\" or \"queue\" is not a whole number";
    if (!read_data(line, out))
        return "it needs a text in \"data\", or one in \"base64\"";
    out->time = time ? (int64_t)llrint(json_number_value(time) * 1e9) : 0;
    out->type = type;
    out->priority = (uint32_t)priority;
    out->sequence = (uint64_t)sequence;
    out->queue = (uint64_t)queue;
    return NULL;
}

bool record_read(const char *line, size_t length, struct record *out, char problem[200])
{
    json_error_t error;
    json_t *read = json_loadb(line, length, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    *out = (struct record){.data = NULL};
    const char *wrong = read ? read_fields(read, out) : error.text;
    if (wrong && !read)
        snprintf(problem, 200, "column %d: %s", error.column, error.text);
    else if (wrong)
        snprintf(problem, 200, "%s", wrong);
    if (wrong)
        record_free(out);
    json_decref(read);
    return !wrong;
}

void record_free(struct record *record)
{
    free(record->data);
    record->data = NULL;
}
