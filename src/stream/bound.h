/* The path at which a socket listens. */
#ifndef STREAM_BOUND_H
#define STREAM_BOUND_H

#include <kin/base.h>
#include <sys/types.h>

struct bound {
    int directory;
    pid_t owner; /* only this process removes it */
    dev_t device;
    ino_t inode;
    char entry[];
};

/* Gives the socket its path, listening unless backlog is negative; with the sentence on failure. */
int bound_claim(const char *path, int fd, unsigned mode, int backlog, kin_time until, struct bound **out);

/* Removes the path if it is still ours. The socket must be open yet: while it is, nobody can prove the path stale, so
 * nobody replaces it between our look and the removal. */
void bound_end(struct bound *bound);

/* The sentence for an address that a living process has. */
int bound_in_use(const char *name);

#endif
