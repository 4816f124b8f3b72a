/* The sentence behind a failure (kin_reason). It belongs to the thread. */
#ifndef SYS_REASON_H
#define SYS_REASON_H

/* Remembers the sentence and returns `result`, so that a failing function ends with `return reason(-ENOSPC, "…",
 * …)`. */
int reason(int result, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds the words for errno to the sentence ("cannot open /x: Permission denied") and returns -errno. */
int reason_errno(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
