#include "demo/text.h"
#include "demo/words.h"
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MOST ((size_t)1 << 30)
enum { PIECE_LENGTH = 16384 };

static bool make_room(struct text *text, size_t more)
{
    if (text->length + more <= text->room)
        return true;
    size_t room = 2 * text->room + more;
    char *data = realloc(text->data, room);
    if (!data)
        return false;
    text->data = data;
    text->room = room;
    return true;
}

/* A newline ends each file, so that no word goes from one into the next. */
static int append_file(const struct call *call, const char *path, size_t size, struct text *text)
{
    if (size >= TEXT_MOST - text->length) {
        complain(call, "more than 1 GiB of text: name less");
        return EXIT_FAILED;
    }
    if (!make_room(text, size + 1))
        return no_memory(call);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t step = file < 0 ? -1 : 1;
    while (step > 0 && length < size) {
        step = read(file, text->data + text->length + length, size - length);
        length += step > 0 ? (size_t)step : 0;
    }
    int error = errno;
    if (file >= 0)
        close(file);
    if (step < 0) {
        complain(call, "cannot read \"%s\": %s", path, strerror(error));
        return exit_code(-error);
    }
    if (length == 0 || memchr(text->data + text->length, '\0', length))
        return EXIT_OK;
    text->data[text->length + length] = '\n';
    text->length += length + 1;
    text->files++;
    return EXIT_OK;
}

static int by_name(const FTSENT **one, const FTSENT **other)
{
    return strcmp((*one)->fts_name, (*other)->fts_name);
}

static int visit(const struct call *call, FTS *walk, FTSENT *entry, struct text *text)
{
    bool named = entry->fts_level == FTS_ROOTLEVEL;
    switch (entry->fts_info) {
    case FTS_D:
        if (!named && entry->fts_name[0] == '.')
            fts_set(walk, entry, FTS_SKIP);
        return EXIT_OK;
    case FTS_F:
        if (!named && entry->fts_name[0] == '.')
            return EXIT_OK;
        return append_file(call, entry->fts_path, (size_t)entry->fts_statp->st_size, text);
    case FTS_NS:
    case FTS_ERR:
    case FTS_DNR:
        complain(call, "cannot read \"%s\": %s", entry->fts_path, strerror(entry->fts_errno));
        return exit_code(-entry->fts_errno);
    default:
        return EXIT_OK;
    }
}

static bool add_piece(struct text *text, size_t offset, size_t length)
{
    if ((text->piece_count & (text->piece_count - 1)) == 0) {
        size_t room = text->piece_count ? 2 * text->piece_count : 1;
        struct piece *more = realloc(text->pieces, room * sizeof *more);
        if (!more)
            return false;
        text->pieces = more;
    }
    text->pieces[text->piece_count++] = (struct piece){offset, length};
    text->longest = length > text->longest ? length : text->longest;
    return true;
}

static bool cut(struct text *text)
{
    for (size_t start = 0, end; start < text->length; start = end) {
        end = start + PIECE_LENGTH < text->length ? start + PIECE_LENGTH : text->length;
        while (end < text->length && is_word_byte((unsigned char)text->data[end]))
            end++;
        if (!add_piece(text, start, end - start))
            return false;
    }
    return true;
}

int text_read(const struct call *call, char *const *paths, struct text *out)
{
    int code = EXIT_OK;
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    if (!walk)
        return no_memory(call);
    for (FTSENT *entry; code == EXIT_OK && (entry = fts_read(walk));)
        code = visit(call, walk, entry, out);
    fts_close(walk);
    if (code == EXIT_OK && out->length == 0) {
        complain(call, "there is no text in \"%s\"", paths[0]);
        code = EXIT_FAILED;
    }
    return code == EXIT_OK && !cut(out) ? no_memory(call) : code;
}

void text_free(struct text *text)
{
    free(text->data);
    free(text->pieces);
}
