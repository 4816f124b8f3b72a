/* Taking and leaving a life. The six headings are in life/domain.h. */
#include "life/attach.h"
#include "life/bell.h"
#include "sys/atomic.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/futex.h"
#include "sys/reason.h"
#include "sys/task.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So many dead ones met on the way to a free record make the newcomer sweep. */
#define SWEEP_AFTER 16u

static const uint32_t nobody_owns;
_Thread_local struct seat life_now __attribute__((tls_model("initial-exec"))) = {.own = (uint32_t *)&nobody_owns};
static _Thread_local struct seat *all_seats; /* of this thread, one a domain */

static pthread_key_t thread_end;
static void leave_all(void *unused);

static void after_fork_in_child(void)
{
    struct robust_head *head = robust_head();
    if (head)
        robust_pend(head, NULL);
}

__attribute__((constructor)) static void watch_threads(void)
{
    pthread_key_create(&thread_end, leave_all);
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

static int damaged(const kin_domain *domain)
{
    return reason(-EBADMSG, "the tables of lives in %s are damaged: end its users and remove it", domain->path);
}

/* A free record from the cursor on. When there is none, the dead that hold nothing make room, or the table grows. 0: an
 * error in *result. */
static uint32_t find_free(kin_domain *domain, unsigned *dead, int *result)
{
    struct domain_header *shared = domain->shared;
    for (bool reclaimed = false;; reclaimed = true) {
        uint32_t count = LOAD(shared->lives.count), start = LOAD(shared->life_cursor);
        *dead = 0;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t index = (start + i) % count;
            struct life *life = life_at(domain, index);
            if (!life) {
                *result = damaged(domain);
                return 0;
            }
            uint32_t word = index ? LOAD(life->word) : 1;
            if (word == 0) {
                STORE(shared->life_cursor, index + 1);
                return index;
            }
            *dead += WORD_IS_DEAD(word);
        }
        if (*dead && !reclaimed) {
            life_reclaim(domain);
            continue;
        }
        *result = table_grow(&domain->lives);
        if (*result < 0)
            return 0;
        STORE(shared->life_cursor, count);
    }
}

uint32_t process_find(kin_domain *domain, uint32_t pid, uint64_t start)
{
    uint64_t name_space = task_namespace();
    uint32_t count = LOAD(domain->shared->processes.count);
    for (uint32_t i = 1; i < count; i++) {
        struct process *process = process_at(domain, i);
        if (!process)
            break;
        uint32_t stamp = LOAD(process->stamp);
        if (stamp & PROCESS_USED && !(stamp & PROCESS_DEAD) && LOAD(process->pid) == pid &&
            (start == 0 || LOAD(process->start) == start) && LOAD(process->name_space) == name_space)
            return ID_MAKE(i, stamp);
    }
    return 0;
}

static struct process *new_process(kin_domain *domain, uint32_t *id, int *result)
{
    struct domain_header *shared = domain->shared;
    for (bool reclaimed = false;; reclaimed = true) {
        uint32_t count = LOAD(shared->processes.count), start = LOAD(shared->process_cursor);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t index = (start + i) % count;
            struct process *process = process_at(domain, index);
            if (!process) {
                *result = damaged(domain);
                return NULL;
            }
            if (index && !(LOAD(process->stamp) & PROCESS_USED)) {
                STORE(shared->process_cursor, index + 1);
                *id = ID_MAKE(index, LOAD(process->stamp));
                return process;
            }
        }
        if (!reclaimed) {
            life_reclaim(domain);
            continue;
        }
        *result = table_grow(&domain->processes);
        if (*result < 0)
            return NULL;
        STORE(shared->process_cursor, count);
    }
}

/* The record of this process, found again (after an exec) or made. Under the file lock. */
static int own_process(kin_domain *domain)
{
    int result = 0;
    uint32_t pid = (uint32_t)getpid();
    uint64_t start = task_start(pid), name_space = task_namespace();
    uint32_t id = start ? process_find(domain, pid, start) : 0;
    if (id) {
        attach_sweep(domain, id); /* exec unmapped all */
    } else {
        struct process *process = new_process(domain, &id, &result);
        if (!process)
            return result;
        STORE(process->pid, pid);
        STORE(process->start, start);
        STORE(process->name_space, name_space);
        STORE(process->recent_life, 0);
        STORE(process->many, 0);
        STORE(process->attached, 0);
        task_command(process->command);
        for (unsigned i = 0; i < PROCESS_HOLDS_MAX; i++)
            STORE(process->holds[i], 0);
        KEEP_ORDER();
        STORE_RELEASE(process->stamp, ID_GENERATION(id) | PROCESS_USED);
    }
    int fd = domain_witness(domain);
    if (fd >= 0)
        file_lock_byte(fd, ID_INDEX(id));
    STORE(domain->seats, 0);
    STORE_RELEASE(*domain->own, id);
    return 0;
}

static void fill(struct life *life, uint32_t process, uint32_t tid, uint32_t witness)
{
    memset(&life->op, 0, sizeof life->op);
    memset(&life->finish, 0, sizeof life->finish);
    memset(life->holds, 0, sizeof life->holds);
    STORE(life->process, process);
    STORE(life->tid, tid);
    STORE(life->witness, witness);
    STORE(life->waits_for, 0);
    STORE(life->waits_at, 0);
    STORE(life->waits_what, 0);
    KEEP_ORDER();
}

/* Under the file lock: nobody else with our TID may claim the word while pending points at it. */
static int claim(kin_domain *domain, struct seat *seat, unsigned *dead)
{
    int result = 0;
    if (LOAD(*domain->own) == 0)
        result = own_process(domain);
    uint32_t index = result == 0 ? find_free(domain, dead, &result) : 0;
    struct life *life = index ? life_at(domain, index) : NULL;
    if (!life)
        return result < 0 ? result : reason(-EBADMSG, "the table of lives in %s is damaged", domain->path);
    struct robust_head *head = robust_head();
    bool robust = head && robust_offset_fits(head, 8, 48);
    uint32_t tid = task_tid(), nobody_there = 0;
    seat->head = robust ? head : &seat->no_head;
    seat->life = life;
    seat->process = *domain->own;
    seat->pid = (uint32_t)getpid();
    seat->id = ID_MAKE(index, LOAD(life->stamp));
    seat->pending = (char *)&domain->shared->obit - seat->head->futex_offset;
    fill(life, seat->process, tid, robust ? WITNESS_ROBUST : WITNESS_TASK);
    robust_pend(seat->head, &life->word);
    if (!CAS(life->word, &nobody_there, tid | WORD_WAITERS)) {
        robust_pend(seat->head, NULL);
        return reason(-EBADMSG, "the table of lives in %s is damaged", domain->path);
    }
    KEEP_ORDER();
    if (robust)
        robust_link(head, &life->word);
    robust_pend(seat->head, &domain->shared->obit);
    struct process *process = process_at(domain, seat->process);
    if (process)
        STORE(process->recent_life, index);
    FETCH_ADD(domain->seats, 1);
    return 0;
}

/* Puts the current seat back where it is kept, so that no seat is current. */
static void leave_current(void)
{
    if (life_now.kept)
        *life_now.kept = life_now;
    life_now = (struct seat){.own = (uint32_t *)&nobody_owns};
}

static struct seat *make_current(struct seat *kept)
{
    leave_current();
    life_now = *kept;
    STORE(life_now.head->pending, life_now.pending);
    KEEP_ORDER();
    return &life_now;
}

/* Seats that a fork left from the parent, or that belong to no process any more. */
static void drop_inherited(void)
{
    struct seat **place = &all_seats;
    leave_current();
    while (*place) {
        struct seat *seat = *place;
        if (LOAD(*seat->own) == seat->process) {
            place = &seat->next;
            continue;
        }
        *place = seat->next;
        domain_drop(seat->domain);
        free(seat);
    }
}

static struct seat *take_seat(kin_domain *domain, int *result)
{
    unsigned dead = 0;
    struct seat *seat = calloc(1, sizeof *seat);
    if (!seat) {
        *result = reason(-ENOMEM, "no memory left in this process");
        return NULL;
    }
    int fd = domain_lock_file(domain);
    *result = fd < 0 ? fd : claim(domain, seat, &dead);
    domain_unlock_file(fd);
    if (*result < 0) {
        free(seat);
        return NULL;
    }
    domain_keep(domain);
    seat->domain = domain;
    seat->own = domain->own;
    seat->kept = seat;
    seat->next = all_seats;
    all_seats = seat;
    seat = make_current(seat);
    pthread_setspecific(thread_end, seat);
    life_announce(domain);
    if (dead >= SWEEP_AFTER)
        life_sweep(domain, NULL);
    return seat;
}

struct seat *life_attach(kin_domain *domain, int *result)
{
    drop_inherited();
    for (struct seat *seat = all_seats; seat; seat = seat->next)
        if (seat->domain == domain)
            return make_current(seat);
    return take_seat(domain, result);
}

static bool holds_anything(const struct seat *seat)
{
    const struct process *process = process_at(seat->domain, seat->process);
    bool held =
        seat->holds || LOAD(seat->life->op.kind) || LOAD(seat->life->op.object) || LOAD(seat->life->finish.committed);
    if (process && LOAD(seat->domain->seats) == 1) {
        held |= LOAD(process->many) != 0;
        for (unsigned i = 0; i < PROCESS_HOLDS_MAX; i++)
            held |= LOAD(process->holds[i]) != 0;
    }
    return held;
}

/* A record that a dead life still names (of a thread that exec ended, say) stays: the sweep frees it after that
 * life. */
static void leave_process(kin_domain *domain, uint32_t id)
{
    struct process *process = process_at(domain, id);
    STORE_RELEASE(*domain->own, 0);
    bell_sweep(domain, id);
    attach_sweep(domain, id);
    if (process && !process_is_named(domain, id))
        STORE_RELEASE(process->stamp, (ID_GENERATION(id) + 1) & GENERATION_MASK);
}

/* An orderly end. False: something is held, or the domain is gone; then it is left to the kernel, as a death. */
static bool leave(struct seat *seat)
{
    struct life *life = seat->life;
    kin_domain *domain = seat->domain;
    if (holds_anything(seat))
        return false;
    int fd = domain_lock_file(domain);
    if (fd < 0)
        return false;
    uint32_t generation = ID_GENERATION(seat->id);
    robust_pend(seat->head, &life->word);
    if (seat->head != &seat->no_head)
        robust_unlink(seat->head, &life->word);
    uint64_t living = (uint64_t)generation << 32 | LOAD(life->word);
    CAS(*life_pair(life), &living, (uint64_t)((generation + 1) & GENERATION_MASK) << 32);
    robust_pend(seat->head, NULL);
    if (FETCH_ADD(domain->seats, -1u) == 1)
        leave_process(domain, seat->process);
    domain_unlock_file(fd);
    return true;
}

static void leave_all(void *unused)
{
    (void)unused;
    drop_inherited();
    struct seat *seat = all_seats;
    all_seats = NULL;
    while (seat) {
        struct seat *next = seat->next;
        if (leave(seat))
            domain_drop(seat->domain);
        else
            FETCH_ADD(seat->domain->seats, -1u); /* to whoever is left this thread is dead */
        free(seat);
        seat = next;
    }
}

/* exit() runs no destructors of the main thread's specific data. */
__attribute__((destructor)) static void leave_at_exit(void)
{
    leave_all(NULL);
}
