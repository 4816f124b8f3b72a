#include "driver/show.h"

#define INDENT "    "

static void show_cell(const struct figure *figure)
{
    char text[32];
    printf(" %9s", figure ? figure_text(figure->median, text, sizeof text) : "-");
}

void show_heading(void)
{
    printf("%-46s %-13s %9s %7s %9s %9s\n", "", "unit", "kin", "spread", "limit", "kernel");
}

static void show_others(const struct result *result)
{
    const char *limit = figure_label(result->row, ROLE_LIMIT), *kernel = figure_label(result->row, ROLE_KERNEL);
    const char *between = "";
    char text[32];
    printf(INDENT);
    if (limit)
        printf("limit: %s; ", limit);
    if (kernel)
        printf("kernel: %s; ", kernel);
    for (const struct entry *entry = result->row->entries; entry->role; entry++) {
        const struct figure *figure = &result->figures[entry - result->row->entries];
        if (entry->role != ROLE_PEER)
            continue;
        printf("%s%s %s", between, entry->label,
               figure->count ? figure_text(figure->median, text, sizeof text) : "-");
        between = ", ";
    }
    printf("\n");
}

static void show_notes(const struct result *result)
{
    for (const struct entry *entry = result->row->entries; entry->role; entry++) {
        const struct figure *figure = &result->figures[entry - result->row->entries];
        if (!figure->count && *figure->note)
            printf(INDENT "%s left out: %s\n", entry->label, figure->note);
    }
}

void show_row(const struct result *result)
{
    const struct figure *kin = figure_of_role(result, ROLE_KIN);
    char text[160], spread[16] = "-";
    if (kin)
        snprintf(spread, sizeof spread, "%.0f %%", 100 * (kin->most - kin->least) / kin->median);
    printf("%-46s %-13s", result->row->title, result->row->unit);
    show_cell(kin);
    printf(" %7s", spread);
    show_cell(figure_of_role(result, ROLE_LIMIT));
    show_cell(figure_of_role(result, ROLE_KERNEL));
    printf("\n");
    show_others(result);
    for (const struct goal *goal = result->row->goals; goal < result->row->goals + GOALS_MAX && goal->against; goal++)
        printf(INDENT "%s\n", figure_goal(result, goal, text, sizeof text));
    show_notes(result);
    fflush(stdout);
}
