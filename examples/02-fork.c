/* What a forked child shares with its parent, and what is its own. */
#include <kin/process.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct view {
    int *shared;       /* memory made with MAP_SHARED */
    int listed, other; /* descriptors: one in the child's list, one not */
    char *mine;        /* memory of the process: the stack here, the same for the heap and for static data */
};

static int change_all(void *context)
{
    struct view *view = context;
    char byte;
    view->mine[0] = 'c';
    *view->shared = 2;
    if (read(view->listed, &byte, 1) != 1 || chdir("/") < 0)
        return 1;
    printf("child:  a descriptor that is not in my list is %s\n", fcntl(view->other, F_GETFD) < 0 ? "closed" : "open");
    return 7;
}

int main(void)
{
    char mine[] = "parent's", text[64], place[4096];
    int *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct view view = {shared, open("/proc/self/exe", O_RDONLY), open("/dev/null", O_RDONLY), mine};
    if (shared == MAP_FAILED || view.listed < 0 || view.other < 0 || chdir("/usr") < 0)
        err(1, "cannot begin");
    *shared = 1;
    printf("parent: what I have printed is printed once, though the child has a copy of the buffer\n");

    kin_process *child;
    struct kin_exit how;
    const struct kin_fd_map list[] = {{.to = view.listed, .from = view.listed}};
    if (kin_process_fork(change_all, &view, KIN_SPAWN(.fds = list, .fd_count = 1), &child) < 0 ||
        kin_process_wait(child, 0, KIN_FOREVER, &how) < 0)
        errx(1, "%s", kin_reason());
    printf("parent: the child %s\n", kin_exit_text(&how, text, sizeof text));
    printf("its own: memory: here it is still \"%s\"\n", mine);
    printf("its own: the current directory: here it is still %s\n", getcwd(place, sizeof place));
    printf("shared: memory made with MAP_SHARED: %d\n", *shared);
    printf("shared: the place in an open file: %ld byte read\n", (long)lseek(view.listed, 0, SEEK_CUR));
    kin_process_close(child);
    return 0;
}
