/* Do parent and child map a segment at the same address? The forked child does: it has a copy of its parent's map. Who
 * attaches for himself, be it a stranger or a child after exec, gets whatever address is free; so store offsets. */
#include <kin/segment.h>
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static kin_segment *attach(void)
{
    kin_segment *segment;
    if (kin_segment_open(NULL, "addresses", KIN_SEGMENT(.bytes = 4096), &segment) < 0)
        errx(1, "%s", kin_reason());
    return segment;
}

static void say(const char *who, const kin_segment *segment)
{
    void **parents = kin_segment_data(segment);
    printf("%-12s %p: %s\n", who, kin_segment_data(segment),
           kin_segment_data(segment) == *parents ? "the parent's address" : "another address");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    kin_segment *segment = attach();
    if (argc > 1 && strcmp(argv[1], "stranger") == 0) {
        say("stranger", segment);
        say("and again", attach());
        return 0;
    }
    *(void **)kin_segment_data(segment) = kin_segment_data(segment);
    say("parent", segment);
    if (fork() == 0) {
        say("forked child", segment);
        _exit(0);
    }
    wait(NULL);
    if (fork() == 0) {
        execl(argv[0], argv[0], "stranger", (char *)NULL);
        _exit(127);
    }
    wait(NULL);
    return 0;
}
