#include "command.h"
#include "demo/demo.h"
#include "place.h"
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { QUEUE_PIECES = 256 };

static int read_options(const struct call *call, struct demo *demo)
{
    int64_t workers = 4;
    int code = number_of(call, OPTION_WORKERS, 1, WORKERS_MOST, &workers);
    if (code == EXIT_OK)
        code = number_of(call, OPTION_KILLS, 0, 1000000, &demo->kills_wanted);
    if (code == EXIT_OK)
        code = number_of(call, OPTION_SECONDS, 1, 1000000, &demo->seconds);
    demo->pool.count = (size_t)workers;
    return code;
}

/* A packed count is never more than five times its piece: eight bytes and the word, for a word and one byte. */
static int open_queues(struct demo *demo, kin_domain *domain)
{
    struct pool *pool = &demo->pool;
    uint64_t longest = demo->text.longest + sizeof(struct piece_head);
    int result =
        kin_queue_open(domain, "pieces", KIN_QUEUE(.messages = QUEUE_PIECES, .message_max = longest), &pool->pieces);
    if (result == 0)
        result = kin_queue_open(
            domain, "counts",
            KIN_QUEUE(.messages = QUEUE_PIECES, .message_max = 5 * longest + sizeof(struct count_head)), &pool->counts);
    return result < 0 ? failed(demo->call, result) : EXIT_OK;
}

static void catch_signals(void)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        sigaction(ending[i], &(struct sigaction){.sa_handler = demo_interrupt}, NULL);
}

static int run_in(struct demo *demo, const char *path)
{
    kin_domain *domain;
    int result = kin_domain_open(path, NULL, &domain);
    if (result < 0)
        return failed(demo->call, result);
    int code = open_queues(demo, domain);
    if (code == EXIT_OK) {
        code = demo_run(demo);
        kin_remove(domain, "pieces", KIN_EVEN_HELD);
        kin_remove(domain, "counts", KIN_EVEN_HELD);
        pool_stop(&demo->pool);
    }
    kin_queue_close(demo->pool.pieces);
    kin_queue_close(demo->pool.counts);
    kin_domain_close(domain);
    return code;
}

static int run(struct demo *demo)
{
    struct place place;
    catch_signals();
    int code = place_make(demo->call, &place);
    if (code != EXIT_OK)
        return code;
    code = run_in(demo, place.path);
    place_remove(&place);
    if (code != EXIT_OK)
        return code;
    demo_count_plainly(demo);
    return demo_report(demo);
}

int cmd_demo(struct call *call)
{
    static char licenses[] = "/usr/share/common-licenses";
    char *usual[] = {licenses, NULL};
    struct demo demo = {
        .call = call, .kills_wanted = 100, .seconds = 60, .pool = {.call = call, .random = (unsigned)time(NULL)}};
    int code = read_options(call, &demo);
    if (code == EXIT_OK)
        code = text_read(call, call->operand_count ? call->operands : usual, &demo.text);
    words_init(&demo.counted);
    words_init(&demo.plain);
    if (code == EXIT_OK)
        code = run(&demo);
    words_free(&demo.counted);
    words_free(&demo.plain);
    text_free(&demo.text);
    free(demo.seen);
    return code;
}
