/* Shared memory by name, for two programs that know nothing else of each other:
 *
 *     16-segment write "some text"        16-segment read */
#include <kin/segment.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    kin_segment *segment;
    if (argc < 2)
        errx(2, "say write TEXT, or read");
    if (strcmp(argv[1], "write") == 0 && argc == 3) {
        if (kin_segment_open(NULL, "note", KIN_SEGMENT(.bytes = 4096), &segment) < 0 ||
            kin_segment_write(segment, 0, argv[2], strlen(argv[2]) + 1) < 0)
            errx(1, "%s", kin_reason());
    } else {
        if (kin_segment_open(NULL, "note", KIN_SEGMENT(.flags = KIN_MUST_EXIST | KIN_SEGMENT_READ_ONLY), &segment) < 0)
            errx(1, "%s", kin_reason());
        printf("%s\n", (const char *)kin_segment_data(segment));
    }
    kin_segment_close(segment);
    return 0;
}
