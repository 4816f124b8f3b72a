#include "driver/show.h"

/* Our labels and units hold nothing that JSON would want escaped. */
static void show_number(FILE *file, const char *name, const struct figure *figure)
{
    if (figure)
        fprintf(file, "\"%s\": %.6g", name, figure->median);
    else
        fprintf(file, "\"%s\": null", name);
}

static void show_peers(FILE *file, const struct result *result)
{
    const char *between = "";
    fprintf(file, "\"peers\": {");
    for (const struct entry *entry = result->row->entries; entry->role; entry++)
        if (entry->role == ROLE_PEER) {
            fprintf(file, "%s", between);
            show_number(file, entry->label, figure_of_label(result, entry->label));
            between = ", ";
        }
    fprintf(file, "}");
}

/* From the least to the most of all repetitions. */
static void show_spread(FILE *file, const struct result *result)
{
    const char *between = "";
    fprintf(file, "\"spread\": {");
    for (const struct entry *entry = result->row->entries; entry->role; entry++) {
        const struct figure *figure = &result->figures[entry - result->row->entries];
        if (!figure->count)
            continue;
        fprintf(file, "%s\"%s\": [%.6g, %.6g]", between, entry->label, figure->least, figure->most);
        between = ", ";
    }
    fprintf(file, "}");
}

static void show_goals(FILE *file, const struct result *result)
{
    const char *between = "";
    char text[160];
    fprintf(file, "\"goals\": [");
    for (const struct goal *goal = result->row->goals; goal < result->row->goals + GOALS_MAX && goal->against; goal++) {
        fprintf(file, "%s\"%s\"", between, figure_goal(result, goal, text, sizeof text));
        between = ", ";
    }
    fprintf(file, "]");
}

void show_json(FILE *file, const struct result *results, size_t count)
{
    fprintf(file, "[");
    for (size_t i = 0; i < count; i++) {
        const struct result *result = &results[i];
        fprintf(file, "%s\n{\"name\": \"%s\", \"unit\": \"%s\", ", i ? "," : "", result->row->name, result->row->unit);
        show_number(file, "kin", figure_of_role(result, ROLE_KIN));
        fprintf(file, ", ");
        show_number(file, "limit", figure_of_role(result, ROLE_LIMIT));
        fprintf(file, ", ");
        show_number(file, "kernel", figure_of_role(result, ROLE_KERNEL));
        fprintf(file, ", ");
        show_peers(file, result);
        fprintf(file, ",\n ");
        show_spread(file, result);
        fprintf(file, ",\n ");
        show_goals(file, result);
        fprintf(file, "}");
    }
    fprintf(file, "\n]\n");
}
