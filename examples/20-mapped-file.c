/* A file as memory: changed in its place, brought to disk; and what happens when somebody makes it shorter. */
#include <kin/mapping.h>
#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    kin_mapping *mapping;
    char last;
    if (argc != 2)
        errx(2, "name a file");
    if (kin_mapping_open(argv[1], KIN_MAPPING(.flags = KIN_MAPPING_WRITE), &mapping) < 0)
        errx(1, "%s", kin_reason());
    char *text = kin_mapping_data(mapping);
    uint64_t bytes = kin_mapping_bytes(mapping);
    for (uint64_t i = 0; i < bytes; i++)
        text[i] = (char)toupper((unsigned char)text[i]);
    if (kin_mapping_sync(mapping, 0, 0) < 0)
        errx(1, "%s", kin_reason());
    if (truncate(argv[1], 0) < 0)
        err(1, "%s", argv[1]);
    /* text[bytes - 1] would be the end of us now, by SIGBUS. */
    int result = kin_mapping_read(mapping, bytes - 1, &last, 1);
    printf("%s\n", result < 0 ? kin_reason() : "still there");
    kin_mapping_close(mapping);
    return 0;
}
