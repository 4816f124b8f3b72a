/* The six headings are in sync/wait.h. */
#include "sync/wait.h"
#include "sys/atomic.h"
#include "sys/clock.h"
#include "sys/plant.h"
#include <errno.h>

enum woken wait_not(const struct seat *seat)
{
    if (!PLANTED(STAY_LISTED))
        STORE(seat->life->waits_for, 0);
    return WOKEN_LOOK;
}

enum woken wait_sleep(const struct wait *wait)
{
    kin_domain *domain = wait->seat->domain;
    struct futex_word words[WAIT_LIVES_MAX + 4] = {{wait->word, wait->value}, {&domain->shared->obit, 0}};
    unsigned count = 2;
    for (unsigned i = 0; i < wait->lives; i++) {
        struct life *life = life_at(domain, wait->life[i]);
        uint32_t word = life ? LOAD_ACQUIRE(life->word) : 0;
        if (word == 0 || WORD_IS_DEAD(word))
            return wait_not(wait->seat); /* he died since the caller looked */
        words[count++] = (struct futex_word){&life->word, word};
    }
    if (wait->guard && !PLANTED(NO_GUARD))
        words[count++] = (struct futex_word){wait->guard, wait->guard_value};
    words[count++] = words[0];

    int64_t left = clock_left(wait->until), span = wait->longest ? wait->longest : BACKSTOP(WAIT_BACKSTOP);
    if (left <= 0) {
        wait_not(wait->seat);
        return WOKEN_LATE;
    }
    STORE(wait->seat->life->waits_turn, LOAD(wait->seat->life->waits_turn) + 1);
    STORE(wait->seat->life->waits_at, wait->offset);
    STORE(wait->seat->life->waits_what, wait->what);
    KEEP_ORDER();
    STORE(wait->seat->life->waits_for, wait->object);
    int woken = futex_sleep(words, count, left < span ? left : span);
    STORE(wait->seat->life->waits_for, 0);

    if (woken > 0 || (woken == -EAGAIN && LOAD(domain->shared->obit) != 0))
        life_announce(domain);
    if (woken != -ETIMEDOUT)
        return WOKEN_LOOK;
    return clock_left(wait->until) <= 0 ? WOKEN_LATE : WOKEN_BACKSTOP;
}

unsigned wait_for_process(kin_domain *domain, uint32_t process_id, uint32_t life[WAIT_LIVES_MAX], unsigned count)
{
    struct process *process = process_at(domain, process_id);
    uint32_t index = process ? LOAD(process->recent_life) : 0;
    struct life *recent = index ? life_at(domain, index) : NULL;
    if (recent && count < WAIT_LIVES_MAX)
        life[count++] = ID_MAKE(index, LOAD(recent->stamp));
    return count;
}

int64_t wait_pace(int64_t longest, bool ending)
{
    if (!ending)
        return 0;
    if (longest == 0)
        return MILLISECOND;
    return longest < WAIT_BACKSTOP ? 2 * longest : longest;
}
