/* The search for a program, rule by rule as execvp() of glibc has it. */
#include "process/child.h"
#include "sys/bare.h"
#include <errno.h>
#include <limits.h>
#include <string.h>

#define SHELL "/bin/sh"

/* What the kernel does not know how to execute is a script of the shell. */
static IN_CHILD int execute_path(struct child *child, const char *path)
{
    int result = bare_execute(path, child->argv, child->environment);
    if (result != -ENOEXEC || !child->script)
        return result;
    child->script[0] = (char *)SHELL;
    child->script[1] = (char *)path;
    return bare_execute(SHELL, child->script, child->environment);
}

/* Whether the search goes on after this error. */
static IN_CHILD bool is_elsewhere(int result)
{
    switch (result) {
    case -EACCES:
    case -ENOENT:
    case -ESTALE:
    case -ENOTDIR:
    case -ENODEV:
    case -ETIMEDOUT:
        return true;
    }
    return false;
}

/* An empty entry of the search is the current directory. One that is too long is passed over. */
static IN_CHILD int execute_in(struct child *child, const char *directory, size_t length)
{
    char path[PATH_MAX + NAME_MAX + 2];
    if (length >= PATH_MAX)
        return -ENOENT;
    memcpy(path, directory, length);
    if (length > 0)
        path[length++] = '/';
    memcpy(path + length, child->file, strlen(child->file) + 1);
    return execute_path(child, path);
}

static IN_CHILD int search(struct child *child)
{
    bool denied = false;
    for (const char *entry = child->search;; entry++) {
        size_t length = strcspn(entry, ":");
        int result = execute_in(child, entry, length);
        if (!is_elsewhere(result))
            return result;
        denied = denied || result == -EACCES;
        entry += length;
        if (!*entry)
            return denied ? -EACCES : result;
    }
}

IN_CHILD int child_execute(struct child *child)
{
    int result = child->search ? search(child) : execute_path(child, child->file);
    return child_failed(child, STEP_EXECUTE, result, 0);
}
