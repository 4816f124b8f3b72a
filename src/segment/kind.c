#include <kin/domain.h>

const char *kin_kind_name(unsigned kind)
{
    switch (kind) {
#define KIND(number, name, settle, count)                                                                              \
    case KIN_KIND_##number:                                                                                            \
        return name;
#include "holds.def"
#undef KIND
    }
    return NULL;
}
