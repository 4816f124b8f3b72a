/* Where memory lies, and what may be done with it. */
#ifndef SYS_MEMORY_H
#define SYS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_HUGE ((size_t)2 << 20)

size_t memory_page(void);
/* The least multiple of the page that holds so many bytes; 0: this address space has no room for them. */
size_t memory_round(uint64_t bytes);

/* Takes address space that nothing lies in, for a mapping to come: at `address` (EEXIST when something lies there), or
 * anywhere at a multiple of `align`. NULL: errno says why. */
void *memory_claim(void *address, size_t bytes, size_t align);
/* Puts a mapping, and as much more of its file as the claim is longer, in a claim's place. */
bool memory_move(void *from, size_t from_bytes, void *claim, size_t bytes);

/* PROT_READ and what is given; the result is 0 or a negative errno. */
int memory_protect(void *memory, size_t bytes, bool write, bool execute);

/* Keeps it from being swapped out. -ENOMEM, -EPERM: above the limit. */
int memory_pin(const void *memory, size_t bytes);
void memory_unpin(const void *memory, size_t bytes);
/* How much a process may pin; UINT64_MAX: any amount. */
uint64_t memory_pin_limit(void);

/* Asks for huge pages now, for what is there; the result is how many bytes lie in some. */
uint64_t memory_make_huge(void *memory, size_t bytes);
uint64_t memory_in_huge(const void *memory);

/* Copies that find memory which is not there (the file was cut off, the tmpfs is full) where a plain copy would end the
 * process by SIGBUS. The bytes that were copied, all or up to the first that is not there; or a negative errno. */
int64_t memory_read(const void *memory, void *buffer, size_t bytes);
int64_t memory_write(void *memory, const void *data, size_t bytes);

#endif
