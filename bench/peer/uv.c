/* libuv: uv_spawn, which forks. */
#include "common/contestant.h"
#include "common/require.h"
#include "common/resident.h"
#include <uv.h>

static bool closed;

static void note_closed(uv_handle_t *handle)
{
    (void)handle;
    closed = true;
}

static void note_end(uv_process_t *process, int64_t status, int signal)
{
    require(status == 0 && signal == 0);
    uv_close((uv_handle_t *)process, note_closed);
}

static void spawn(void)
{
    char *arguments[] = {(char *)RESIDENT_COMMAND, NULL};
    uv_process_options_t options = {.file = RESIDENT_COMMAND, .args = arguments, .exit_cb = note_end};
    uv_process_t process;
    uv_loop_t *loop = uv_default_loop();
    closed = false;
    require(uv_spawn(loop, &process, &options) == 0);
    while (!closed)
        uv_run(loop, UV_RUN_ONCE);
}

int main(int argc, char **argv)
{
    static const struct contestant contestant = {.name = "spawn", .spawn = spawn};
    return contestant_main(argc, argv, &contestant, 1);
}
