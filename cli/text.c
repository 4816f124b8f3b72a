/* Numbers, sizes and durations as people write them. */
#include "command.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool read_number(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || end == text || *end || isspace((unsigned char)*text))
        return false;
    *out = number;
    return true;
}

/* 65536, 64K, 64KiB: powers of 1024. */
bool read_size(const char *text, uint64_t *out)
{
    static const char letters[] = "KMGT";
    char *end;
    errno = 0;
    unsigned long long size = strtoull(text, &end, 10);
    if (errno || !isdigit((unsigned char)*text))
        return false;
    if (*end) {
        const char *letter = strchr(letters, toupper((unsigned char)*end));
        if (!letter || (end[1] && strcmp(end + 1, "iB") != 0))
            return false;
        unsigned shift = 10 * (unsigned)(letter - letters + 1);
        if (size > UINT64_MAX >> shift)
            return false;
        size <<= shift;
    }
    *out = size;
    return true;
}

/* 5, 5s, 0.5, 250ms, 2m, 1h. */
bool read_duration(const char *text, int64_t *nanoseconds)
{
    static const struct {
        const char *name;
        double scale;
    } units[] = {{"", 1e9}, {"s", 1e9},  {"ms", 1e6},   {"us", 1e3},
                 {"ns", 1}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
    if (!isdigit((unsigned char)*text) || strpbrk(text, "xXpP"))
        return false;
    char *end;
    double amount = strtod(text, &end);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].name) == 0) {
            double length = ceil(amount * units[i].scale);
            *nanoseconds = length < 9e18 ? (int64_t)length : INT64_MAX;
            return true;
        }
    return false;
}

/* At most three digits: 512, 1.5K, 24M. */
char *size_text(uint64_t size, char text[16])
{
    static const char letters[] = "BKMGTPE";
    unsigned power = 0;
    double amount = (double)size;
    while (amount >= 1024 && letters[power + 1]) {
        amount /= 1024;
        power++;
    }
    bool whole = amount >= 10 || amount == floor(amount);
    if (power == 0)
        snprintf(text, 16, "%.0f", amount);
    else
        snprintf(text, 16, whole ? "%.0f%c" : "%.1f%c", amount, letters[power]);
    return text;
}

/* The largest unit that leaves at least two of it: 90s, 5m, 36h. */
char *duration_text(int64_t nanoseconds, char text[16])
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    size_t i = 0;
    int64_t seconds = nanoseconds > 0 ? nanoseconds / 1000000000 : 0;
    while (i + 1 < sizeof units / sizeof *units && seconds >= 2 * units[i + 1].seconds)
        i++;
    snprintf(text, 16, "%lld%s", (long long)(seconds / units[i].seconds), units[i].name);
    return text;
}

const char *shell_word(const char *word)
{
    static char text[4 * KIN_NAME_MAX + 16];
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+:@%,=";
    char *place = text, *last = text + sizeof text - 8;
    if (*word == '-')
        place = stpcpy(place, "-- ");
    if (*word && word[strspn(word, plain)] == '\0' && strlen(word) < (size_t)(last - place)) {
        strcpy(place, word);
        return text;
    }
    *place++ = '\'';
    for (; *word && place < last; word++)
        if (*word == '\'')
            place = stpcpy(place, "'\\''");
        else
            *place++ = *word;
    strcpy(place, "'");
    return text;
}
