/* Events and texts, checked. */
#include "event.h"
#include <errno.h>
#include <string.h>

/* The bytes of the character at `at`, if it is one of UTF-8 (RFC 3629) and no control character; else 0. */
static size_t character(const unsigned char *at, size_t left)
{
    if (at[0] < 0x80)
        return at[0] == '\t' || (at[0] >= 0x20 && at[0] != 0x7f);
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || left < length)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
        (at[0] == 0xf4 && at[1] > 0x8f) || (at[0] == 0xc2 && at[1] < 0xa0))
        return 0;
    return length;
}

int chat_text_ok(const char *bytes, size_t length)
{
    for (size_t at = 0, step; at < length; at += step)
        if (!(step = character((const unsigned char *)bytes + at, length - at)))
            return 0;
    return 1;
}

#define ENDS(text) (memchr(text, 0, sizeof text) != NULL)

int chat_event_check(const void *bytes, size_t length)
{
    const struct chat_event *event = bytes;
    if (length < offsetof(struct chat_event, text) + 1 || event->length > CHAT_TEXT_MAX ||
        length != CHAT_EVENT_BYTES(event) || event->text[event->length] || event->kind < CHAT_SAID ||
        event->kind > CHAT_INVITE)
        return -EBADMSG;
    return ENDS(event->nick) && ENDS(event->user) && ENDS(event->host) && ENDS(event->room) && ENDS(event->target)
               ? 0
               : -EBADMSG;
}
