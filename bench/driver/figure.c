#include "driver/figure.h"
#include "common/measure.h"
#include <stdio.h>
#include <string.h>

const char *figure_contest(const struct row *row, const struct entry *entry)
{
    if (entry->contest)
        return entry->contest;
    return row->contest ? row->contest : row->name;
}

void figure_add(const struct row *row, struct figure *figure, double value)
{
    double sorted[FIGURE_REPETITIONS_MAX];
    if (figure->count == FIGURE_REPETITIONS_MAX)
        return;
    figure->values[figure->count++] = value * row->scale;
    memcpy(sorted, figure->values, sizeof sorted);
    figure->median = measure_median(sorted, figure->count);
    figure->least = sorted[0];
    figure->most = sorted[figure->count - 1];
}

const struct figure *figure_of_role(const struct result *result, enum role role)
{
    for (const struct entry *entry = result->row->entries; entry->role; entry++) {
        const struct figure *figure = &result->figures[entry - result->row->entries];
        if (entry->role == role)
            return figure->count ? figure : NULL;
    }
    return NULL;
}

const struct figure *figure_of_label(const struct result *result, const char *label)
{
    for (const struct entry *entry = result->row->entries; entry->role; entry++) {
        const struct figure *figure = &result->figures[entry - result->row->entries];
        if (strcmp(entry->label, label) == 0)
            return figure->count ? figure : NULL;
    }
    return NULL;
}

const char *figure_label(const struct row *row, enum role role)
{
    for (const struct entry *entry = row->entries; entry->role; entry++)
        if (entry->role == role)
            return entry->label;
    return NULL;
}

char *figure_text(double value, char *text, size_t size)
{
    int digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    snprintf(text, size, "%.*f", digits, value);
    return text;
}

bool figure_ratio(const struct result *result, const struct goal *goal, double *ratio)
{
    const struct figure *kin = figure_of_role(result, ROLE_KIN), *other = figure_of_label(result, goal->against);
    if (!kin || (goal->form != FORM_AT_LEAST && !other))
        return false;
    if (goal->form == FORM_AT_LEAST)
        *ratio = kin->median;
    else if (goal->form == FORM_AT_MOST || result->row->higher)
        *ratio = kin->median / other->median;
    else
        *ratio = other->median / kin->median;
    return true;
}

static int verdict(const char *name, double bound, enum form form, double ratio, char *text, size_t size)
{
    bool met = form == FORM_AT_MOST ? ratio <= bound : ratio >= bound;
    if (bound == 0)
        return snprintf(text, size, "%s", "");
    return snprintf(text, size, ", %s %.3g %s", name, bound, met ? "met" : "NOT met");
}

char *figure_goal(const struct result *result, const struct goal *goal, char *text, size_t size)
{
    double ratio;
    char shown[32];
    size_t used;
    if (!figure_ratio(result, goal, &ratio)) {
        snprintf(text, size, "against %s: not measured", *goal->against ? goal->against : "the goal");
        return text;
    }
    figure_text(ratio, shown, sizeof shown);
    if (goal->form == FORM_AT_LEAST)
        used = (size_t)snprintf(text, size, "%s %s", shown, result->row->unit);
    else if (goal->form == FORM_AT_MOST)
        used = (size_t)snprintf(text, size, "%s times as long as %s", shown, goal->against);
    else
        used = (size_t)snprintf(text, size, "%s times better than %s", shown, goal->against);
    used += (size_t)verdict("reach", goal->reach, goal->form, ratio, text + used, size - used);
    verdict("stretch", goal->stretch, goal->form, ratio, text + used, size - used);
    return text;
}
