#include "segment.h"

/* Goes as far as there is room. */
static int copy_in(const struct call *call, kin_segment *segment, uint64_t offset)
{
    static char buffer[SEGMENT_CHUNK];
    uint64_t bytes = kin_segment_bytes(segment), begun = offset;
    if (offset > bytes) {
        complain(call, "segment \"%s\" has %llu bytes: there is no byte %llu", call->operands[0],
                 (unsigned long long)bytes, (unsigned long long)offset);
        return EXIT_FAILED;
    }
    for (size_t length; (length = fread(buffer, 1, sizeof buffer, stdin)) > 0; offset += length) {
        size_t room = length < bytes - offset ? length : (size_t)(bytes - offset);
        int result = kin_segment_write(segment, offset, buffer, room);
        if (result < 0)
            return failed(call, result);
        if (room < length) {
            complain(call, "segment \"%s\" is full: %llu bytes of standard input are in it, the rest is not",
                     call->operands[0], (unsigned long long)(offset + room - begun));
            return EXIT_FAILED;
        }
    }
    if (ferror(stdin)) {
        complain(call, "cannot read standard input: %m");
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

int cmd_put(struct call *call)
{
    uint64_t offset;
    kin_domain *domain;
    kin_segment *segment;
    int code = offset_of(call, &offset);
    if (code == EXIT_OK)
        code = open_segment(call, 0, &domain, &segment);
    if (code != EXIT_OK)
        return code;
    code = copy_in(call, segment, offset);
    kin_segment_close(segment);
    kin_domain_close(domain);
    return code;
}
