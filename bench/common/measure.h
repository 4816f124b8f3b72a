/* How long one round of something takes, measured for about as long as asked. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Does `count` rounds and returns the nanoseconds that they took. */
typedef double (*measure_rounds)(void *context, uint64_t count);

/* Finds out how many rounds fill the time, does them, and returns the nanoseconds of one round. */
double measure(measure_rounds rounds, void *context, double nanoseconds);

/* The same in a process of its own on the first cpu, for what one process does alone. */
double measure_alone(measure_rounds rounds, void *context, double nanoseconds);

/* The middle one, or the mean of the middle two. Sorts the values. */
double measure_median(double *values, unsigned count);

#ifdef __cplusplus
}
#endif
#endif
