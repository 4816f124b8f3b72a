#include "segment.h"

static int copy_out(const struct call *call, const kin_segment *segment, uint64_t offset, uint64_t count)
{
    static char buffer[SEGMENT_CHUNK];
    uint64_t bytes = kin_segment_bytes(segment);
    if (offset > bytes || count > bytes - offset) {
        complain(call, "segment \"%s\" has %llu bytes: there are no %llu from byte %llu on", call->operands[0],
                 (unsigned long long)bytes, (unsigned long long)count, (unsigned long long)offset);
        return EXIT_FAILED;
    }
    for (uint64_t rest = count ? count : bytes - offset; rest > 0;) {
        size_t length = rest < sizeof buffer ? (size_t)rest : sizeof buffer;
        int result = kin_segment_read(segment, offset, buffer, length);
        if (result < 0)
            return failed(call, result);
        if (fwrite(buffer, 1, length, stdout) < length)
            break; /* main tells */
        offset += length;
        rest -= length;
    }
    return EXIT_OK;
}

int cmd_get(struct call *call)
{
    uint64_t offset, count = 0;
    kin_domain *domain;
    kin_segment *segment;
    int code = offset_of(call, &offset);
    const char *text = value_of(call, OPTION_COUNT);
    if (code == EXIT_OK && text && (!read_size(text, &count) || count == 0))
        code = usage_error(call, "--count: \"%s\" is not a number of bytes; give 1 or more, or as 64K", text);
    if (code == EXIT_OK)
        code = open_segment(call, KIN_SEGMENT_READ_ONLY, &domain, &segment);
    if (code != EXIT_OK)
        return code;
    code = copy_out(call, segment, offset, count);
    kin_segment_close(segment);
    kin_domain_close(domain);
    return code;
}
