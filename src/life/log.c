/* The recovery log: a ring of lines in the domain file. The six headings are in life/domain.h. */
#include "life/life.h"
#include "sys/atomic.h"
#include "sys/clock.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void life_log(kin_domain *domain, const struct segment *object, uint32_t life_id, uint32_t process_id,
              const char *format, ...)
{
    uint64_t number = FETCH_ADD(domain->shared->logged, 1) + 1;
    struct log_entry *entry = &domain->shared->log[number % LOG_ENTRIES];
    struct life *life = ID_INDEX(life_id) ? life_at(domain, life_id) : NULL;
    if (life && !process_id)
        process_id = LOAD(life->process);
    struct process *process = ID_INDEX(process_id) ? process_at(domain, process_id) : NULL;
    STORE(entry->number, 0);
    KEEP_ORDER();
    entry->when = clock_realtime();
    entry->object = object->header->id;
    entry->kind = object->header->kind;
    entry->pid = process ? LOAD(process->pid) : 0;
    entry->tid = life ? LOAD(life->tid) : 0;
    entry->settler = (uint32_t)getpid();
    memset(entry->command, 0, sizeof entry->command);
    if (process)
        memcpy(entry->command, process->command, sizeof entry->command - 1);
    const char *name = strrchr(object->path, '/') + 1;
    int length = (int)strlen(name) - (int)strlen(OBJECT_SUFFIX);
    snprintf(entry->name, sizeof entry->name, "%.*s", length, name);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(entry->held, sizeof entry->held, format, arguments);
    va_end(arguments);
    KEEP_ORDER();
    STORE_RELEASE(entry->number, number);
}

static void copy_text(char *to, size_t to_size, const char *from, size_t from_size)
{
    size_t length = strnlen(from, from_size < to_size ? from_size : to_size - 1);
    memset(to, 0, to_size);
    memcpy(to, from, length < to_size ? length : to_size - 1);
}

int kin_domain_each_death(kin_domain *given, uint64_t after, int (*visit)(void *context, const struct kin_death *death),
                          void *context)
{
    kin_domain *domain;
    int result = domain_resolve(given, &domain);
    if (result < 0)
        return result;
    uint64_t last = LOAD_ACQUIRE(domain->shared->logged);
    uint64_t first = last > LOG_ENTRIES ? last - LOG_ENTRIES + 1 : 1;
    for (uint64_t number = after + 1 > first ? after + 1 : first; result == 0 && number <= last; number++) {
        const struct log_entry *entry = &domain->shared->log[number % LOG_ENTRIES];
        struct kin_death death = {0};
        if (LOAD_ACQUIRE(entry->number) != number)
            continue;
        death.number = number;
        death.when = entry->when;
        death.pid = (pid_t)entry->pid;
        death.tid = (pid_t)entry->tid;
        death.settler = (pid_t)entry->settler;
        death.kind = entry->kind;
        death.inode = entry->object;
        copy_text(death.command, sizeof death.command, entry->command, sizeof entry->command);
        copy_text(death.name, sizeof death.name, entry->name, sizeof entry->name);
        copy_text(death.held, sizeof death.held, entry->held, sizeof entry->held);
        KEEP_ORDER();
        if (LOAD_ACQUIRE(entry->number) == number)
            result = visit(context, &death);
    }
    domain_drop(domain);
    return result;
}
