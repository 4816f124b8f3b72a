#include "command.h"
#include "make.h"

static void tell_of_huge(const struct call *call, kin_segment *segment)
{
    struct kin_segment_status status;
    char size[16];
    if (kin_segment_status(segment, &status) < 0)
        return;
    if (status.huge == 0)
        complain(call,
                 "note: no huge pages were given: the segment is smaller than one (2M), or the kernel has none to "
                 "give; it has small pages");
    else if (status.huge < status.bytes)
        complain(call, "note: huge pages were given for %s of it", size_text(status.huge, size));
}

int cmd_mk_segment(struct call *call)
{
    uint64_t bytes, most = 0;
    unsigned mode = 0, flags = KIN_MUST_CREATE;
    if (!read_size(call->operands[1], &bytes) || bytes == 0)
        return usage_error(call, "SIZE: \"%s\" is not a size; give bytes, or as 64K, 16M, 1G", call->operands[1]);
    int code = mode_of(call, &mode);
    if (code == EXIT_OK)
        code = size_of(call, OPTION_MAX, &most);
    if (code == EXIT_OK && most && most < bytes)
        code = usage_error(call, "--max: it cannot be less than SIZE");
    kin_domain *domain;
    if (code == EXIT_OK)
        code = open_domain_to_make(call, &domain);
    if (code != EXIT_OK)
        return code;
    flags |= is_given(call, OPTION_HUGE) ? KIN_SEGMENT_HUGE : 0;
    flags |= is_given(call, OPTION_NO_RESERVE) ? KIN_SEGMENT_NO_RESERVE : 0;
    kin_segment *segment;
    int result =
        kin_segment_open(domain, call->operands[0],
                         KIN_SEGMENT(.flags = flags, .mode = mode, .bytes = bytes, .bytes_max = most), &segment);
    if (result == 0 && is_given(call, OPTION_HUGE))
        tell_of_huge(call, segment);
    if (result == 0)
        kin_segment_close(segment);
    kin_domain_close(domain);
    return result < 0 ? failed(call, result) : EXIT_OK;
}
