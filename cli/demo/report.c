#include "demo/demo.h"
#include "message.h"
#include <inttypes.h>

enum { TOP = 5, WORD_WIDTH = 18 };

static double seconds(const struct demo *demo)
{
    return (double)(demo->ended - demo->started) / 1e9;
}

static double rate(const struct demo *demo)
{
    return (double)demo->received / seconds(demo);
}

/* 1234567 as 1,234,567. */
static const char *grouped(uint64_t number, char text[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, number);
    char *place = text;
    for (int i = 0; i < length; i++) {
        *place++ = digits[i];
        if ((length - i) % 3 == 1 && i + 1 < length)
            *place++ = ',';
    }
    *place = '\0';
    return text;
}

static void print_figure(const char *name, uint64_t number, const char *meaning)
{
    char text[32];
    printf("  %-14s %16s   %s\n", name, grouped(number, text), meaning);
}

static void print_figures(const struct demo *demo)
{
    print_figure("messages", demo->received, "pieces of text, each counted by a worker and finished in one step");
    print_figure("kills", demo->pool.kills, "workers ended by kill -9");
    print_figure("restarts", demo->pool.restarts, "workers started in their places");
    print_figure("redeliveries", demo->redeliveries, "pieces that had died with a worker, and were taken again");
    print_figure("lost", demo->lost, "pieces without a count");
    print_figure("doubled", demo->doubled, "pieces with two");
    print_figure("rate", (uint64_t)rate(demo), "messages a second");
}

static void print_pair(const char *name, int length, uint64_t ours, uint64_t plain)
{
    char one[32], other[32];
    printf("  %-*.*s %14s %18s%s\n", WORD_WIDTH, length < WORD_WIDTH ? length : WORD_WIDTH, name, grouped(ours, one),
           grouped(plain, other), ours == plain ? "" : "   differs");
}

static void print_counts(const struct demo *demo)
{
    const struct word *top[TOP];
    size_t count = words_top(&demo->plain, top, TOP);
    printf("\n  %-*s %14s %18s\n", WORD_WIDTH, "", "by the workers", "by one process");
    print_pair("words", 5, demo->counted.total, demo->plain.total);
    print_pair("distinct words", 14, demo->counted.distinct, demo->plain.distinct);
    for (size_t i = 0; i < count; i++) {
        const char *text = demo->plain.texts + top[i]->text;
        print_pair(text, (int)top[i]->length, words_of(&demo->counted, text, top[i]->length), top[i]->count);
    }
}

static void print_verdict(const struct demo *demo, bool identical)
{
    bool color = colors_wanted(stdout);
    printf("\n  %s%s%s\n", color ? (identical ? "\033[1;32m" : "\033[1;31m") : "",
           identical ? "identical" : "NOT identical: this is a bug in kin", color ? "\033[0m" : "");
    if (demo->strange)
        printf("  %" PRIu64 " messages could not be read\n", demo->strange);
    if (demo->pool.kills < (uint64_t)demo->kills_wanted)
        printf("  The time was over before %" PRId64 " workers were killed.\n", demo->kills_wanted);
    if (demo->fed < demo->text.piece_count)
        printf("  The time was over before all of the text was fed; what was fed is compared.\n");
    puts("\nTry next:\n"
         "  kin mk queue jobs; seq 9 | kin send jobs; kin ls        a queue of your own\n"
         "  kin recv -f --lease jobs -- sh -c 'sleep 5; cat'        a worker: kill -9 it, and kin recv again\n"
         "  kin doctor                                              what this machine lends to it");
}

static void print_people(const struct demo *demo, bool identical)
{
    char size[32], rounds[32];
    printf("Counting the words of %s bytes of text, %zu files in %zu pieces, by %zu worker processes.\n",
           grouped(demo->text.length, size), demo->text.files, demo->text.piece_count, demo->pool.count);
    printf("The text was fed %s times in %.1f seconds, while a worker was killed every 50 ms.\n\n",
           grouped((demo->fed + demo->text.piece_count - 1) / demo->text.piece_count, rounds), seconds(demo));
    print_figures(demo);
    print_counts(demo);
    print_verdict(demo, identical);
}

static void print_json_report(const struct demo *demo, bool identical)
{
    const struct word *top[TOP];
    size_t count = words_top(&demo->plain, top, TOP);
    printf("{\"messages\":%" PRIu64 ",\"fed\":%" PRIu64 ",\"pieces\":%zu,\"bytes\":%zu,\"workers\":%zu", demo->received,
           demo->fed, demo->text.piece_count, demo->text.length, demo->pool.count);
    printf(",\"kills\":%" PRIu64 ",\"restarts\":%" PRIu64 ",\"redeliveries\":%" PRIu64 ",\"lost\":%" PRIu64
           ",\"doubled\":%" PRIu64 ",\"strange\":%" PRIu64,
           demo->pool.kills, demo->pool.restarts, demo->redeliveries, demo->lost, demo->doubled, demo->strange);
    printf(",\"seconds\":%.3f,\"rate\":%.1f", seconds(demo), rate(demo));
    printf(",\"words\":%" PRIu64 ",\"distinct\":%zu,\"plain\":{\"words\":%" PRIu64 ",\"distinct\":%zu},\"top\":[",
           demo->counted.total, demo->counted.distinct, demo->plain.total, demo->plain.distinct);
    for (size_t i = 0; i < count; i++) {
        const char *text = demo->plain.texts + top[i]->text;
        printf("%s{\"word\":", i ? "," : "");
        print_json_string(stdout, text, top[i]->length);
        printf(",\"count\":%" PRIu64 ",\"plain\":%" PRIu64 "}", words_of(&demo->counted, text, top[i]->length),
               top[i]->count);
    }
    printf("],\"identical\":%s}\n", identical ? "true" : "false");
}

int demo_report(const struct demo *demo)
{
    bool identical =
        demo->lost == 0 && demo->doubled == 0 && demo->strange == 0 && words_equal(&demo->counted, &demo->plain);
    if (is_given(demo->call, OPTION_JSON))
        print_json_report(demo, identical);
    else
        print_people(demo, identical);
    return identical ? EXIT_OK : EXIT_FAILED;
}
