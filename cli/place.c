#include "place.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACES "/dev/shm/kin-run-"

/* Open and locked: nobody else lives there. */
static int lock_place(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

void place_remove(struct place *place)
{
    DIR *list = opendir(place->path);
    for (struct dirent *entry; list && (entry = readdir(list));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(list), entry->d_name, 0);
    if (list)
        closedir(list);
    rmdir(place->path);
    close(place->fd);
}

static void remove_abandoned(void)
{
    glob_t found;
    if (glob(PLACES "*", 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct place place;
        struct stat about;
        snprintf(place.path, sizeof place.path, "%s", found.gl_pathv[i]);
        place.fd = lock_place(place.path);
        if (place.fd >= 0 && fstat(place.fd, &about) == 0 && about.st_uid == geteuid())
            place_remove(&place);
        else if (place.fd >= 0)
            close(place.fd);
    }
    globfree(&found);
}

/* Another run may take a place for abandoned before it is locked: then the next try. */
int place_make(const struct call *call, struct place *out)
{
    remove_abandoned();
    for (int tries = 0; tries < 100; tries++) {
        struct stat about;
        strcpy(out->path, PLACES "XXXXXX");
        if (!mkdtemp(out->path))
            break;
        out->fd = lock_place(out->path);
        if (out->fd >= 0 && fstat(out->fd, &about) == 0 && about.st_nlink > 0)
            return EXIT_OK;
        if (out->fd >= 0)
            close(out->fd);
    }
    complain(call, "cannot make a directory below /dev/shm: %m");
    return exit_code(-errno);
}
