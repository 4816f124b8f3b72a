#include "driver/show.h"

static void show_labelled(FILE *file, const struct result *result, enum role role)
{
    const struct figure *figure = figure_of_role(result, role);
    char text[32];
    if (figure)
        fprintf(file, " %s (%s) |", figure_text(figure->median, text, sizeof text), figure_label(result->row, role));
    else
        fprintf(file, " |");
}

static void show_peers(FILE *file, const struct result *result)
{
    const char *between = " ";
    char text[32];
    for (const struct entry *entry = result->row->entries; entry->role; entry++) {
        const struct figure *figure = &result->figures[entry - result->row->entries];
        if (entry->role != ROLE_PEER || !figure->count)
            continue;
        fprintf(file, "%s%s %s", between, entry->label, figure_text(figure->median, text, sizeof text));
        between = ", ";
    }
    fprintf(file, " |");
}

static void show_goals(FILE *file, const struct result *result)
{
    const char *between = " ";
    char text[160];
    for (const struct goal *goal = result->row->goals; goal < result->row->goals + GOALS_MAX && goal->against; goal++) {
        fprintf(file, "%s%s", between, figure_goal(result, goal, text, sizeof text));
        between = "<br>";
    }
    fprintf(file, " |\n");
}

void show_markdown(FILE *file, const struct result *results, size_t count)
{
    fprintf(file, "| what | unit | kin (least-most) | limit | kernel | others | against the goals |\n");
    fprintf(file, "|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        const struct figure *kin = figure_of_role(&results[i], ROLE_KIN);
        char median[32], least[32], most[32];
        fprintf(file, "| %s | %s |", results[i].row->title, results[i].row->unit);
        if (kin)
            fprintf(file, " **%s** (%s-%s) |", figure_text(kin->median, median, sizeof median),
                    figure_text(kin->least, least, sizeof least), figure_text(kin->most, most, sizeof most));
        else
            fprintf(file, " |");
        show_labelled(file, &results[i], ROLE_LIMIT);
        show_labelled(file, &results[i], ROLE_KERNEL);
        show_peers(file, &results[i]);
        show_goals(file, &results[i]);
    }
}

static void show_times_better(FILE *file, const struct result *result, const struct figure *figure)
{
    const struct figure *kernel = figure_of_role(result, ROLE_KERNEL);
    if (!figure || !kernel)
        fprintf(file, "\t?");
    else
        fprintf(file, "\t%.4g",
                result->row->higher ? figure->median / kernel->median : kernel->median / figure->median);
}

void show_picture(FILE *file, const struct result *results, size_t count)
{
    fprintf(file, "what\tkin\tlimit\tpeer\n");
    for (size_t i = 0; i < count; i++) {
        if (!results[i].row->picture)
            continue;
        fprintf(file, "\"%s\"", results[i].row->picture);
        show_times_better(file, &results[i], figure_of_role(&results[i], ROLE_KIN));
        show_times_better(file, &results[i], figure_of_role(&results[i], ROLE_LIMIT));
        show_times_better(file, &results[i], figure_of_role(&results[i], ROLE_PEER));
        fprintf(file, "\n");
    }
}
