/* Which planted bugs the library of this program has (KIN_PLANTED, a number of enum plant), and how long a sleep lasts
 * at most (KIN_BACKSTOP, in seconds). */
#include "sys/plant.h"
#include <stdlib.h>

uint64_t kin_planted;
int64_t kin_backstop;

__attribute__((constructor)) static void choose(void)
{
    const char *number = getenv("KIN_PLANTED"), *seconds = getenv("KIN_BACKSTOP");
    kin_planted = number ? PLANT_BIT(atoi(number)) : 0;
    kin_backstop = seconds ? atoll(seconds) * INT64_C(1000000000) : 0;
}
