#include "graph.h"
#include <stdlib.h>
#include <string.h>

struct edge {
    struct kin_edge told;
    bool stuck; /* the waiter can do nothing else, and the holder alone can end it */
};

struct graph {
    struct edge *edges;
    size_t count, room;
    bool no_memory;
};

static bool has_one_thread(pid_t pid)
{
    char path[32];
    struct stat about;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    return pid > 0 && stat(path, &about) == 0 && about.st_nlink == 3;
}

/* holder: NULL when nobody has it in particular. */
static void add_edge(struct graph *graph, const struct ipc *ipc, const struct kin_party *waiter,
                     const struct kin_party *holder)
{
    if (graph->count == graph->room) {
        size_t room = graph->room ? 2 * graph->room : 64;
        struct edge *more = realloc(graph->edges, room * sizeof *more);
        if (!more) {
            graph->no_memory = true;
            return;
        }
        graph->edges = more;
        graph->room = room;
    }
    struct edge *edge = &graph->edges[graph->count++];
    *edge = (struct edge){.told = {.waiter = *waiter, .offset = waiter->offset}};
    snprintf(edge->told.name, sizeof edge->told.name, "%s:%.150s", ipc->kind->word, ipc->name);
    if (holder)
        edge->told.holder = *holder;
}

/* Who operated last on a semaphore is taken for who has its unit. */
static bool has_it(const struct kin_party *party, const struct kin_party *waiter)
{
    bool has = party->part == KIN_PART_HOLDS || (party->part == PART_USED && party->alive > 0);
    return has && party->pid != waiter->pid;
}

static void add_waiter(struct graph *graph, const struct ipc *ipc, const struct kin_party *waiter)
{
    size_t holders = 0;
    bool held = ipc->space == SPACE_LOCKED || ipc->space == SPACE_SEM;
    for (size_t i = 0; held && i < ipc->party_count; i++)
        if (has_it(&ipc->parties[i], waiter)) {
            add_edge(graph, ipc, waiter, &ipc->parties[i]);
            holders++;
        }
    if (holders == 0)
        add_edge(graph, ipc, waiter, NULL);
    if (holders == 1 && ipc->space == SPACE_LOCKED && !graph->no_memory)
        graph->edges[graph->count - 1].stuck = has_one_thread(waiter->pid);
}

static struct edge *next_edge(struct graph *graph, const struct edge *edge)
{
    for (size_t i = 0; i < graph->count; i++)
        if (graph->edges[i].stuck && graph->edges[i].told.waiter.pid == edge->told.holder.pid)
            return &graph->edges[i];
    return NULL;
}

/* A process of one thread waits for one thing, so that there is one way to go. */
static unsigned mark_cycle(struct graph *graph, struct edge *first, unsigned number)
{
    struct edge *edge = first;
    for (size_t steps = 0; edge && steps <= graph->count; steps++) {
        edge = next_edge(graph, edge);
        if (edge != first)
            continue;
        do {
            edge->told.cycle = number;
            edge = next_edge(graph, edge);
        } while (edge != first);
        return number;
    }
    return number - 1;
}

int graph_ipc(const struct call *call, unsigned kinds, unsigned cycles,
              int (*visit)(void *context, const struct kin_edge *edge), void *context)
{
    struct view view;
    struct graph graph = {.count = 0};
    int result = 0, code = view_open(call, kinds, &view);
    if (code != EXIT_OK)
        return code;
    for (size_t i = 0; i < view.count; i++)
        for (size_t j = 0; j < view.list[i].party_count; j++)
            if (view.list[i].parties[j].part == KIN_PART_WAITS)
                add_waiter(&graph, &view.list[i], &view.list[i].parties[j]);
    for (size_t i = 0; i < graph.count; i++)
        if (graph.edges[i].stuck && !graph.edges[i].told.cycle)
            cycles = mark_cycle(&graph, &graph.edges[i], cycles + 1);
    for (size_t i = 0; i < graph.count && result == 0; i++)
        result = visit(context, &graph.edges[i].told);
    free(graph.edges);
    view_close(&view);
    return result || graph.no_memory ? no_memory(call) : EXIT_OK;
}
