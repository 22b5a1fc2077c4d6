/* Files of attempts: in the attempt's folder, or in the run's pack once it was packed. */
#include "report/attempts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "codec/json.h"
#include "os/file.h"

#define TAIL_BYTES 4096 /* the last event of a file lies within */
#define INDEX_PIECE ((int64_t)64 << 10)

char *attempts_folder(const char *attempts, int64_t run, int64_t task, int64_t n, struct err *err)
{
    return mem_printf(err, "%s/%" PRId64 "/%" PRId64 ".%" PRId64, attempts, run, task, n);
}

/* A stretch of a file. */
static char *read_part(const char *path, int64_t offset, int64_t length, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = fd >= 0 ? mem_zero((size_t)length + 1, err) : NULL;
    if (fd < 0) {
        (void)err_errno(err, errno, "opening '%s'", path);
        return NULL;
    }
    int64_t have = 0;
    while (text && have < length) {
        ssize_t n = pread(fd, text + have, (size_t)(length - have), offset + have);
        if (n <= 0) {
            (void)(n < 0 ? err_errno(err, errno, "reading '%s'", path)
                         : err_set(err, ERR_FORMAT, "'%s' is shorter than its index says", path));
            mem_free(text);
            text = NULL;
            break;
        }
        have += n;
    }
    (void)close(fd);
    return text;
}

/* "<task>.<n>\t<name>\t<offset>\t<length>"; the last line of a file that was packed twice wins. */
static bool find_packed(const char *index, size_t length, const char *wanted, int64_t *ret_offset,
                        int64_t *ret_length)
{
    bool found = false;
    const char *end = index + length;
    for (const char *line = index; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t n = strlen(wanted);
        if (!newline) {
            break; /* a line still being written */
        }
        if ((size_t)(newline - line) > n && !memcmp(line, wanted, n)) {
            long long offset, size;
            if (sscanf(line + n, "%lld\t%lld", &offset, &size) == 2 && offset >= 0 && size >= 0) {
                *ret_offset = offset;
                *ret_length = size;
                found = true;
            }
        }
        line = newline + 1;
    }
    return found;
}

/* Where a file of an attempt lies: a path, and the stretch of it. *ret_path = NULL: nowhere. */
struct place {
    char *path;
    int64_t offset, length;
};

/* From the end, a piece at a time: an index of a long run is large, what is asked for is mostly
 * new, and the last line is the one that counts. A piece begins behind its first newline; what is
 * before it belongs to the next one. */
static bool search_index(const char *path, const char *wanted, struct place *ret, bool *ret_found,
                         struct err *err)
{
    struct stat st;
    bool ok = stat(path, &st) == 0 || err_errno(err, errno, "reading '%s'", path);
    int64_t end = ok ? st.st_size : 0;
    *ret_found = false;
    while (ok && end > 0 && !*ret_found) {
        int64_t from = end > INDEX_PIECE ? end - INDEX_PIECE : 0;
        char *text = read_part(path, from, end - from, err);
        const char *start = text;
        if (text && from > 0) {
            const char *newline = memchr(text, '\n', (size_t)(end - from));
            start = newline ? newline + 1 : text + (end - from);
        }
        ok = text != NULL;
        if (ok) {
            int64_t skipped = start - text;
            *ret_found = find_packed(start, (size_t)(end - from - skipped), wanted, &ret->offset,
                                     &ret->length);
            /* no line is as long as a piece: such a file is no index */
            end = from > 0 && skipped < end - from ? from + skipped : 0;
        }
        mem_free(text);
    }
    return ok;
}

static bool find_in_pack(const char *attempts, int64_t run, const char *wanted, struct place *ret,
                         struct err *err)
{
    char *index_path = mem_printf(err, "%s/%" PRId64 "/logs.idx", attempts, run);
    bool ok = index_path != NULL, found = false;
    if (ok && file_exists(index_path)) {
        ok = search_index(index_path, wanted, ret, &found, err);
    }
    if (ok && found) {
        ret->path = mem_printf(err, "%s/%" PRId64 "/logs.pack", attempts, run);
        ok = ret->path != NULL;
    }
    mem_free(index_path);
    return ok;
}

static bool find_file(const char *attempts, int64_t run, int64_t task, int64_t n, const char *name,
                      struct place *ret, struct err *err)
{
    struct stat st;
    char *folder = attempts_folder(attempts, run, task, n, err);
    char *path = folder ? path_join(folder, name, err) : NULL;
    char *wanted = path ? mem_printf(err, "%" PRId64 ".%" PRId64 "\t%s\t", task, n, name) : NULL;
    bool ok = wanted != NULL;
    *ret = (struct place){.path = NULL};
    if (ok && stat(path, &st) == 0) {
        *ret = (struct place){path, 0, st.st_size};
        path = NULL;
    } else if (ok) {
        ok = find_in_pack(attempts, run, wanted, ret, err);
    }
    mem_free(wanted);
    mem_free(path);
    mem_free(folder);
    return ok;
}

bool attempts_piece(const char *attempts, int64_t run, int64_t task, int64_t n, const char *name,
                    struct attempts_stretch want, char **ret, size_t *ret_length, int64_t *ret_size,
                    struct err *err)
{
    struct place place;
    if (!find_file(attempts, run, task, n, name, &place, err)) {
        return false;
    }
    *ret = NULL;
    *ret_length = 0;
    *ret_size = place.path ? place.length : -1;
    bool ok = true;
    if (place.path && want.from >= 0 && want.from <= place.length) {
        int64_t left = place.length - want.from;
        left = left < want.most ? left : want.most;
        *ret = read_part(place.path, place.offset + want.from, left, err);
        *ret_length = (size_t)left;
        ok = *ret != NULL;
    }
    mem_free(place.path);
    return ok;
}

bool attempts_file(const char *attempts, int64_t run, int64_t task, int64_t n, const char *name,
                   char **ret, size_t *ret_length, struct err *err)
{
    int64_t size;
    return attempts_piece(attempts, run, task, n, name,
                          (struct attempts_stretch){0, (int64_t)1 << 30}, ret, ret_length, &size,
                          err);
}

/* The last whole line within the last block of the file. Caller frees. */
static char *last_line(const char *path)
{
    char block[TAIL_BYTES + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
    off_t from = end > TAIL_BYTES ? end - TAIL_BYTES : 0;
    ssize_t n = fd >= 0 ? pread(fd, block, TAIL_BYTES, from) : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    while (n > 0 && block[n - 1] != '\n') {
        n--; /* a line still being written */
    }
    if (n <= 1) {
        return NULL;
    }
    block[n - 1] = '\0';
    const char *line = strrchr(block, '\n');
    return mem_strdup(line ? line + 1 : block, err_ignore("then it is not known"));
}

void attempts_progress(const char *attempts, int64_t run, int64_t task, int64_t n,
                       double *ret_progress, char **ret_message)
{
    struct err *quiet = err_ignore("then it is not known");
    char *folder = attempts_folder(attempts, run, task, n, quiet);
    char *path = folder ? path_join(folder, "events.jsonl", quiet) : NULL;
    char *line = path ? last_line(path) : NULL;
    json_t *event = line ? json_parse(line, strlen(line), "an event", quiet) : NULL;
    const char *message = json_get_text(event, "message", "");
    *ret_progress = json_get_double(event, "progress", NAN);
    *ret_message = *message ? mem_strdup(message, quiet) : NULL;
    json_decref(event);
    mem_free(line);
    mem_free(path);
    mem_free(folder);
}
