/* kin-bench: measures kin beside the limits of the machine, the kernel and the installed peers, and compares with the
 * goals. Repetitions of all contestants of a row alternate, so that drift hits everyone alike. */
#include "driver/figure.h"
#include "driver/program.h"
#include "driver/show.h"
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPETITIONS 5
#define MILLISECONDS 150
#define QUICK_REPETITIONS 3
#define QUICK_MILLISECONDS 40
#define ROWS_MAX 64

struct options {
    const char *only, *json, *markdown, *picture;
    bool quick, list;
};

/* A row and the rows that take their figures from the same contests; and the entry that is being measured. */
struct group {
    struct result *results;
    size_t count;
    size_t entry;
};

static const char usage[] =
    "usage: kin-bench [--quick] [--only PATTERN] [--list] [--json FILE] [--markdown FILE] [--picture FILE]\n"
    "  --quick          3 repetitions of 40 ms in place of 5 of 150 ms, and no rows that need much memory or time\n"
    "  --only PATTERN   rows whose name has PATTERN in it, or fits it: \"latency\", \"spawn-*-x\"\n"
    "  --list           the names of the rows\n"
    "  --json FILE      all figures; --markdown FILE: the table; --picture FILE: what bench.gnuplot draws\n";

static bool wanted(const struct options *options, const struct row *row)
{
    if (options->quick && row->big)
        return false;
    return !options->only || strstr(row->name, options->only) || fnmatch(options->only, row->name, 0) == 0;
}

/* "CONTESTANT CONTEST VALUE", or "CONTESTANT CONTEST skipped: the reason". */
static void note_line(void *context, const char *line)
{
    const struct group *group = context;
    char contest[64], rest[128], *end;
    if (sscanf(line, "%*s %63s %127[^\n]", contest, rest) != 2)
        return;
    double value = strtod(rest, &end);
    for (size_t i = 0; i < group->count; i++) {
        const struct row *row = group->results[i].row;
        struct figure *figure = &group->results[i].figures[group->entry];
        if (strcmp(figure_contest(row, &row->entries[group->entry]), contest) != 0)
            continue;
        if (*end == 0)
            figure_add(row, figure, value);
        else
            snprintf(figure->note, sizeof figure->note, "%s", rest + strcspn(rest, ":") + 2);
    }
}

static bool measure_entry(struct group *group, unsigned milliseconds)
{
    const struct row *row = group->results->row;
    const struct entry *entry = &row->entries[group->entry];
    struct figure *figure = &group->results->figures[group->entry];
    const char *contest = figure_contest(row, entry), *package = program_package(entry->program);
    if (*figure->note)
        return true;
    if (!program_exists(entry->program))
        snprintf(figure->note, sizeof figure->note, "%s was missing when the bench was built",
                 package ? package : "its program");
    else if (!program_run(entry->program, entry->contestant, contest, milliseconds, note_line, group)) {
        snprintf(figure->note, sizeof figure->note, "bench-%s %s %s failed", entry->program, entry->contestant,
                 contest);
        return false;
    }
    return true;
}

static bool measure_group(struct group *group, bool quick)
{
    unsigned repetitions = quick ? QUICK_REPETITIONS : REPETITIONS;
    unsigned milliseconds = quick ? QUICK_MILLISECONDS : MILLISECONDS;
    bool good = true;
    for (unsigned i = 0; i < repetitions; i++)
        for (group->entry = 0; group->results->row->entries[group->entry].role; group->entry++)
            good &= measure_entry(group, milliseconds);
    for (size_t i = 0; i < group->count; i++)
        show_row(&group->results[i]);
    return good;
}

static bool keep(const char *path, void (*show)(FILE *file, const struct result *results, size_t count),
                 const struct result *results, size_t count)
{
    if (!path)
        return true;
    FILE *file = fopen(path, "w");
    if (file)
        show(file, results, count);
    if (!file || fclose(file) != 0) {
        fprintf(stderr, "kin-bench: cannot write %s: %s\n", path, strerror(errno));
        return false;
    }
    return true;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"only", required_argument, NULL, 'o'},     {"json", required_argument, NULL, 'j'},
        {"markdown", required_argument, NULL, 'm'}, {"picture", required_argument, NULL, 'p'},
        {"quick", no_argument, NULL, 'q'},          {"list", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},           {0}};
    for (int found; (found = getopt_long(argc, argv, "", names, NULL)) != -1;)
        switch (found) {
        case 'o': options->only = optarg; break;
        case 'j': options->json = optarg; break;
        case 'm': options->markdown = optarg; break;
        case 'p': options->picture = optarg; break;
        case 'q': options->quick = true; break;
        case 'l': options->list = true; break;
        case 'h': fputs(usage, stdout); exit(0);
        default: return false;
        }
    return optind == argc;
}

/* The row at `first` and those that belong to it, when any of them is wanted. Returns how many there are. */
static size_t choose(const struct options *options, size_t first, struct result *results, struct group *group)
{
    bool any = false;
    size_t count = 0;
    do {
        any |= wanted(options, &rows[first + count]);
        count++;
    } while (first + count < row_count && rows[first + count].second);
    for (size_t i = 0; any && i < count; i++)
        results[i].row = &rows[first + i];
    *group = (struct group){results, any ? count : 0, 0};
    return count;
}

static bool keep_all(const struct options *options, const struct result *results, size_t count)
{
    return keep(options->json, show_json, results, count) && keep(options->markdown, show_markdown, results, count) &&
           keep(options->picture, show_picture, results, count);
}

int main(int argc, char **argv)
{
    static struct result results[ROWS_MAX];
    struct options options = {0};
    struct group group;
    size_t count = 0;
    bool good = true;
    if (!read_options(argc, argv, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    for (size_t i = 0; i < row_count;) {
        i += choose(&options, i, &results[count], &group);
        if (group.count == 0)
            continue;
        if (count == 0 && !options.list)
            show_heading();
        count += group.count;
        if (options.list)
            puts(group.results->row->name);
        else
            good &= measure_group(&group, options.quick);
    }
    if (count == 0)
        fprintf(stderr, "kin-bench: no row fits \"%s\"; --list shows them\n", options.only);
    if (options.list || count == 0)
        return count == 0;
    return !(keep_all(&options, results, count) && good);
}
