/* Tables as the other tools of util-linux print them, by libsmartcols. */
#pragma once
#include "command.h"

struct table;

/* NULL, with the exit code in *code: the columns asked for are none of the command's. `name` is the array's in JSON. */
struct table *table_new(const struct call *call, const char *name, int *code);
/* The same together with the domain that it shows. NULL: neither is open. */
struct table *open_table(const struct call *call, const char *name, kin_domain **domain, int *code);
/* Where it is printed, instead of standard output. */
void table_stream(struct table *table, FILE *stream);
void table_row(struct table *table);

/* Set a cell of the row that was begun last. A column that is not shown is passed over; a cell not set stays empty. */
void table_text(struct table *table, size_t column, const char *text);
void table_number(struct table *table, size_t column, int64_t number);
void table_decimal(struct table *table, size_t column, double number, int digits);
void table_size(struct table *table, size_t column, uint64_t size);
void table_time(struct table *table, size_t column, int64_t realtime);
/* How long ago that was. */
void table_age(struct table *table, size_t column, int64_t realtime);
/* A color name of libsmartcols, on a terminal that wants colors. */
void table_color(struct table *table, size_t column, const char *color);
/* Whether the column is shown: what it says may be dear to find out. */
bool table_shows(const struct table *table, size_t column);

/* Prints the table, unless the code says that something has failed, and frees it. Returns the exit code. */
int table_end(struct table *table, int code);
