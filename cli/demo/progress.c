#include "demo/demo.h"
#include <inttypes.h>
#include <unistd.h>

enum { BAR_WIDTH = 30 };

/* As far as the slower of both is: the text, and the kills. */
static double share_done(const struct demo *demo)
{
    double text = (double)demo->received / (double)demo->text.piece_count;
    double kills = demo->kills_wanted ? (double)demo->pool.kills / (double)demo->kills_wanted : 1;
    double share = text < kills ? text : kills;
    return share < 1 ? share : 1;
}

static bool is_wanted(const struct demo *demo)
{
    return isatty(STDERR_FILENO) && !is_given(demo->call, OPTION_JSON);
}

void progress_show(const struct demo *demo)
{
    char bar[3 * BAR_WIDTH + 1], *place = bar;
    if (!is_wanted(demo))
        return;
    int full = (int)(share_done(demo) * BAR_WIDTH);
    for (int i = 0; i < BAR_WIDTH; i++)
        place += snprintf(place, 4, "%s", i < full ? "█" : "░");
    fprintf(stderr, "\r\033[K%s %3.0f %%  %" PRIu64 " messages, %" PRIu64 " workers killed", bar,
            100 * share_done(demo), demo->received, demo->pool.kills);
}

void progress_hide(const struct demo *demo)
{
    if (is_wanted(demo))
        fputs("\r\033[K", stderr);
}
