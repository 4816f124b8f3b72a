/* The forms in which results are shown and kept. */
#ifndef SHOW_H
#define SHOW_H

#include "driver/figure.h"
#include <stdio.h>

/* The table for people, a row at a time. */
void show_heading(void);
void show_row(const struct result *result);

/* An array of {"name", "unit", "kin", "limit", "kernel", "peers": {}}, with the spreads and the goals. */
void show_json(FILE *file, const struct result *results, size_t count);

/* The table of docs/performance.md. */
void show_markdown(FILE *file, const struct result *results, size_t count);

/* What bench.gnuplot draws: how many times better than the kernel's means kin, the limit and the first peer are. */
void show_picture(FILE *file, const struct result *results, size_t count);

#endif
