/* kin/pipeline.h - commands whose output is the next one's input, and how each of them ended.
 *
 *     static char *const list[] = {"cat", "words", NULL}, *const sort[] = {"sort", "-u", NULL};
 *     char *const *const commands[] = {list, sort};
 *     kin_process *parts[2];
 *     struct kin_exit ends[2];
 *     if (kin_pipeline_spawn(commands, 2, NULL, parts) < 0)
 *         errx(1, "%s", kin_reason());
 *     int failed = kin_pipeline_wait(parts, 2, KIN_FOREVER, ends);
 *     if (failed > 0)
 *         warnx("%s %s", commands[failed - 1][0], kin_exit_text(&ends[failed - 1], text, sizeof text));
 *
 * This process keeps no end of the pipes between, so each command sees its input end when the one before it has ended,
 * and gets SIGPIPE, or EPIPE, when the one behind it has. Each is a kin_process like any other: to be signalled,
 * waited for by itself, polled, and closed by kin_process_close(). */
#ifndef KIN_PIPELINE_H
#define KIN_PIPELINE_H

#include <kin/process.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Starts them all; commands[i] is the argv of the i-th. The options hold for each, but for two entries of their map:
 * what leads to descriptor 0 is for the first command, what leads to 1 for the last. Where one cannot be started,
 * those before it are killed, and the error is that of kin_process_spawn(). -EINVAL: no commands, or options->file,
 * which could be only one's. */
int kin_pipeline_spawn(char *const *const commands[], size_t count, const struct kin_spawn_options *options,
                       kin_process *out[]);

/* Waits for the end of each; `out` takes how they ended, and may be NULL. 0: all exited with 0; N above 0: the N-th,
 * counted from 1, is the last that did not. -ETIMEDOUT: one at least goes on; -ECHILD: see kin_process_wait(). */
int kin_pipeline_wait(kin_process *const pipeline[], size_t count, kin_time until, struct kin_exit out[]);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
