/* The wait-for graph. The six headings are in life/graph.h. */
#include "life/graph.h"
#include "life/object.h"
#include "life/settle.h"
#include "sys/atomic.h"
#include "sys/plant.h"
#include "sys/reason.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct place {
    uint64_t object, offset;
};

static bool same(struct place one, struct place other)
{
    return one.object == other.object && one.offset == other.offset;
}

static struct place waits_of(const struct life *life)
{
    return (struct place){LOAD_ACQUIRE(life->waits_for), LOAD(life->waits_at)};
}

static bool lives(const struct life *life)
{
    uint32_t word = LOAD_ACQUIRE(life->word);
    return word != 0 && (!WORD_IS_DEAD(word) || PLANTED(NO_DEATH_CHECK));
}

/* Whether it names the place as held. Who sleeps on the place names it too, and has it not. */
static bool names(const struct life *life, struct place place)
{
    for (unsigned i = 0; i < HOLDS_MAX; i++)
        if (LOAD(life->holds[i].object) == place.object && LOAD(life->holds[i].offset) == place.offset)
            return true;
    return false;
}

/* ---- would it close a cycle? ---- */

#define BUDGET 256u /* threads that are followed; a longer chain counts as none */

/* A search. `print` tells one way through the table from another: the same twice is one that was there all the time. */
struct search {
    struct seat *seat;
    const struct intent *intent;
    uint64_t print;
    unsigned many;
    uint32_t followed[BUDGET]; /* indices of lives: none twice, or a cycle of others would have no end */
};

static bool follow(struct search *search, uint32_t index)
{
    for (unsigned i = 0; i < search->many; i++)
        if (search->followed[i] == index)
            return false;
    if (search->many == BUDGET)
        return false;
    search->followed[search->many++] = index;
    if (PLANTED(STOP_LOOKING) && search->many == 2)
        raise(SIGSTOP);
    return true;
}

static bool leads_back(struct search *search, struct place place, bool first)
{
    kin_domain *domain = search->seat->domain;
    uint32_t count = LOAD_ACQUIRE(domain->shared->lives.count);
    for (uint32_t i = 1; i < count && i < domain->lives.limit; i++) {
        const struct life *life = life_at(domain, i);
        if (!life)
            break;
        struct place next = waits_of(life);
        bool asker = life == search->seat->life;
        if (next.object == 0 || !lives(life) || !names(life, place))
            continue;
        if (same(next, place) && !(asker && !first && search->intent->keeps && !PLANTED(NO_KEEP)))
            continue;
        if (asker)
            return true;
        if (!follow(search, i) || !leads_back(search, next, false))
            continue;
        search->print = (search->print ^ ((uint64_t)LOAD(life->waits_turn) << 32 | i)) * UINT64_C(0x100000001b3);
        return true;
    }
    return false;
}

/* Who holds what is asked for, and is awake, will go on: he stands in no cycle yet. */
static bool owner_sleeps(const struct seat *seat, const struct intent *intent)
{
    const struct life *owner = intent->owner ? life_at(seat->domain, intent->owner) : NULL;
    return !owner || waits_of(owner).object != 0 || PLANTED(ANY_OWNER);
}

static bool finds_cycle(struct seat *seat, const struct intent *intent, uint64_t *print)
{
    struct search search = {.seat = seat, .intent = intent};
    bool found = leads_back(&search, (struct place){intent->object, intent->offset}, true);
    *print = search.print;
    return found;
}

bool life_closes_cycle(struct seat *seat, const struct intent *intent)
{
    uint64_t first, second;
    if (PLANTED(STOP_ASKING))
        raise(SIGSTOP);
    STORE(seat->life->waits_at, intent->offset);
    KEEP_ORDER();
    if (!PLANTED(LOOK_FIRST))
        STORE(seat->life->waits_for, intent->object);
    FULL_FENCE();
    bool found = finds_cycle(seat, intent, &first) &&
                 (PLANTED(LOOK_ONCE) || (finds_cycle(seat, intent, &second) && first == second)) &&
                 owner_sleeps(seat, intent);
    if (PLANTED(STOP_AWAKE))
        raise(SIGSTOP);
    if (found)
        STORE(seat->life->waits_for, 0);
    return found;
}

/* ---- all of it ---- */

struct node { /* one who waits */
    uint32_t id, turn;
    struct place waits;
    bool has_edge;
};

struct edge {
    uint32_t waiter, holder; /* lives; holder 0: a process as a whole, or nobody */
    struct place place;
    struct kin_edge shown;
};

struct graph {
    kin_domain *domain;
    unsigned nodes, edges, size, cycles;
    uint32_t lives;
    struct node *node;
    struct edge *edge;
    unsigned char *before, *behind; /* by the index of a life: whether the cycle that is looked at can be reached */
    int result;
};

static int no_memory(void)
{
    return reason(-ENOMEM, "no memory left in this process");
}

static struct kin_party party(kin_domain *domain, uint32_t id, unsigned part)
{
    const struct life *life = life_at(domain, id);
    struct kin_party party = {0};
    if (life)
        party = life_party(domain, LOAD(life->process), LOAD(life->tid), part);
    party.alive = life_prove(domain, id) == VERDICT_ALIVE;
    return party;
}

static void add_edge(struct graph *graph, struct node *node, uint32_t life, const struct kin_party *holder)
{
    if (graph->edges == graph->size) {
        unsigned size = graph->size ? graph->size * 2 : 64;
        struct edge *edges = realloc(graph->edge, size * sizeof *edges);
        if (!edges) {
            graph->result = no_memory();
            return;
        }
        graph->edge = edges;
        graph->size = size;
    }
    struct edge *edge = &graph->edge[graph->edges++];
    *edge = (struct edge){.waiter = node->id, .holder = life, .place = node->waits};
    edge->shown.waiter = party(graph->domain, node->id, KIN_PART_WAITS);
    edge->shown.offset = node->waits.offset;
    if (holder)
        edge->shown.holder = *holder;
    node->has_edge = true;
}

static int find_waiters(struct graph *graph)
{
    kin_domain *domain = graph->domain;
    uint32_t count = LOAD_ACQUIRE(domain->shared->lives.count);
    graph->lives = count < domain->lives.limit ? count : domain->lives.limit;
    graph->node = calloc(graph->lives + 1, sizeof *graph->node);
    graph->before = malloc(graph->lives + 1);
    graph->behind = malloc(graph->lives + 1);
    if (!graph->node || !graph->before || !graph->behind)
        return no_memory();
    for (uint32_t i = 1; i < graph->lives; i++) {
        const struct life *life = life_at(domain, i);
        if (!life)
            break;
        uint32_t id = ID_MAKE(i, LOAD(life->stamp));
        struct node node = {id, LOAD(life->waits_turn), waits_of(life), false};
        if (node.waits.object && life_prove(domain, node.id) == VERDICT_ALIVE)
            graph->node[graph->nodes++] = node;
    }
    return 0;
}

/* Threads that hold what the node waits for, by the table of lives. */
static void add_lives(struct graph *graph, struct node *node)
{
    for (uint32_t i = 1; i < graph->lives && graph->result == 0; i++) {
        const struct life *life = life_at(graph->domain, i);
        uint32_t id = life ? ID_MAKE(i, LOAD(life->stamp)) : 0;
        if (!life || LOAD(life->word) == 0 || id == node->id || !names(life, node->waits) ||
            same(waits_of(life), node->waits))
            continue;
        struct kin_party holder = party(graph->domain, id, KIN_PART_HOLDS);
        add_edge(graph, node, id, &holder);
    }
}

/* What processes have as a whole: leases, loans, units. */
static void add_processes(struct graph *graph, struct node *node, const char *name, const struct segment_header *header)
{
    kin_domain *domain = graph->domain;
    const struct kind *kind = kind_of(header->kind);
    const struct life *waiter = life_at(domain, node->id);
    uint32_t count = LOAD(domain->shared->processes.count);
    if (header->kind == KIN_KIND_TOPIC && waiter && kind->count(domain, name, LOAD(waiter->process)))
        return; /* a subscriber waits for a message, which nobody has */
    for (uint32_t i = 1; kind && i < count && i < domain->processes.limit && graph->result == 0; i++) {
        const struct process *process = process_at(domain, i);
        uint32_t stamp = process ? LOAD_ACQUIRE(process->stamp) : 0;
        bool named = stamp & PROCESS_USED && LOAD(process->many);
        for (unsigned k = 0; k < PROCESS_HOLDS_MAX && stamp & PROCESS_USED && !named; k++)
            named = LOAD(process->holds[k]) == header->id;
        uint64_t held = named ? kind->count(domain, name, ID_MAKE(i, stamp)) : 0;
        if (!held)
            continue;
        enum verdict verdict = process_verdict(domain, ID_MAKE(i, stamp), true);
        struct kin_party holder = life_party(domain, ID_MAKE(i, stamp), 0, KIN_PART_HOLDS);
        holder.alive = verdict == VERDICT_ALIVE || verdict == VERDICT_ENDING;
        holder.count = held;
        add_edge(graph, node, 0, &holder);
    }
}

static int ask_object(void *context, const char *name, const struct segment_header *header)
{
    struct graph *graph = context;
    for (unsigned i = 0; i < graph->nodes; i++)
        if (header->id && graph->node[i].waits.object == header->id && !graph->node[i].has_edge)
            add_processes(graph, &graph->node[i], name, header);
    return 0;
}

static int name_edges(void *context, const char *name, const struct segment_header *header)
{
    struct graph *graph = context;
    for (unsigned i = 0; i < graph->edges; i++)
        if (header->id && graph->edge[i].place.object == header->id) {
            snprintf(graph->edge[i].shown.name, sizeof graph->edge[i].shown.name, "%s", name);
            graph->edge[i].shown.kind = header->kind;
        }
    return 0;
}

/* Marks the lives that can be reached from one of them, along the edges or against them. */
static void spread(const struct graph *graph, uint32_t from, bool along, unsigned char *reached)
{
    memset(reached, 0, graph->lives + 1);
    reached[ID_INDEX(from)] = 1;
    for (bool more = true; more;) {
        more = false;
        for (unsigned i = 0; i < graph->edges; i++) {
            const struct edge *edge = &graph->edge[i];
            uint32_t start = along ? edge->waiter : edge->holder, end = along ? edge->holder : edge->waiter;
            if (!edge->holder || !reached[ID_INDEX(start)] || reached[ID_INDEX(end)])
                continue;
            reached[ID_INDEX(end)] = 1;
            more = true;
        }
    }
}

/* Threads that wait for each other in a circle: those that can be reached from one and from which it can. */
static void find_cycles(struct graph *graph)
{
    for (unsigned i = 0; i < graph->edges; i++) {
        const struct edge *edge = &graph->edge[i];
        if (edge->shown.cycle || !edge->holder)
            continue;
        spread(graph, edge->waiter, true, graph->before);
        spread(graph, edge->waiter, false, graph->behind);
        if (!graph->behind[ID_INDEX(edge->holder)])
            continue;
        graph->cycles++;
        for (unsigned k = 0; k < graph->edges; k++) {
            struct edge *other = &graph->edge[k];
            uint32_t waiter = ID_INDEX(other->waiter), holder = ID_INDEX(other->holder);
            if (holder && graph->before[waiter] && graph->behind[waiter] && graph->before[holder] &&
                graph->behind[holder])
                other->shown.cycle = graph->cycles;
        }
    }
}

/* Whether those who wait, waited all the while that the table was read: else a cycle may be none. */
static bool is_steady(const struct graph *graph)
{
    for (unsigned i = 0; i < graph->nodes; i++) {
        const struct life *life = life_at(graph->domain, graph->node[i].id);
        if (!life || LOAD(life->waits_turn) != graph->node[i].turn || !same(waits_of(life), graph->node[i].waits))
            return false;
    }
    return true;
}

static void drop(struct graph *graph)
{
    free(graph->node);
    free(graph->edge);
    free(graph->before);
    free(graph->behind);
    *graph = (struct graph){.domain = graph->domain};
}

static int draw(struct graph *graph)
{
    graph->result = find_waiters(graph);
    for (unsigned i = 0; i < graph->nodes && graph->result == 0; i++)
        add_lives(graph, &graph->node[i]);
    if (graph->result == 0)
        object_each(graph->domain, ask_object, graph);
    for (unsigned i = 0; i < graph->nodes && graph->result == 0; i++)
        if (!graph->node[i].has_edge)
            add_edge(graph, &graph->node[i], 0, NULL);
    if (graph->result == 0)
        object_each(graph->domain, name_edges, graph);
    if (graph->result == 0)
        find_cycles(graph);
    return graph->result;
}

#define TRIES 20u

int kin_domain_each_edge(kin_domain *given, int (*visit)(void *context, const struct kin_edge *edge), void *context)
{
    struct graph graph = {0};
    int result = domain_resolve(given, &graph.domain);
    if (result < 0)
        return result;
    for (unsigned tries = 0; tries < TRIES; tries++) {
        drop(&graph);
        result = draw(&graph);
        if (result < 0 || graph.cycles == 0 || is_steady(&graph))
            break;
        for (unsigned i = 0; i < graph.edges; i++)
            graph.edge[i].shown.cycle = 0;
    }
    for (unsigned i = 0; i < graph.edges && result == 0; i++)
        result = visit(context, &graph.edge[i].shown);
    drop(&graph);
    domain_drop(graph.domain);
    return result;
}
