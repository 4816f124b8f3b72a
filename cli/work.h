/* Runs CMD on bytes that it reads as its standard input, under a guard: for kin recv --lease and kin serve. */
#pragma once
#include "run.h"

struct work {
    const struct call *call;
    struct guard *guard;
    const void *data;
    uint64_t length;
    struct capture *capture; /* or NULL: what CMD prints is ours */
    uint64_t most;           /* that is captured */
};

/* As run_cmd. CMD and what it starts are a group, which ends with us. */
int run_work(const struct work *work, struct run_end *end);
/* For CMD. */
void work_variable(const char *name, int64_t value);
void capture_free(struct capture *capture);
