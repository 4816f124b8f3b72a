/* The sockets that programs are handed. They are opened once and kept while instances come and go; those of a
 * supervisor that died, whose instances live on, are copied from these. */
#include "config.h"
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#define FIRST_HANDED 3

struct finding {
    const char *program;
    int number; /* of the descriptor there */
    int fd;
};

static int copy_from(void *context, const struct kin_instance *instance)
{
    struct finding *finding = context;
    kin_process *process;
    if (!instance->pid || strcmp(instance->program, finding->program) != 0 ||
        kin_process_open(instance->pid, instance->start, 0, &process) < 0)
        return 0;
    int fd = (int)syscall(SYS_pidfd_getfd, kin_process_fd(process), finding->number, 0), listens = 0;
    socklen_t size = sizeof listens;
    kin_process_close(process);
    if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens) {
        finding->fd = fd;
        return 1;
    }
    if (fd >= 0)
        close(fd);
    return 0;
}

/* -1: nobody has it. */
static int find_socket(kin_domain *domain, const struct config *config, const struct wish *wish, size_t index)
{
    kin_supervisor *dead;
    struct finding finding = {wish->program.name, FIRST_HANDED + (int)index, -1};
    if (!(config->options.flags & KIN_SUPERVISE_ADOPT) || kin_supervisor_look(domain, config->name, &dead) < 0)
        return -1;
    struct kin_supervisor_status status;
    if (kin_supervisor_status(dead, &status) == 0 && !status.alive)
        kin_supervisor_each(dead, copy_from, &finding);
    kin_supervisor_close(dead);
    return finding.fd;
}

/* HOST:PORT, [ADDRESS]:PORT or PORT. */
static int listen_tcp(const struct call *call, const char *address)
{
    char *host = strdup(address), *port = host ? strrchr(host, ':') : NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    int fd = -1;
    if (!host)
        return -1;
    if (port)
        *port++ = '\0';
    char *name = port ? host : NULL;
    if (name && name[0] == '[' && name[strlen(name) - 1] == ']') {
        name[strlen(name) - 1] = '\0';
        name++;
    }
    int result = getaddrinfo(name && name[0] ? name : NULL, port ? port : host, &hints, &found);
    if (result) {
        complain(call, "cannot listen at \"%s\": %s; /PATH, @NAME, PORT or HOST:PORT is wanted", address,
                 gai_strerror(result));
    } else if ((fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
               setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
               bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0) {
        complain(call, "cannot listen at \"%s\": %m", address);
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    if (found)
        freeaddrinfo(found);
    free(host);
    return fd;
}

/* The handle is not closed: that would remove the path. */
static int listen_unix(const struct call *call, const char *name)
{
    kin_socket *socket;
    int result = kin_socket_listen(name, NULL, kin_after(INT64_C(10000000000)), &socket);
    if (result == 0)
        return kin_socket_fd(socket);
    failed(call, result);
    return -1;
}

static int listen_one(const struct call *call, kin_domain *domain, const struct config *config, struct wish *wish,
                      size_t index)
{
    const char *address = wish->listen[index];
    int fd = find_socket(domain, config, wish, index);
    if (fd < 0)
        fd = strchr("/.@", address[0]) ? listen_unix(call, address) : listen_tcp(call, address);
    wish->handed[index] = (struct kin_handed){wish->program.name, fd};
    return fd < 0 ? EXIT_FAILED : EXIT_OK;
}

int config_listen(const struct call *call, kin_domain *domain, struct config *config)
{
    for (size_t i = 0; i < config->count; i++) {
        struct wish *wish = config->wishes[i];
        for (size_t j = 0; wish->listen[j]; j++)
            if (listen_one(call, domain, config, wish, j) != EXIT_OK)
                return EXIT_FAILED;
        while (wish->listen[wish->program.handed_count])
            wish->program.handed_count++;
        wish->program.handed = wish->handed;
    }
    return EXIT_OK;
}
