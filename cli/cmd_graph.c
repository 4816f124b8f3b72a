#include "command.h"
#include "see/graph.h"
#include "see/select.h"
#include "table.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct edges {
    unsigned count, size, cycles;
    struct kin_edge *edge;
};

static int keep(void *context, const struct kin_edge *edge)
{
    struct edges *edges = context;
    if (edges->count == edges->size) {
        unsigned size = edges->size ? edges->size * 2 : 64;
        struct kin_edge *more = realloc(edges->edge, size * sizeof *more);
        if (!more)
            return -ENOMEM;
        edges->edge = more;
        edges->size = size;
    }
    edges->edge[edges->count++] = *edge;
    if (edge->cycle > edges->cycles)
        edges->cycles = edge->cycle;
    return 0;
}

/* "accounts", or "accounts+64" for what lies at that byte of a segment. */
static const char *place_text(const struct kin_edge *edge, char text[KIN_NAME_MAX + 32])
{
    const char *name = *edge->name ? edge->name : "(removed)";
    if (edge->offset)
        snprintf(text, KIN_NAME_MAX + 32, "%s+%llu", name, (unsigned long long)edge->offset);
    else
        snprintf(text, KIN_NAME_MAX + 32, "%s", name);
    return text;
}

static const char *alive_text(const struct kin_party *party)
{
    return party->alive > 0 ? "yes" : party->alive == 0 ? "dead" : "unknown";
}

static const char *kind_text(const struct kin_edge *edge)
{
    const char *name;
    const struct ipc_kind *kind = edge->kind ? NULL : ipc_kind_of_name(edge->name, &name);
    return kind ? kind->word : kin_kind_name(edge->kind);
}

/* The number that people know: the thread's, or the process's where that is all. */
static int number_of_party(const struct kin_party *party)
{
    return (int)(party->tid ? party->tid : party->pid);
}

static void add_row(struct table *table, const struct kin_edge *edge)
{
    table_row(table);
    if (edge->waiter.pid)
        table_number(table, GRAPH_PID, edge->waiter.pid);
    if (edge->waiter.tid)
        table_number(table, GRAPH_TID, edge->waiter.tid);
    table_text(table, GRAPH_COMMAND, edge->waiter.command);
    table_text(table, GRAPH_OBJECT, *edge->name ? edge->name : NULL);
    table_number(table, GRAPH_OFFSET, (int64_t)edge->offset);
    table_text(table, GRAPH_KIND, kind_text(edge));
    if (edge->holder.pid) {
        table_number(table, GRAPH_HOLDER, edge->holder.pid);
        if (edge->holder.tid)
            table_number(table, GRAPH_HOLDER_TID, edge->holder.tid);
        table_text(table, GRAPH_HOLDER_COMMAND, edge->holder.command);
        table_text(table, GRAPH_ALIVE, alive_text(&edge->holder));
        table_number(table, GRAPH_COUNT, (int64_t)edge->holder.count);
    }
    if (edge->cycle) {
        table_number(table, GRAPH_CYCLE, edge->cycle);
        table_color(table, GRAPH_CYCLE, "red");
    }
}

/* A string of the dot language. */
static void print_quoted(const char *text)
{
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text >= ' ')
            putchar(*text);
}

/* A thread's node is its number; one with tid 0 is a whole process. */
static void print_party(const struct kin_party *party)
{
    printf("  \"%d/%d\" [label=\"", (int)party->pid, (int)party->tid);
    print_quoted(party->command);
    printf(party->alive == 0 ? "\\n%d, dead\", color=gray];\n" : "\\n%d\"];\n", number_of_party(party));
}

static void print_dot(const struct edges *edges)
{
    char place[KIN_NAME_MAX + 32];
    printf("digraph waits {\n  node [shape=ellipse];\n");
    for (unsigned i = 0; i < edges->count; i++) {
        const struct kin_edge *edge = &edges->edge[i];
        const char *color = edge->cycle ? " [color=red]" : "";
        place_text(edge, place);
        print_party(&edge->waiter);
        printf("  \"");
        print_quoted(place);
        printf("\" [shape=box];\n  \"%d/%d\" -> \"", (int)edge->waiter.pid, (int)edge->waiter.tid);
        print_quoted(place);
        printf("\"%s;\n", color);
        if (!edge->holder.pid)
            continue;
        print_party(&edge->holder);
        printf("  \"");
        print_quoted(place);
        printf("\" -> \"%d/%d\"%s;\n", (int)edge->holder.pid, (int)edge->holder.tid, color);
    }
    printf("}\n");
}

/* Follows one cycle from its first edge; in a circle of readers there may be more edges than are told. */
static void tell(const struct call *call, const struct edges *edges, unsigned cycle)
{
    char place[KIN_NAME_MAX + 32], text[4096];
    size_t used = 0;
    const struct kin_edge *edge = edges->edge;
    while (edge->cycle != cycle)
        edge++;
    for (unsigned steps = 0; edge && steps < edges->count && used < sizeof text; steps++) {
        if (steps == 0)
            used = (size_t)snprintf(text, sizeof text, "%d (%s)", number_of_party(&edge->waiter), edge->waiter.command);
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s waits for %s, held by %d (%s)", steps ? ", who" : "",
                             place_text(edge, place), number_of_party(&edge->holder), edge->holder.command);
        const struct kin_edge *next = NULL;
        for (unsigned i = 0; i < edges->count && !next; i++)
            if (edges->edge[i].cycle == cycle && edges->edge[i].waiter.pid == edge->holder.pid &&
                edges->edge[i].waiter.tid == edge->holder.tid)
                next = &edges->edge[i];
        edge = next;
    }
    complain(call, "a deadlock: %s; end one of them, and the others go on", text);
}

static int collect(const struct call *call, const struct selection *chosen, struct edges *edges)
{
    kin_domain *domain;
    int code = EXIT_OK;
    if (chosen->kin_kinds) {
        code = open_domain(call, &domain);
        if (code != EXIT_OK)
            return code;
        int result = kin_domain_each_edge(domain, keep, edges);
        kin_domain_close(domain);
        code = result < 0 ? failed(call, result) : EXIT_OK;
    }
    if (code == EXIT_OK && chosen->ipc_kinds)
        code = graph_ipc(call, chosen->ipc_kinds, edges->cycles, keep, edges);
    return code;
}

int cmd_graph(struct call *call)
{
    struct table *table = NULL;
    struct edges edges = {0};
    struct selection chosen;
    bool dot = is_given(call, OPTION_DOT);
    select_operands(call, &chosen);
    int code = not_both(call, OPTION_DOT, OPTION_JSON);
    if (code == EXIT_OK && (chosen.kin_names || chosen.ipc_names))
        code = usage_error(call, "give kinds, as kin, sysv, filelock or all, and no names");
    if (code == EXIT_OK && !dot)
        table = table_new(call, "edges", &code);
    if (code == EXIT_OK)
        code = collect(call, &chosen, &edges);
    if (code == EXIT_OK && dot)
        print_dot(&edges);
    for (unsigned i = 0; i < edges.count && table; i++)
        add_row(table, &edges.edge[i]);
    if (table)
        code = table_end(table, code);
    for (unsigned cycle = 1; cycle <= edges.cycles && code == EXIT_OK; cycle++)
        tell(call, &edges, cycle);
    free(edges.edge);
    return code == EXIT_OK && edges.cycles ? EXIT_WOULD_BLOCK : code;
}
