/* One row of the bench: who is measured how, and what kin is to reach. */
#ifndef ROW_H
#define ROW_H

#include <stdbool.h>
#include <stddef.h>

enum role { ROLE_END, ROLE_KIN, ROLE_LIMIT, ROLE_KERNEL, ROLE_PEER };

/* One figure of a row. */
struct entry {
    enum role role;
    const char *label;   /* what was measured: "msgsnd+msgrcv" */
    const char *program; /* bench-PROGRAM */
    const char *contestant;
    const char *contest; /* NULL: the row's */
};

/* TIMES: kin is at least so many times better. AT_MOST: at most so many times the other. AT_LEAST: kin itself. */
enum form { FORM_TIMES, FORM_AT_MOST, FORM_AT_LEAST };

struct goal {
    const char *against; /* the label of an entry; NULL ends the list. Of FORM_AT_LEAST: "" */
    enum form form;
    double reach, stretch; /* 0: none */
};

#define GOALS_MAX 4

struct row {
    const char *name;    /* "latency-x" */
    const char *title;
    const char *unit;
    double scale;        /* from what contestants print, ns or a rate a second, to the unit */
    const char *contest; /* NULL: the row's name */
    const char *picture; /* its word in the picture; NULL: not in it */
    bool higher;         /* is better */
    bool second;         /* the second figure of the contests of the row above */
    bool big;            /* needs much memory or time: not in a quick run */
    const struct entry *entries;
    struct goal goals[GOALS_MAX];
};

extern const struct row rows[];
extern const size_t row_count;

#endif
