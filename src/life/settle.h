/* What each object's room does about the dead; called by number through holds.def. The rooms above implement these, and
 * life knows no more of them. */
#ifndef LIFE_SETTLE_H
#define LIFE_SETTLE_H

#include "life/life.h"

/* Settles all that dead lives and processes hold in the object of that name; `id` names one of them in particular, or
 * is 0. 0: nothing of it is left; negative: it cannot be settled from here. */
typedef int settle_object(kin_domain *domain, const char *name, uint32_t id);

/* How many things of the object a process holds. */
typedef uint64_t count_held(kin_domain *domain, const char *name, uint32_t process);

#define KIND(number, name, settle, count)                                                                              \
    settle_object settle;                                                                                              \
    count_held count;
#include "holds.def"
#undef KIND

/* Both, by the number of the kind; NULL: there is none. */
struct kind {
    settle_object *settle;
    count_held *count;
};
const struct kind *kind_of(uint32_t number);

#endif
