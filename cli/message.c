#include "message.h"
#include <inttypes.h>
#include <string.h>

/* The length of the UTF-8 sequence at `text`, of which `left` bytes are there; 0: there is none. Overlong forms,
 * surrogates and what lies beyond U+10FFFF are none. */
static uint64_t sequence_length(const unsigned char *text, uint64_t left)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (uint64_t extra = 0; extra < 4; extra++) {
        if ((*text & forms[extra].mask) != forms[extra].lead)
            continue;
        uint32_t point = *text & (unsigned char)~forms[extra].mask;
        if (extra >= left)
            return 0;
        for (uint64_t i = 1; i <= extra; i++) {
            if ((text[i] & 0xc0) != 0x80)
                return 0;
            point = point << 6 | (text[i] & 0x3f);
        }
        bool valid = point >= forms[extra].least && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
        return valid ? extra + 1 : 0;
    }
    return 0;
}

static bool is_utf8(const unsigned char *text, uint64_t length)
{
    for (uint64_t place = 0, step; place < length; place += step) {
        step = sequence_length(text + place, length - place);
        if (step == 0)
            return false;
    }
    return true;
}

void print_json_string(FILE *out, const char *string, uint64_t length)
{
    const unsigned char *text = (const unsigned char *)string;
    putc('"', out);
    for (uint64_t place = 0; place < length;) {
        uint64_t step = sequence_length(text + place, length - place);
        if (step == 0)
            putc('?', out);
        else if (text[place] == '"' || text[place] == '\\')
            fprintf(out, "\\%c", text[place]);
        else if (text[place] < 0x20 || text[place] == 0x7f)
            fprintf(out, "\\u%04x", text[place]);
        else
            fwrite(text + place, 1, step, out);
        place += step ? step : 1;
    }
    putc('"', out);
}

static void print_base64(FILE *out, const unsigned char *data, uint64_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    putc('"', out);
    for (uint64_t i = 0; i < length; i += 3) {
        uint64_t left = length - i;
        uint32_t group = (uint32_t)data[i] << 16;
        group |= left > 1 ? (uint32_t)data[i + 1] << 8 : 0;
        group |= left > 2 ? data[i + 2] : 0;
        putc(digits[group >> 18], out);
        putc(digits[group >> 12 & 63], out);
        putc(left > 1 ? digits[group >> 6 & 63] : '=', out);
        putc(left > 2 ? digits[group & 63] : '=', out);
    }
    putc('"', out);
}

/* The end of the line. */
static void print_data(FILE *out, const void *data, uint64_t length)
{
    bool text = is_utf8(data, length);
    fprintf(out, "\"length\":%" PRIu64 ",\"%s\":", length, text ? "data" : "base64");
    if (text)
        print_json_string(out, data, length);
    else
        print_base64(out, data, length);
    fputs("}\n", out);
}

static void print_fields(FILE *out, const struct kin_message *message)
{
    fprintf(out, "\"sequence\":%" PRIu64 ",\"type\":%" PRId64 ",\"priority\":%" PRIu32 ",\"attempts\":%" PRIu32 ",",
            message->sequence, message->type, message->priority, message->attempts);
    print_data(out, message->data, message->length);
}

void print_json(FILE *out, const struct kin_message *message)
{
    putc('{', out);
    print_fields(out, message);
}

void print_record(FILE *out, const struct kin_message *message, const struct timespec *when, uint64_t queue)
{
    fprintf(out, "{\"time\":%lld.%09ld,\"queue\":%" PRIu64 ",", (long long)when->tv_sec, when->tv_nsec, queue);
    print_fields(out, message);
}

void print_plain(const struct call *call, const void *data, uint64_t length)
{
    fwrite(data, 1, length, stdout);
    if (!is_given(call, OPTION_WHOLE))
        putchar(is_given(call, OPTION_NULL) ? '\0' : '\n');
}

void print_sample(FILE *out, const char *topic, const struct kin_sample *sample, const void *data)
{
    fputs("{\"topic\":", out);
    print_json_string(out, topic, strlen(topic));
    fprintf(out, ",\"position\":%" PRIu64 ",\"missed\":%" PRIu64 ",\"type\":%" PRId64 ",", sample->position,
            sample->missed, sample->type);
    if (sample->time)
        fprintf(out, "\"time\":%" PRId64 ".%09" PRId64 ",", sample->time / 1000000000, sample->time % 1000000000);
    print_data(out, data, sample->length);
}
