#include "demo/pool.h"
#include "demo/words.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Counts the piece where it lies, writes the counts where they will be read, and finishes both in one step. */
static int work_on_piece(struct pool *pool, struct words *words, struct kin_message *piece)
{
    struct piece_head piece_head;
    memcpy(&piece_head, piece->data, sizeof piece_head);
    words_clear(words);
    words_count(words, (const char *)piece->data + sizeof piece_head, piece->length - sizeof piece_head, 1);
    if (words->broken)
        return -ENOMEM;
    struct kin_message counts;
    int result =
        kin_queue_loan(pool->counts, sizeof(struct count_head) + words_packed_size(words), KIN_FOREVER, &counts);
    if (result < 0)
        return result;
    const struct count_head head = {.number = piece_head.number, .attempts = piece->attempts};
    memcpy(counts.data, &head, sizeof head);
    words_pack(words, (char *)counts.data + sizeof head);
    return kin_queue_done_and_send(pool->pieces, piece, pool->counts, &counts, NULL);
}

/* Until the queues are removed, or a signal comes that cannot be caught. */
static int work(void *context)
{
    struct pool *pool = context;
    struct kin_message piece;
    struct words words;
    int result;
    words_init(&words);
    while ((result = kin_queue_take(pool->pieces, NULL, KIN_FOREVER, &piece)) == 0) {
        result = work_on_piece(pool, &words, &piece);
        if (result < 0)
            break;
    }
    words_free(&words);
    return result == -EIDRM ? EXIT_OK : failed(pool->call, result);
}

/* In a group of its own: Ctrl-C is for the supervisor, who ends all in good order. */
static int start(struct pool *pool, struct worker *worker)
{
    *worker = (struct worker){.killed = false};
    const unsigned flags = KIN_SPAWN_LIFELINE | KIN_SPAWN_GROUP | KIN_SPAWN_DESPITE_THREADS;
    int result = kin_process_fork(work, pool, KIN_SPAWN(.flags = flags), &worker->process);
    return result < 0 ? failed(pool->call, result) : EXIT_OK;
}

int pool_start(struct pool *pool)
{
    int code = EXIT_OK;
    for (size_t i = 0; code == EXIT_OK && i < pool->count; i++)
        code = start(pool, &pool->workers[i]);
    return code;
}

void pool_kill_one(struct pool *pool)
{
    size_t first = (size_t)rand_r(&pool->random);
    for (size_t i = 0; i < pool->count; i++) {
        struct worker *worker = &pool->workers[(first + i) % pool->count];
        if (!worker->killed && worker->process && kin_process_signal(worker->process, SIGKILL) == 0) {
            worker->killed = true;
            return;
        }
    }
}

int pool_replace(struct pool *pool)
{
    int code = EXIT_OK;
    for (size_t i = 0; code == EXIT_OK && i < pool->count; i++) {
        struct worker *worker = &pool->workers[i];
        struct kin_exit how;
        char text[64];
        if (kin_process_wait(worker->process, 0, KIN_NOW, &how) < 0)
            continue;
        kin_process_close(worker->process);
        worker->process = NULL;
        if (how.kind != KIN_KILLED || how.status != SIGKILL) {
            complain(pool->call, "a worker %s by itself", kin_exit_text(&how, text, sizeof text));
            return EXIT_FAILED;
        }
        pool->kills++;
        code = start(pool, worker);
        pool->restarts++;
    }
    return code;
}

size_t pool_watch(const struct pool *pool, struct pollfd *watched)
{
    for (size_t i = 0; i < pool->count; i++)
        watched[i] = (struct pollfd){kin_process_fd(pool->workers[i].process), POLLIN, 0};
    return pool->count;
}

void pool_stop(struct pool *pool)
{
    for (size_t i = 0; i < pool->count; i++) {
        struct kin_exit how;
        if (!pool->workers[i].process)
            continue;
        kin_process_wait(pool->workers[i].process, 0, KIN_FOREVER, &how);
        kin_process_close(pool->workers[i].process);
    }
}
