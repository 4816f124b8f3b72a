#include "segment.h"
#include <errno.h>

int offset_of(const struct call *call, uint64_t *out)
{
    const char *text = value_of(call, OPTION_OFFSET);
    *out = 0;
    if (!text || read_size(text, out))
        return EXIT_OK;
    return usage_error(call, "--offset: \"%s\" is not a number of bytes; give 0 or more, or as 64K", text);
}

int open_segment(const struct call *call, unsigned flags, kin_domain **domain, kin_segment **out)
{
    const char *name = call->operands[0];
    int code = open_domain(call, domain);
    if (code != EXIT_OK)
        return code;
    int result = kin_segment_open(*domain, name, KIN_SEGMENT(.flags = KIN_MUST_EXIST | flags), out);
    if (result == 0)
        return EXIT_OK;
    if (result == -ENOENT) {
        complain(call, "there is no segment \"%s\" in %s; make it by: kin mk segment %s SIZE", name,
                 kin_domain_path(*domain), shell_word(name));
        code = EXIT_NOT_FOUND;
    } else {
        code = failed(call, result);
    }
    kin_domain_close(*domain);
    return code;
}
