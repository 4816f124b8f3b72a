#include "sys/reason.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <kin/base.h>

static _Thread_local char sentence[512];

const char *kin_reason(void)
{
    return sentence;
}

int reason(int result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    return result;
}

int reason_errno(const char *format, ...)
{
    int error = errno;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length < sizeof sentence)
        snprintf(sentence + length, sizeof sentence - (size_t)length, ": %s", strerrordesc_np(error));
    return -error;
}

const char *kin_strerror(int result)
{
    switch (result) {
    case KIN_RECOVERED:
        return "acquired; the last owner died while holding it";
    case KIN_REGAINED:
        return "acquired anew; others may have had it in between";
    case -EIDRM:
        return "the object or its domain was removed";
    case -EPROTO:
        return "made by another version of kin, or not by kin";
    case -ESTALE:
        return "the domain was deleted underneath";
    case -EMEDIUMTYPE:
        return "not on tmpfs";
    }
    const char *text = result >= 0 ? "success" : strerrordesc_np(-result);
    return text ? text : "unknown error";
}
