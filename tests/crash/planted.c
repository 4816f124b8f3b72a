/* Which planted bug the library of this program has: KIN_PLANTED names its number. */
#include "sys/plant.h"
#include <stdlib.h>

enum plant kin_planted;

__attribute__((constructor)) static void choose(void)
{
    const char *number = getenv("KIN_PLANTED");
    kin_planted = number ? (enum plant)atoi(number) : PLANT_NONE;
}
