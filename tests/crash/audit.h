/* Whether everything that a queue derives from its records agrees with them. */
#ifndef AUDIT_H
#define AUDIT_H

#include <kin/queue.h>

/* 0, or -1 with a sentence by kin_crash_fail. Takes the queue's lock, which settles what the dead left. */
int audit_queue(kin_queue *queue);

#endif
