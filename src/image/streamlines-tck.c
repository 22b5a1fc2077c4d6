/*
 * TCK, as MRtrix's documentation describes it ("MRtrix image and track file formats"): a text
 * header up to a line END, then triplets of numbers in millimetres; one of NaN ends a streamline,
 * one of infinity the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "image/streamlines-own.h"

#define MOST_HEADER 65536 /* MRtrix notes the commands that made the file, one a line */

static bool wrong(struct streamlines *s, const char *what, const char *value, struct err *err)
{
    return err_set(err, ERR_FORMAT, "%s: TCK header: %s '%.60s'", path_base(s->path), what, value);
}

/* "Float32LE": width and byte order of what follows. */
static bool take_type(struct streamlines *s, const char *value, struct err *err)
{
    static const struct {
        const char *name;
        bool wide, big;
    } types[] = {{"Float32LE", false, false},
                 {"Float32BE", false, true},
                 {"Float64LE", true, false},
                 {"Float64BE", true, true}};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, value) == 0) {
            s->wide = types[i].wide;
            s->swapped = types[i].big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
            snprintf(s->info.stored, sizeof(s->info.stored), "%s", value);
            return true;
        }
    }
    return wrong(s, "an unknown datatype", value, err);
}

static char *trim(char *text)
{
    text += strspn(text, " \t");
    for (size_t n = strlen(text); n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL;) {
        text[--n] = '\0';
    }
    return text;
}

/* One "key: value". */
static bool take_line(struct streamlines *s, char *line, int64_t *offset, struct err *err)
{
    char *colon = strchr(line, ':');

    if (colon == NULL) {
        return true; /* the first line, and remarks */
    }
    *colon = '\0';
    char *value = trim(colon + 1);
    if (strcmp(line, "datatype") == 0) {
        return take_type(s, value, err);
    }
    if (strcmp(line, "count") == 0 &&
        (!num_int64(value, &s->info.claimed) || s->info.claimed < 0)) {
        return wrong(s, "no count:", value, err);
    }
    if (strcmp(line, "file") == 0 &&
        (value[0] != '.' || !num_int64(trim(value + 1), offset) || *offset < 0)) {
        return wrong(s, "data elsewhere than in this file:", value, err);
    }
    return true;
}

bool tck_head(struct streamlines *s, struct err *err)
{
    char *text = mem_zero(MOST_HEADER, err);
    int64_t offset = -1;
    bool good = text != NULL;
    bool end = false;

    while (good && !end) {
        if (fgets(text, MOST_HEADER, s->file) == NULL || ftell(s->file) > MOST_HEADER) {
            good = err_set(err, ERR_FORMAT, "%s: its TCK header has no END within %d bytes",
                           path_base(s->path), MOST_HEADER);
        } else {
            end = strcmp(trim(text), "END") == 0;
            good = take_line(s, text, &offset, err);
        }
    }
    mem_free(text);
    if (good && s->info.stored[0] == '\0') {
        good = wrong(s, "no datatype", "", err);
    }
    if (good && (offset < ftell(s->file) || offset > s->size)) {
        good = err_set(err, ERR_FORMAT,
                       "%s: TCK header: data from byte %" PRId64 " on, but the header ends at %ld "
                       "and the file at %" PRId64,
                       path_base(s->path), offset, ftell(s->file), s->size);
    }
    if (good && fseek(s->file, (long)offset, SEEK_SET) != 0) {
        good = err_errno(err, errno, "reading '%s'", s->path);
    }
    s->at = offset;
    return good;
}

static bool read_triplet(struct streamlines *s, double ret[3], struct err *err)
{
    unsigned char bytes[24];
    size_t width = s->wide ? 8 : 4;

    if (s->at == s->size) {
        return err_set(err, ERR_FORMAT,
                       "%s: ends without its end mark after %" PRId64
                       " streamlines: it was cut, or "
                       "is still being written",
                       path_base(s->path), s->count);
    }
    if (!streamlines_bytes(s, bytes, 3 * width, "a point", err)) {
        return false;
    }
    for (size_t k = 0; k < 3; k++) {
        uint64_t word;
        if (s->wide) {
            memcpy(&word, bytes + 8 * k, 8);
            word = s->swapped ? __builtin_bswap64(word) : word;
            memcpy(&ret[k], &word, 8);
        } else {
            ret[k] = (double)streamlines_float(s, bytes + 4 * k);
        }
    }
    return true;
}

bool tck_next(struct streamlines *s, size_t *ret_n, bool *ret_more, struct err *err)
{
    double at[3];
    size_t n = 0;

    for (;;) {
        if (!read_triplet(s, at, err)) {
            return false;
        }
        if (isnan(at[0]) && isnan(at[1]) && isnan(at[2])) {
            *ret_n = n;
            *ret_more = true;
            return true;
        }
        if (isinf(at[0]) && isinf(at[1]) && isinf(at[2])) {
            *ret_n = n; /* the last one need not have its NaN */
            *ret_more = n > 0;
            s->ended = true;
            return true;
        }
        if (!isfinite(at[0]) || !isfinite(at[1]) || !isfinite(at[2])) {
            return err_set(err, ERR_FORMAT, "%s: point %zu of streamline %" PRId64 " is no place",
                           path_base(s->path), n + 1, s->count + 1);
        }
        if (!streamlines_room(s, n + 1, err)) {
            return false;
        }
        for (size_t k = 0; k < 3; k++) {
            s->points[3 * n + k] = (float)at[k];
        }
        n++;
    }
}

/* ---- writing ---- */

struct streamlines_writer {
    FILE *file;
    char *path;
    long count_at; /* where the header has the count */
    int64_t count;
};

#define HEADER "mrtrix tracks\ndatatype: %s\ntimestamp: 0\ncomments: %s\nfile: . %04d\ncount: "
#define COUNT_WIDTH 12
static const char *const native =
    __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? "Float32BE" : "Float32LE";

struct streamlines_writer *streamlines_write_begin(const char *path, const char *remark,
                                                   struct err *err)
{
    struct streamlines_writer *w = mem_zero(sizeof(*w), err);
    char line[200];
    bool good = w != NULL && (w->path = mem_strdup(path, err)) != NULL;

    snprintf(line, sizeof(line), "%s", remark);
    for (char *c = line; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x20 ? ' ' : *c;
    }
    if (good) {
        w->file = fopen(path, "wbe");
        good = w->file != NULL;
    }
    if (good) {
        int before = snprintf(NULL, 0, HEADER, native, line, 0);
        int data = before + COUNT_WIDTH + 1 + 4;
        good = fprintf(w->file, HEADER, native, line, data) == before &&
            fprintf(w->file, "%0*d\nEND\n", COUNT_WIDTH, 0) == COUNT_WIDTH + 5;
        w->count_at = before;
    }
    if (!good) {
        if (w != NULL && w->path != NULL) {
            (void)err_errno(err, errno, "writing '%s'", path);
        }
        streamlines_write_drop(w);
        return NULL;
    }
    return w;
}

bool streamlines_write(struct streamlines_writer *w, const float *points, size_t n, struct err *err)
{
    static const float end[3] = {NAN, NAN, NAN};

    if (fwrite(points, 3 * sizeof(*points), n, w->file) != n ||
        fwrite(end, sizeof(end), 1, w->file) != 1) {
        return err_errno(err, errno, "writing '%s'", w->path);
    }
    w->count++;
    return true;
}

bool streamlines_write_end(struct streamlines_writer *w, struct err *err)
{
    static const float end[3] = {INFINITY, INFINITY, INFINITY};
    bool good = fwrite(end, sizeof(end), 1, w->file) == 1 &&
        fseek(w->file, w->count_at, SEEK_SET) == 0 &&
        fprintf(w->file, "%0*" PRId64, COUNT_WIDTH, w->count) == COUNT_WIDTH &&
        fflush(w->file) == 0 && fsync(fileno(w->file)) == 0;
    int problem = errno;

    if (fclose(w->file) != 0 && good) {
        problem = errno;
        good = false;
    }
    w->file = NULL;
    good = good || err_errno(err, problem, "writing '%s'", w->path);
    streamlines_write_drop(w);
    return good;
}

void streamlines_write_drop(struct streamlines_writer *w)
{
    if (w != NULL) {
        if (w->file != NULL) {
            (void)fclose(w->file); /* it is of no use any more */
        }
        mem_free(w->path);
        mem_free(w);
    }
}
