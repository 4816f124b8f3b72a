/* kin itself, through its public headers. Everything is in a domain of its own, which scratch_end() removes. */
#ifndef OURS_H
#define OURS_H

#include "common/contestant.h"
#include <kin/kin.h>

/* A fresh domain; the next call removes nothing, but gives another one. */
kin_domain *domain_fresh(void);

/* Ends the process with kin_reason() when a call of kin failed. */
#define must(call) ((call) >= 0 ? (void)0 : must_failed(#call))
void must_failed(const char *call) __attribute__((noreturn));

extern const struct transport queue_transport, loan_transport, channel_transport, pipe_transport;
extern const struct transport any_1_transport, any_64_transport, service_transport;
extern const struct locker arena_locker, segment_locker;
extern const struct locker read_locker, lock_locker, semaphore_locker, filelock_locker;
extern const struct contest_special growth_specials[], death_specials[], rwlock_specials[], condition_specials[];
extern const struct contest_special descriptor_specials[];
void process_spawn(void);
void supervise_restart(void);
void lock_command(void);
const char *lock_command_absent(void);

#endif
