/* What several of the crash tests need beside the harness. */
#ifndef AID_H
#define AID_H

#include <sys/types.h>

/* 0 when the child ended well within that time; it is killed else. */
int ends(pid_t child, int milliseconds);

/* Removes a test's directory and what is in it. A shell pattern may be given. */
int remove_directory(const char *path);

#endif
