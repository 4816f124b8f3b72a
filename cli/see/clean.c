#include "clean.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

int clean_options(const struct call *call, struct clean *out)
{
    *out = (struct clean){.older = -1};
    out->kinds = (is_given(call, OPTION_SYSV) ? ipc_kinds_of("sysv") : 0) |
                 (is_given(call, OPTION_POSIX) ? ipc_kinds_of("posix") : 0);
    if (is_given(call, OPTION_OLDER) && !out->kinds && !is_given(call, OPTION_SOCKETS))
        return usage_error(call, "--older is for --sysv, --posix and --sockets; give one of them");
    return duration_of(call, OPTION_OLDER, &out->older);
}

/* Every path of a socket in the folder; whether it is stale is asked of the kernel. */
static int add_folder(const struct call *call, struct view *view, const char *folder)
{
    char path[PATH_MAX];
    DIR *list = opendir(folder);
    if (!list) {
        complain(call, "cannot look into \"%s\": %m", folder);
        return exit_code(-errno);
    }
    for (struct dirent *entry; (entry = readdir(list));)
        if (snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path)
            add_socket_path(view, path);
    closedir(list);
    return EXIT_OK;
}

static int add_folders(const struct call *call, struct view *view)
{
    int code = EXIT_OK;
    for (size_t i = 0; i < call->given_count && code == EXIT_OK; i++)
        if (call->given[i].id == OPTION_SOCKETS)
            code = add_folder(call, view, call->given[i].value);
    return code;
}

/* Of what is unused the age may decide; where there is no proof beside it, it may not. */
static bool is_stale(struct clean *clean, const struct view *view, struct ipc *ipc, char proof[PROOF_MOST])
{
    char age[16];
    struct timespec now;
    enum ipc_state state = ipc_judge(view, ipc, proof);
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t unused = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - ipc->used;
    bool undecided = state == IPC_UNUSED && *proof;
    clean->unknown += state == IPC_UNKNOWN;
    clean->undecided += undecided && clean->older < 0;
    if ((state != IPC_STALE && !undecided) || (undecided && clean->older < 0) || unused < clean->older)
        return false;
    if (clean->older >= 0) {
        size_t used = strlen(proof);
        snprintf(proof + used, PROOF_MOST - used, "; unused for %s", duration_text(unused, age));
    }
    return true;
}

static int clean_one(const struct call *call, struct table *table, struct clean *clean, struct view *view,
                     struct ipc *ipc)
{
    char proof[PROOF_MOST], name[PATH_MAX + 16];
    if (!is_stale(clean, view, ipc, proof))
        return EXIT_OK;
    snprintf(name, sizeof name, "%s:%s", ipc->kind->word, ipc->name);
    int result = is_given(call, OPTION_YES) ? ipc->kind->remove(view, ipc, false) : 0;
    if (result == -EBUSY || result == -ESTALE || result == -ENOENT || result == -EINVAL) {
        complain(call, "%s is left as it is: something has changed while we looked", name);
        return EXIT_OK;
    }
    if (result < 0) {
        complain(call, "cannot remove %s: %s", name, strerror(-result));
        return exit_code(result);
    }
    clean->count++;
    table_row(table);
    table_text(table, CLEAN_WHAT, ipc->kind->word);
    if (ipc->party_count && ipc->parties[0].pid)
        table_number(table, CLEAN_PID, ipc->parties[0].pid);
    table_text(table, CLEAN_NAME, name);
    table_text(table, CLEAN_PROOF, proof);
    return EXIT_OK;
}

static void tell_what_is_left(const struct call *call, const struct clean *clean, const struct view *view)
{
    if (clean->undecided)
        complain(call,
                 "%zu more that nobody seems to use are left, as the kernel does not tell who made them; to count "
                 "them by their age: --older 1h",
                 clean->undecided);
    if (clean->unknown && view->blind_pid)
        complain(call, "%zu more are left, as not every process can be looked into (process %d, for one)",
                 clean->unknown, (int)view->blind_pid);
    else if (clean->unknown)
        complain(call, "%zu more are left, as who may have them cannot be known from here", clean->unknown);
}

int clean_ipc(const struct call *call, struct table *table, struct clean *clean)
{
    struct view view;
    int code = view_open(call, clean->kinds, &view);
    if (code != EXIT_OK)
        return code;
    code = add_folders(call, &view);
    for (size_t i = 0; i < view.count; i++) {
        if (!view.list[i].mine && !is_given(call, OPTION_ALL_USERS))
            continue;
        int one = clean_one(call, table, clean, &view, &view.list[i]);
        code = code ? code : one;
    }
    tell_what_is_left(call, clean, &view);
    view_close(&view);
    return code;
}
