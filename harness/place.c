/* Where a stopped process stands, and what that place is called. The victim is a fork of the caller, so that the
 * caller's own list of loaded files holds for it. */
#include "internal.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

struct object {
    uintptr_t instruction, base;
    char file[256];
};

uintptr_t place_of(pid_t stopped)
{
    struct user_regs_struct registers;
    struct iovec whole = {&registers, sizeof registers};
    memset(&registers, 0, sizeof registers);
    if (ptrace(PTRACE_GETREGSET, stopped, (void *)NT_PRSTATUS, &whole) < 0)
        return 0;
#if defined(__x86_64__)
    return registers.rip;
#elif defined(__i386__)
    return (uintptr_t)registers.eip;
#elif defined(__aarch64__) || defined(__riscv)
    return registers.pc;
#else
    return 0;
#endif
}

static int holds_instruction(struct dl_phdr_info *info, size_t size, void *out)
{
    struct object *object = out;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (info->dlpi_phdr[i].p_type != PT_LOAD || object->instruction - begin >= info->dlpi_phdr[i].p_memsz)
            continue;
        object->base = info->dlpi_addr;
        if (info->dlpi_name && info->dlpi_name[0])
            snprintf(object->file, sizeof object->file, "%s", info->dlpi_name);
        else if (readlink("/proc/self/exe", object->file, sizeof object->file - 1) < 0)
            snprintf(object->file, sizeof object->file, "program");
        return 1;
    }
    return 0;
}

/* The function around an offset, in one table of symbols. */
static bool name_in_table(const char *file, const ElfW(Shdr) *table, const ElfW(Shdr) *names, uintptr_t offset,
                          char *text, size_t size)
{
    const ElfW(Sym) *symbols = (const void *)(file + table->sh_offset);
    for (size_t i = 0; i < table->sh_size / sizeof *symbols; i++) {
        /* ELF32_ST_TYPE is the same */
        if (ELF64_ST_TYPE(symbols[i].st_info) != STT_FUNC || offset - symbols[i].st_value >= symbols[i].st_size)
            continue;
        snprintf(text, size, "%s+0x%lx", file + names->sh_offset + symbols[i].st_name,
                 (unsigned long)(offset - symbols[i].st_value));
        return true;
    }
    return false;
}

static bool name_in_file(const char *file, uintptr_t offset, char *text, size_t size)
{
    const ElfW(Ehdr) *header = (const void *)file;
    const ElfW(Shdr) *sections = (const void *)(file + header->e_shoff);
    for (int i = 0; i < header->e_shnum; i++)
        if (sections[i].sh_type == SHT_SYMTAB || sections[i].sh_type == SHT_DYNSYM)
            if (name_in_table(file, &sections[i], &sections[sections[i].sh_link], offset, text, size))
                return true;
    return false;
}

static bool function_name(const struct object *object, char *text, size_t size)
{
    struct stat about;
    int handle = open(object->file, O_RDONLY | O_CLOEXEC);
    if (handle < 0)
        return false;
    char *file = MAP_FAILED;
    if (fstat(handle, &about) == 0 && about.st_size > (off_t)sizeof(ElfW(Ehdr)))
        file = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, handle, 0);
    close(handle);
    if (file == MAP_FAILED)
        return false;
    bool found = memcmp(file, ELFMAG, SELFMAG) == 0 &&
                 name_in_file(file, object->instruction - object->base, text, size);
    munmap(file, (size_t)about.st_size);
    return found;
}

void place_name(uintptr_t instruction, char *text, size_t size)
{
    struct object object = {.instruction = instruction};
    char function[128];
    text[0] = 0;
    if (instruction == 0 || dl_iterate_phdr(holds_instruction, &object) != 1)
        return;
    const char *slash = strrchr(object.file, '/');
    const char *file = slash ? slash + 1 : object.file;
    if (function_name(&object, function, sizeof function))
        snprintf(text, size, "%s (%s)", function, file);
    else
        snprintf(text, size, "%s+0x%lx", file, (unsigned long)(instruction - object.base));
}
