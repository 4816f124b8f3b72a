#include "sys/robust.h"
#include "sys/atomic.h"
#include "sys/futex.h"
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Bit 0 of a pointer in the list says "priority inheritance". */
#define PI ((uintptr_t)1)
#define BOTH_WAYS (sizeof(void *) == 8)

/* A backward pointer leads to the neighbour's forward pointer. With glibc the head has one too, in front of it. */
#ifdef __GLIBC__
#define HEAD_HAS_BACK 1
#else
#define HEAD_HAS_BACK 0
#endif

struct robust_head *robust_head(void)
{
    struct robust_head *head = NULL;
    size_t length = 0;
    if (fallback_is_forced())
        return NULL;
    if (syscall(SYS_get_robust_list, 0, &head, &length) < 0 || length != sizeof *head)
        return NULL;
    return head;
}

bool robust_offset_fits(const struct robust_head *head, long before, long behind)
{
    long entry = -head->futex_offset; /* relative to the word */
    return entry - (long)sizeof(void *) >= before && entry + (long)sizeof(void *) <= behind;
}

static void **entry_of(const struct robust_head *head, uint32_t *word)
{
    return (void **)(void *)((char *)word - head->futex_offset);
}

static void **plain(void *pointer)
{
    return (void **)((uintptr_t)pointer & ~PI);
}

static void set_backward(struct robust_head *head, void *entry, void **before)
{
    if (BOTH_WAYS && (HEAD_HAS_BACK || plain(entry) != (void **)head))
        plain(entry)[-1] = before;
}

void robust_link(struct robust_head *head, uint32_t *word)
{
    void **entry = entry_of(head, word);
    entry[0] = head->first;
    set_backward(head, entry, (void **)head);
    set_backward(head, entry[0], entry);
    KEEP_ORDER();
    STORE(head->first, (void *)entry);
    KEEP_ORDER();
}

void robust_unlink(struct robust_head *head, uint32_t *word)
{
    void **entry = entry_of(head, word);
    void **before = (void **)head;
    /* libc may have linked its own in front. To walk serves the singly linked list too. */
    for (unsigned i = 0; plain(*before) != entry; i++) {
        before = plain(*before);
        if (before == (void **)head || i > 4096)
            return;
    }
    STORE(*before, entry[0]);
    set_backward(head, entry[0], before);
    KEEP_ORDER();
}
