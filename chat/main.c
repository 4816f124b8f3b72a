/* kin-chat: options, and the socket. */
#include "keeper.h"
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static const char usage[] =
    "usage: kin-chat [OPTION…]\n"
    "A chat server: a process for each client, all rooms in shared memory.\n"
    "  -p, --port PORT       where to listen, default 6667; 0: any free one, which is printed\n"
    "  -b, --bind ADDRESS    default 127.0.0.1\n"
    "  -w, --workers N       so many processes serve everybody; a client outlives its worker\n"
    "  -n, --name NAME       of the shared memory, default chat\n"
    "  -c, --clients N       at most so many, default 1024\n"
    "      --history N       a newcomer is shown the last N messages, default 50\n"
    "      --messages N      a room keeps so many, default 1024\n"
    "      --rate N          commands a second of one client, default 10; 0: no limit\n"
    "      --burst N         so many at once, default 50\n"
    "      --ping SECONDS    how long a client may be silent before it is asked, or not read, default 120\n"
    "      --idle SECONDS    how long it may do nothing at all, default 0: for ever\n"
    "      --welcome TEXT    the greeting\n"
    "  -h, --help            this text\n";

struct options {
    struct chat_settings settings;
    const char *port, *bind;
};

static double number(const char *option, const char *text, double least, double most)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= least) || value > most) {
        warnx("--%s %s: a number from %g to %g is wanted", option, text, least, most);
        exit(2);
    }
    return value;
}

enum { HISTORY = 256, MESSAGES, RATE, BURST, PING, IDLE, WELCOME };
static const struct option names[] = {
    {"port", required_argument, NULL, 'p'},
    {"bind", required_argument, NULL, 'b'},
    {"workers", required_argument, NULL, 'w'},
    {"name", required_argument, NULL, 'n'},
    {"clients", required_argument, NULL, 'c'},
    {"history", required_argument, NULL, HISTORY},
    {"messages", required_argument, NULL, MESSAGES},
    {"rate", required_argument, NULL, RATE},
    {"burst", required_argument, NULL, BURST},
    {"ping", required_argument, NULL, PING},
    {"idle", required_argument, NULL, IDLE},
    {"welcome", required_argument, NULL, WELCOME},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void parse(int argc, char **argv, struct options *out)
{
    struct chat_settings *settings = &out->settings;
    for (int option; (option = getopt_long(argc, argv, "p:b:w:n:c:h", names, NULL)) != -1;)
        switch (option) {
        case 'p':
            number("port", out->port = optarg, 0, 65535);
            break;
        case 'b':
            out->bind = optarg;
            break;
        case 'w':
            settings->workers = (uint32_t)number("workers", optarg, 0, 256);
            break;
        case 'n':
            settings->name = optarg;
            break;
        case 'c':
            settings->clients = (uint32_t)number("clients", optarg, 1, 65000);
            break;
        case HISTORY:
            settings->history = (uint32_t)number("history", optarg, 0, 1e6);
            break;
        case MESSAGES:
            settings->room_messages = (uint32_t)number("messages", optarg, 8, 1e6);
            break;
        case RATE:
            settings->rate = number("rate", optarg, 0, 1e9);
            break;
        case BURST:
            settings->burst = (uint32_t)number("burst", optarg, 1, 1e9);
            break;
        case PING:
            settings->ping = (int64_t)(number("ping", optarg, 0.01, 1e6) * SECOND);
            break;
        case IDLE:
            settings->idle = (int64_t)(number("idle", optarg, 0, 1e6) * SECOND);
            break;
        case WELCOME:
            settings->welcome = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            fputs("kin-chat --help tells the options\n", stderr);
            exit(2);
        }
    if (optind < argc) {
        warnx("%s: there are only options", argv[optind]);
        exit(2);
    }
    if (strlen(settings->name) > 100 || strchr(settings->name, '/') || !settings->name[0]) {
        warnx("--name %s: 1 to 100 bytes without '/' are wanted", settings->name);
        exit(2);
    }
}

static int listen_at(const char *address, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found;
    int result = getaddrinfo(address, port, &hints, &found);
    if (result)
        errx(1, "%s: %s", address, gai_strerror(result));
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        err(1, "socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0)
        err(1, "%s port %s", address, port);
    freeaddrinfo(found);
    return fd;
}

static void say_where(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
        getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        printf("kin-chat listens for irssi and the like at %s, or: nc %s %s\n", host, host, port);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct options options = {
        .settings = {.name = "chat",
                     .clients = 1024,
                     .history = 50,
                     .room_messages = 1024,
                     .rate = 10,
                     .burst = 50,
                     .ping = 120 * SECOND},
        .port = "6667",
        .bind = "127.0.0.1",
    };
    parse(argc, argv, &options);
    int fd = listen_at(options.bind, options.port);
    return chat_keep(&options.settings, fd, say_where);
}
