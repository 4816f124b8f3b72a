#include "sys/memory.h"
#include "sys/file.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

size_t memory_page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

size_t memory_round(uint64_t bytes)
{
    size_t page = memory_page();
    return bytes > SIZE_MAX / 2 ? 0 : ((size_t)bytes + page - 1) & ~(page - 1);
}

static void *claim_at(void *address, size_t bytes)
{
    void *claim =
        mmap(address, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (claim == MAP_FAILED)
        return NULL;
    if (claim == address)
        return claim;
    munmap(claim, bytes); /* a kernel before 4.17 takes the address for a wish */
    errno = EEXIST;
    return NULL;
}

void *memory_claim(void *address, size_t bytes, size_t align)
{
    if (address)
        return claim_at(address, bytes);
    size_t more = align > memory_page() ? align : 0;
    if (bytes > SIZE_MAX / 2 - more) {
        errno = ENOMEM;
        return NULL;
    }
    char *claim = mmap(NULL, bytes + more, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (claim == MAP_FAILED)
        return NULL;
    size_t before = more ? (align - (uintptr_t)claim % align) % align : 0;
    if (before)
        munmap(claim, before);
    if (more > before)
        munmap(claim + before + bytes, more - before);
    return claim + before;
}

bool memory_move(void *from, size_t from_bytes, void *claim, size_t bytes)
{
    return mremap(from, from_bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, claim) != MAP_FAILED;
}

int memory_protect(void *memory, size_t bytes, bool write, bool execute)
{
    int protection = PROT_READ | (write ? PROT_WRITE : 0) | (execute ? PROT_EXEC : 0);
    return mprotect(memory, bytes, protection) < 0 ? -errno : 0;
}

/* Not by libc: under the sanitizers its mlock does nothing. */
int memory_pin(const void *memory, size_t bytes)
{
    return syscall(SYS_mlock, memory, bytes) < 0 ? -errno : 0;
}

void memory_unpin(const void *memory, size_t bytes)
{
    syscall(SYS_munlock, memory, bytes);
}

uint64_t memory_pin_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    return limit.rlim_cur;
}

/* The kernel's own account of that mapping. Its lines: "7f12-7f34 rw-s ...", then "ShmemPmdMapped: 8192 kB" etc. */
uint64_t memory_in_huge(const void *memory)
{
    static const char *const kinds[] = {
        "AnonHugePages:", "ShmemPmdMapped:", "FilePmdMapped:", "Shared_Hugetlb:", "Private_Hugetlb:"};
    char line[512];
    bool inside = false;
    uint64_t found = 0;
    FILE *file = fopen("/proc/self/smaps", "re");
    while (file && fgets(line, sizeof line, file)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            if (inside)
                break;
            inside = (uintptr_t)memory >= from && (uintptr_t)memory < to;
            continue;
        }
        for (unsigned i = 0; inside && i < sizeof kinds / sizeof *kinds; i++)
            if (strncmp(line, kinds[i], strlen(kinds[i])) == 0)
                found += strtoull(line + strlen(kinds[i]), NULL, 10) * 1024;
    }
    if (file)
        fclose(file);
    return found;
}

uint64_t memory_make_huge(void *memory, size_t bytes)
{
    madvise(memory, bytes, MADV_HUGEPAGE); /* for what comes later; fails where the kernel has none */
    madvise(memory, bytes, MADV_COLLAPSE);
    return memory_in_huge(memory);
}

static int64_t outcome(ssize_t copied)
{
    return copied >= 0 ? copied : errno == EFAULT ? 0 : -errno;
}

int64_t memory_read(const void *memory, void *buffer, size_t bytes)
{
    struct iovec here = {buffer, bytes}, there = {(void *)(uintptr_t)memory, bytes};
    return outcome(process_vm_readv(getpid(), &here, 1, &there, 1, 0));
}

int64_t memory_write(void *memory, const void *data, size_t bytes)
{
    struct iovec here = {(void *)(uintptr_t)data, bytes}, there = {memory, bytes};
    return outcome(process_vm_writev(getpid(), &here, 1, &there, 1, 0));
}
