/* A list in shared memory that is whole whenever its writers are killed.
 *
 *     19-arena add WORD...      adds words for ever, in turn; kill -9 it
 *     19-arena show             prints how many there are, and that nothing else is left in the arena */
#include <kin/arena.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

struct node {
    uint64_t next; /* an offset: it is the same in every process */
    char word[48];
};

static int set_up(void *context, kin_segment *segment)
{
    (void)context;
    return kin_arena_init(segment, NULL);
}

static void add(kin_arena *arena, const char *word)
{
    uint64_t *head = kin_arena_root(arena, 0), first, offset;
    if (kin_arena_alloc(arena, sizeof(struct node), 0, &offset) < 0) /* mine: it goes with me */
        errx(1, "%s", kin_reason());
    struct node *node = kin_arena_at(arena, offset);
    snprintf(node->word, sizeof node->word, "%s", word);
    do
        node->next = first = *head;
    while (kin_arena_commit(arena, head, first, offset, offset, 0) < 0); /* in the list, and nobody's: one step */
}

static int count_used(void *context, const struct kin_arena_block *block)
{
    *(int *)context += block->used;
    return 0;
}

int main(int argc, char **argv)
{
    kin_segment *segment;
    kin_arena *arena;
    if (kin_segment_open(NULL, "list", KIN_SEGMENT(.bytes = 65536, .bytes_max = 1 << 26, .setup = set_up), &segment) <
            0 ||
        kin_arena_open(segment, 0, &arena) < 0)
        errx(1, "%s", kin_reason());
    if (argc > 2 && strcmp(argv[1], "add") == 0)
        for (int i = 0;; i++)
            add(arena, argv[2 + i % (argc - 2)]);
    int listed = 0, used = 0;
    for (uint64_t at = *kin_arena_root(arena, 0); at; at = ((struct node *)kin_arena_at(arena, at))->next)
        listed++;
    kin_arena_reclaim(arena);
    kin_arena_each(arena, count_used, &used);
    printf("%d words, %s\n", listed, listed == used ? "and no other block" : "and lost blocks");
    return listed != used;
}
