/* Names of Unix sockets. */
#ifndef STREAM_ADDRESS_H
#define STREAM_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct address {
    struct sockaddr_un name;
    socklen_t length;
    int via; /* the descriptor that the name leads through, or -1 */
};

static inline bool address_is_abstract(const char *name)
{
    return name[0] == '@';
}

/* What the name stands for; a path that is too long for an address must exist. With the sentence on failure. */
int address_of(const char *name, struct address *out);
/* What `entry` of an open directory is called: as a path, if it is short enough; `path` is the directory's. */
int address_in(int directory, const char *path, const char *entry, struct address *out);
void address_end(struct address *address);

/* Whether any socket at all is bound there: 1, 0, or the negative errno that keeps us from knowing. */
int address_is_bound(const struct address *address);
/* The process that listens there, 0 if the kernel does not tell. It sees a connection that ends at once. */
pid_t address_listener(const struct address *address);

#endif
