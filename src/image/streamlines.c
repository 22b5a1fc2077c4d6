/* What both formats have in common: the file, its end, growing room for points. */
#include "image/streamlines.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/path.h"
#include "image/streamlines-own.h"

#define TCK_MAGIC "mrtrix tracks"
#define TRK_MAGIC "TRACK"
#define BUFFER ((size_t)1 << 18)

bool streamlines_bytes(struct streamlines *s, void *ret, size_t n, const char *what,
                       struct err *err)
{
    size_t got = fread(ret, 1, n, s->file);

    s->at += (int64_t)got;
    if (got == n) {
        return true;
    }
    if (ferror(s->file)) {
        return err_errno(err, errno, "reading '%s'", s->path);
    }
    return err_set(err, ERR_FORMAT,
                   "%s: ends at byte %" PRId64 ", in the middle of %s (streamline %" PRId64 "): it "
                   "was cut, or is still being written",
                   path_base(s->path), s->at, what, s->count + 1);
}

bool streamlines_room(struct streamlines *s, size_t points, struct err *err)
{
    if (points <= s->room) {
        return true;
    }
    if (points > STREAMLINES_MOST_POINTS) {
        return err_set(err, ERR_FORMAT, "%s: streamline %" PRId64 " has more than %zu points",
                       path_base(s->path), s->count + 1, STREAMLINES_MOST_POINTS);
    }
    size_t room = s->room > 0 ? s->room : 1024;
    while (room < points) {
        room *= 2;
    }
    float *grown = mem_resize(s->points, room, 3 * sizeof(*grown), err);
    if (grown == NULL) {
        return false;
    }
    s->points = grown;
    s->room = room;
    return true;
}

uint32_t streamlines_u32(const struct streamlines *s, const unsigned char *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof(word));
    return s->swapped ? __builtin_bswap32(word) : word;
}

float streamlines_float(const struct streamlines *s, const unsigned char *bytes)
{
    uint32_t word = streamlines_u32(s, bytes);
    float value;

    memcpy(&value, &word, sizeof(value));
    return value;
}

static bool begins_with(FILE *file, const char *magic)
{
    char first[16] = "";
    size_t n = strlen(magic);
    bool same = fread(first, 1, n, file) == n && memcmp(first, magic, n) == 0;

    return fseek(file, 0, SEEK_SET) == 0 && same;
}

bool streamlines_sniff(const char *path)
{
    FILE *file = fopen(path, "rbe");
    bool is = file != NULL && (begins_with(file, TCK_MAGIC) || begins_with(file, TRK_MAGIC));

    if (file != NULL) {
        (void)fclose(file); /* it was only read */
    }
    return is;
}

struct streamlines *streamlines_open(const char *path, struct streamlines_info *ret,
                                     struct err *err)
{
    struct streamlines *s = mem_zero(sizeof(*s), err);
    struct stat st;
    bool good = s != NULL && (s->path = mem_strdup(path, err)) != NULL;

    if (good) {
        s->file = fopen(path, "rbe");
        good = (s->file != NULL && fstat(fileno(s->file), &st) == 0) ||
            err_errno(err, errno, "opening '%s'", path);
    }
    if (good && !S_ISREG(st.st_mode)) {
        good = err_set(err, ERR_FORMAT, "%s: is no plain file", path);
    }
    if (good) {
        (void)setvbuf(s->file, NULL, _IOFBF, BUFFER); /* else it is read in smaller pieces */
        s->size = st.st_size;
        s->info.claimed = -1;
        if (begins_with(s->file, TCK_MAGIC)) {
            s->info.format = "tck";
            good = tck_head(s, err);
        } else if (begins_with(s->file, TRK_MAGIC)) {
            s->info.format = "trk";
            good = trk_head(s, err);
        } else {
            good = err_set(err, ERR_FORMAT, "%s: is neither TCK nor TRK", path_base(path));
        }
    }
    if (!good) {
        streamlines_close(s);
        return NULL;
    }
    if (ret != NULL) {
        *ret = s->info;
    }
    return s;
}

bool streamlines_next(struct streamlines *s, const float **ret_points, size_t *ret_n,
                      bool *ret_more, struct err *err)
{
    size_t n = 0;
    bool more = false;

    if (!s->ended &&
        !(strcmp(s->info.format, "tck") == 0 ? tck_next : trk_next)(s, &n, &more, err)) {
        return false;
    }
    s->ended = !more;
    s->count += more;
    if (!more && s->complaint[0] == '\0' && s->info.claimed >= 0 && s->info.claimed != s->count) {
        snprintf(s->complaint, sizeof(s->complaint),
                 "its header says %" PRId64 " streamlines, there are %" PRId64, s->info.claimed,
                 s->count);
    }
    *ret_points = s->points;
    *ret_n = n;
    *ret_more = more;
    return true;
}

const char *streamlines_complaint(const struct streamlines *s)
{
    return s->complaint;
}

void streamlines_close(struct streamlines *s)
{
    if (s != NULL) {
        if (s->file != NULL) {
            (void)fclose(s->file); /* it was only read */
        }
        mem_free(s->points);
        mem_free(s->path);
        mem_free(s);
    }
}
