/* A lock inside your own struct. Kill this program while it sleeps: the next run gets the lock at once, and is told. */
#include <kin/lock.h>
#include <err.h>
#include <stdio.h>
#include <unistd.h>

struct account {
    kin_lock lock;
    long balance;
};

static int set_up(void *context, kin_segment *segment)
{
    (void)context;
    return kin_lock_init(segment, kin_segment_data(segment));
}

int main(int argc, char **argv)
{
    kin_segment *segment;
    if (kin_segment_open(NULL, "account", KIN_SEGMENT(.bytes = sizeof(struct account), .setup = set_up), &segment) < 0)
        errx(1, "%s", kin_reason());
    struct account *account = kin_segment_data(segment);
    int result = kin_lock_acquire(segment, &account->lock, KIN_FOREVER);
    if (result < 0)
        errx(1, "%s", kin_reason());
    printf("%sbalance %ld\n", result == KIN_RECOVERED ? "the last owner died; " : "", ++account->balance);
    if (argc > 1 && argv[1][0] == 's') {
        fflush(stdout);
        pause(); /* kill -9 me here */
    }
    kin_lock_release(segment, &account->lock);
    kin_segment_close(segment);
    return 0;
}
