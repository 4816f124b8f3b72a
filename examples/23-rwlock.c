/* Many readers, one writer. Kill the writer while it pauses: who reads next is told, and who writes next repairs.
 *
 *     23-rwlock read | write | stay */
#include <kin/rwlock.h>
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct pair {
    kin_rwlock lock;
    long left, right; /* always equal */
};

static int set_up(void *context, kin_segment *segment)
{
    (void)context;
    return kin_rwlock_init(segment, kin_segment_data(segment));
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "read";
    kin_segment *segment;
    if (kin_segment_open(NULL, "pair", KIN_SEGMENT(.bytes = sizeof(struct pair), .setup = set_up), &segment) < 0)
        errx(1, "%s", kin_reason());
    struct pair *pair = kin_segment_data(segment);
    int result = strcmp(what, "read") == 0 ? kin_rwlock_acquire_read(segment, &pair->lock, KIN_FOREVER)
                                           : kin_rwlock_acquire_write(segment, &pair->lock, KIN_FOREVER);
    if (result < 0)
        errx(1, "%s", kin_reason());
    if (strcmp(what, "read") != 0) {
        if (result == KIN_RECOVERED)
            pair->right = pair->left; /* repaired */
        pair->left++;
        if (strcmp(what, "stay") == 0) {
            puts("in the middle");
            fflush(stdout);
            pause(); /* kill -9 me here */
        }
        pair->right++;
    }
    printf("%s%ld %ld\n", result == KIN_RECOVERED ? "a writer died; " : "", pair->left, pair->right);
    kin_rwlock_release(segment, &pair->lock);
    kin_segment_close(segment);
    return 0;
}
