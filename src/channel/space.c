/* Room for payloads over 64 bytes: a buddy tree for each extent. The six headings are in channel/queue.h.
 *
 * An extent has 2^J units. Node 1 is the whole, nodes 2i and 2i + 1 are the halves of node i; the leaves are units. A
 * node's byte says how much is missing: 0 all of it is free; m: its largest free block is 2^m times smaller than
 * itself; its order + 1: nothing is free. So a new extent, all zeros, is all free, and a node is a function of its two
 * halves: that makes a path repairable from its lowest node up.
 *
 * A block is named by {extent + 1, node}. */
#include "channel/queue.h"
#include "sys/reason.h"
#include <errno.h>
#include <string.h>

#define BLOCK_MAKE(extent, node) ((uint64_t)((extent) + 1) << 32 | (node))
#define BLOCK_EXTENT(block) ((uint32_t)((block) >> 32) - 1)
#define BLOCK_NODE(block) ((uint32_t)(block))

static uint32_t order_of_extent(const kin_queue *queue, uint32_t extent)
{
    return queue->space.first + (extent ? extent - 1 : 0);
}

static uint32_t log2_of(uint32_t number)
{
    return 31 - (uint32_t)__builtin_clz(number);
}

static unsigned char *tree_of(kin_queue *queue, uint32_t extent)
{
    return table_at(&queue->tree, table_extent_start(queue->space.first, extent));
}

/* Extents that exist. */
static uint32_t extents(const kin_queue *queue)
{
    uint32_t count = LOAD(queue->space.shared->count);
    if (count == 0 || count > queue->space.limit)
        return 0;
    return table_extent_of(queue->space.first, count - 1) + 1;
}

static uint32_t order_for(uint32_t length)
{
    uint32_t units = (length + (1u << UNIT_SHIFT) - 1) >> UNIT_SHIFT;
    return units <= 1 ? 0 : log2_of(units - 1) + 1;
}

/* Order of the largest free block below the node, plus 1; 0: none. */
static uint32_t largest(const unsigned char *tree, uint32_t node, uint32_t order)
{
    uint32_t missing = LOAD(tree[node]);
    return missing > order ? 0 : order + 1 - missing;
}

uint64_t space_find(kin_queue *queue, uint32_t length)
{
    uint32_t wanted = order_for(length), count = extents(queue);
    for (uint32_t extent = 0; extent < count; extent++) {
        uint32_t order = order_of_extent(queue, extent), node = 1;
        unsigned char *tree = tree_of(queue, extent);
        if (!tree || largest(tree, 1, order) < wanted + 1)
            continue;
        while (order > wanted) {
            order--;
            node *= 2;
            uint32_t left = largest(tree, node, order), right = largest(tree, node + 1, order);
            /* the tighter half, so that large blocks stay whole */
            if (left < wanted + 1 || (right >= wanted + 1 && right < left))
                node++;
        }
        if (largest(tree, node, order) == order + 1)
            return BLOCK_MAKE(extent, node);
    }
    return 0;
}

bool space_mark(kin_queue *queue, uint64_t block, bool used)
{
    uint32_t extent = BLOCK_EXTENT(block), node = BLOCK_NODE(block);
    if (extent >= extents(queue) || node == 0)
        return false;
    uint32_t whole = order_of_extent(queue, extent), depth = log2_of(node);
    unsigned char *tree = tree_of(queue, extent);
    if (!tree || depth > whole)
        return false;
    uint32_t order = whole - depth;
    STORE(tree[node], (unsigned char)(used ? order + 1 : 0));
    while (node > 1) {
        node /= 2;
        order++;
        uint32_t left = largest(tree, 2 * node, order - 1), right = largest(tree, 2 * node + 1, order - 1);
        uint32_t most = left == order && right == order ? order + 1 : left > right ? left : right;
        KEEP_ORDER();
        STORE(tree[node], (unsigned char)(order + 1 - most));
    }
    return true;
}

bool space_fits(kin_queue *queue, uint64_t block, uint32_t length)
{
    uint32_t extent = BLOCK_EXTENT(block), node = BLOCK_NODE(block);
    return extent < TABLE_EXTENTS && node != 0 &&
           order_of_extent(queue, extent) - log2_of(node) == order_for(length) && space_bytes(queue, block, length);
}

unsigned char *space_bytes(kin_queue *queue, uint64_t block, uint32_t length)
{
    uint32_t extent = BLOCK_EXTENT(block), node = BLOCK_NODE(block);
    if (extent >= TABLE_EXTENTS || node == 0)
        return NULL;
    uint32_t whole = order_of_extent(queue, extent), depth = log2_of(node);
    if (depth > whole || length > UINT64_C(1) << (whole - depth + UNIT_SHIFT))
        return NULL;
    uint32_t unit = (node - (UINT32_C(1) << depth)) << (whole - depth);
    return table_at(&queue->space, table_extent_start(queue->space.first, extent) + unit);
}

bool space_at_limit(const kin_queue *queue)
{
    return LOAD(queue->space.shared->count) >= queue->space.limit;
}

int space_grow(kin_queue *queue)
{
    uint32_t count = LOAD(queue->space.shared->count);
    int result = 0;
    if (LOAD(queue->tree.shared->count) <= count)
        result = table_grow(&queue->tree);
    return result < 0 ? result : table_grow(&queue->space);
}

void space_reset(kin_queue *queue)
{
    uint32_t count = extents(queue);
    for (uint32_t extent = 0; extent < count; extent++) {
        unsigned char *tree = tree_of(queue, extent);
        if (tree)
            memset(tree, 0, (size_t)2 << order_of_extent(queue, extent));
    }
}
