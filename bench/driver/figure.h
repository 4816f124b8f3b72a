/* What was measured: for each row and entry the values of all repetitions. */
#ifndef FIGURE_H
#define FIGURE_H

#include "driver/row.h"

#define FIGURE_REPETITIONS_MAX 16
#define FIGURE_ENTRIES_MAX 12
#define FIGURE_NOTE_MAX 96

struct figure {
    double values[FIGURE_REPETITIONS_MAX];
    unsigned count;
    double median, least, most;   /* in the row's unit; count 0: not measured */
    char note[FIGURE_NOTE_MAX];   /* why it was not measured */
};

/* A row with its figures, one for each entry. */
struct result {
    const struct row *row;
    struct figure figures[FIGURE_ENTRIES_MAX];
};

/* Which contest gives the figure. */
const char *figure_contest(const struct row *row, const struct entry *entry);

/* One more value, as the contestant printed it. */
void figure_add(const struct row *row, struct figure *figure, double value);

/* The figure of a role (the first such), of a label; NULL: there is none, or it was not measured. */
const struct figure *figure_of_role(const struct result *result, enum role role);
const struct figure *figure_of_label(const struct result *result, const char *label);
/* The label of the first entry of a role; NULL: there is none. */
const char *figure_label(const struct row *row, enum role role);

/* Three digits or so, as a table shows them. Returns text. */
char *figure_text(double value, char *text, size_t size);

/* Fills ratio with what the goal is about. False: something was not measured. */
bool figure_ratio(const struct result *result, const struct goal *goal, double *ratio);
/* "46 times better than msgsnd+msgrcv, reach 50 NOT met, stretch 70 NOT met". Returns text. */
char *figure_goal(const struct result *result, const struct goal *goal, char *text, size_t size);

#endif
