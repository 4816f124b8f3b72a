#include "common/scratch.h"
#include "common/atomic.h"
#include "common/party.h"
#include "common/require.h"
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <unistd.h>

#define IDENTIFIERS_MAX 64

/* Shared, so that the process which tidies up knows what the others made before they died. */
struct identifiers {
    uint32_t queue_count, set_count;
    int queues[IDENTIFIERS_MAX], sets[IDENTIFIERS_MAX];
};

static struct identifiers *identifiers;
static char name[32];

void scratch_begin(void)
{
    identifiers = party_memory(sizeof *identifiers);
    snprintf(name, sizeof name, "kin-bench-%d", getpid());
}

const char *scratch_name(void)
{
    return name;
}

int scratch_message_queue(int identifier)
{
    uint32_t place = ADD(identifiers->queue_count, 1) - 1;
    require(identifier >= 0 && place < IDENTIFIERS_MAX);
    return identifiers->queues[place] = identifier;
}

int scratch_semaphores(int identifier)
{
    uint32_t place = ADD(identifiers->set_count, 1) - 1;
    require(identifier >= 0 && place < IDENTIFIERS_MAX);
    return identifiers->sets[place] = identifier;
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *place)
{
    (void)about, (void)type, (void)place;
    return remove(path);
}

static void remove_files(const char *directory)
{
    DIR *listing = opendir(directory);
    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        const char *found = strstr(entry->d_name, name);
        char after = found ? found[strlen(name)] : '0';
        if (after >= '0' && after <= '9') /* not ours, or of another process whose number begins as ours */
            continue;
        char path[512];
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
    if (listing)
        closedir(listing);
}

void scratch_end(void)
{
    for (uint32_t i = 0; i < identifiers->queue_count; i++)
        msgctl(identifiers->queues[i], IPC_RMID, NULL);
    for (uint32_t i = 0; i < identifiers->set_count; i++)
        semctl(identifiers->sets[i], 0, IPC_RMID);
    remove_files("/dev/shm");
    remove_files("/tmp");
}
