/*
 * TRK, as TrackVis' documentation has it: 1000 bytes of header, then for each streamline a count
 * and its points: x, y, z in millimetres from the corner of the first voxel, along axes in the
 * order that the header names, and any scalars; behind them its properties. The place in the
 * patient is in vox_to_ras (version 2); without one, voxels of 1 mm are all that is known.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "image/streamlines-own.h"
#include "image/volume.h"

#define HEADER 1000
#define AT_DIM 6
#define AT_VOXEL 12
#define AT_SCALARS 36
#define AT_PROPERTIES 238
#define AT_AFFINE 440
#define AT_ORDER 948
#define AT_COUNT 988
#define AT_VERSION 992
#define AT_SIZE 996
#define MOST_NUMBERS 10 /* the header has names for so many */

static bool wrong(struct streamlines *s, const char *what, double value, struct err *err)
{
    return err_set(err, ERR_FORMAT, "%s: TRK header: %s %g", path_base(s->path), what, value);
}

static int16_t short_at(const struct streamlines *s, const unsigned char *bytes)
{
    uint16_t word;

    memcpy(&word, bytes, sizeof(word));
    return (int16_t)(s->swapped ? __builtin_bswap16(word) : word);
}

/* The axis (0 x, 1 y, 2 z) and whether it grows to R, A, S. */
static bool letter_of(char letter, size_t *axis, bool *up)
{
    const char *at = strchr("LRPAIS", letter);

    if (letter == '\0' || at == NULL) {
        return false;
    }
    *axis = (size_t)(at - "LRPAIS") / 2;
    *up = (at - "LRPAIS") % 2 == 1;
    return true;
}

/* Column i of stored points -> column of the affine's voxels, perhaps turned round. */
static bool match_axes(const char order[4], const char own[4], size_t ret_to[3], bool ret_flip[3])
{
    bool taken[3] = {false, false, false};

    for (size_t i = 0; i < 3; i++) {
        size_t axis;
        bool up;
        bool found = letter_of(order[i], &axis, &up);
        for (size_t j = 0; found && j < 3; j++) {
            size_t other;
            bool other_up;
            if (letter_of(own[j], &other, &other_up) && other == axis && !taken[j]) {
                ret_to[i] = j;
                ret_flip[i] = up != other_up;
                taken[j] = true;
            }
        }
    }
    return taken[0] && taken[1] && taken[2];
}

/* Stored millimetres -> voxels in the header's order -> voxels of the affine -> the patient. */
static bool make_turn(struct streamlines *s, const double voxel[3], const char order[4],
                      struct err *err)
{
    struct volume grid = {.n = {s->info.n[0], s->info.n[1], s->info.n[2], 1}};
    size_t to[3] = {0, 1, 2};
    bool flip[3] = {false, false, false};
    char own[4];

    memcpy(grid.affine, s->info.affine, sizeof(grid.affine));
    volume_orientation(&grid, own);
    if (own[0] == '?') {
        return err_set(err, ERR_FORMAT, "%s: TRK header: its vox_to_ras names no place",
                       path_base(s->path));
    }
    if (!match_axes(order, own, to, flip)) {
        return err_set(err, ERR_FORMAT, "%s: TRK header: '%.3s' is no order of axes",
                       path_base(s->path), order);
    }
    for (size_t i = 0; i < 3; i++) {
        s->turn[i][3] = s->info.affine[i][3];
    }
    const size_t n[3] = {s->info.n[0], s->info.n[1], s->info.n[2]};
    for (size_t k = 0; k < 3; k++) { /* stored axis k is the affine's axis to[k] */
        s->info.n[to[k]] = n[k];
        double step = flip[k] ? -1 / voxel[k] : 1 / voxel[k];
        double first = flip[k] ? (double)n[k] - 0.5 : -0.5;
        for (size_t i = 0; i < 3; i++) {
            s->turn[i][k] = s->info.affine[i][to[k]] * step;
            s->turn[i][3] += s->info.affine[i][to[k]] * first;
        }
    }
    return true;
}

/* The affine of version 2; one whose last number is 0 was never written. */
static void read_affine(struct streamlines *s, const unsigned char *head, uint32_t version)
{
    bool known = version >= 2 && streamlines_float(s, head + AT_AFFINE + 60) != 0;

    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 4; k++) {
            s->info.affine[i][k] = known
                ? (double)streamlines_float(s, head + AT_AFFINE + 16 * i + 4 * k)
                : (double)(i == k);
        }
    }
    if (!known) {
        snprintf(s->complaint, sizeof(s->complaint),
                 "its header does not say where the image lies: voxels of 1 mm at the origin are "
                 "taken");
    }
}

bool trk_head(struct streamlines *s, struct err *err)
{
    unsigned char head[HEADER];
    double voxel[3];
    char order[4] = "LPS"; /* what TrackVis takes when the header is silent */

    if (!streamlines_bytes(s, head, HEADER, "its header", err)) {
        return false;
    }
    if (streamlines_u32(s, head + AT_SIZE) != HEADER) {
        s->swapped = true;
        if (streamlines_u32(s, head + AT_SIZE) != HEADER) {
            return wrong(s, "its size is not 1000 but", (double)streamlines_u32(s, head + AT_SIZE),
                         err);
        }
    }
    bool big = s->swapped != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    snprintf(s->info.stored, sizeof(s->info.stored), big ? "Float32BE" : "Float32LE");
    uint32_t version = streamlines_u32(s, head + AT_VERSION);
    int64_t count = (int32_t)streamlines_u32(s, head + AT_COUNT);
    s->info.scalars = short_at(s, head + AT_SCALARS);
    s->info.properties = short_at(s, head + AT_PROPERTIES);
    if (version < 1 || version > 2) {
        return wrong(s, "version", (double)version, err);
    }
    if (s->info.scalars < 0 || s->info.scalars > MOST_NUMBERS || s->info.properties < 0 ||
        s->info.properties > MOST_NUMBERS || count < 0) {
        return wrong(s, "a number of scalars, properties or streamlines of",
                     count < 0 ? (double)count : (double)s->info.scalars, err);
    }
    s->info.claimed = count > 0 ? count : -1;
    for (size_t k = 0; k < 3; k++) {
        int16_t n = short_at(s, head + AT_DIM + 2 * k);
        voxel[k] = (double)streamlines_float(s, head + AT_VOXEL + 4 * k);
        if (n < 1 || !(voxel[k] > 0) || !isfinite(voxel[k])) {
            return wrong(s, n < 1 ? "a dimension of" : "a voxel size of", n < 1 ? n : voxel[k],
                         err);
        }
        s->info.n[k] = (size_t)n;
    }
    read_affine(s, head, version);
    s->info.has_grid = true;
    if (head[AT_ORDER] != '\0') {
        memcpy(order, head + AT_ORDER, 3);
    }
    return make_turn(s, voxel, order, err);
}

bool trk_next(struct streamlines *s, size_t *ret_n, bool *ret_more, struct err *err)
{
    unsigned char bytes[4 * (3 + MOST_NUMBERS)];
    size_t width = 4 * (size_t)(3 + s->info.scalars);

    *ret_more = s->info.claimed >= 0 ? s->count < s->info.claimed : s->at < s->size;
    if (!*ret_more) {
        if (s->at < s->size) {
            snprintf(s->complaint, sizeof(s->complaint),
                     "%" PRId64 " bytes follow the last of the %" PRId64
                     " streamlines that its header names",
                     s->size - s->at, s->count);
        }
        return true;
    }
    if (!streamlines_bytes(s, bytes, 4, "a streamline's head", err)) {
        return false;
    }
    int32_t n = (int32_t)streamlines_u32(s, bytes);
    if (n < 0 || (int64_t)n * (int64_t)width > s->size - s->at) {
        return err_set(err, ERR_FORMAT,
                       "%s: streamline %" PRId64 " promises %" PRId32
                       " points, the file has %" PRId64 " bytes left: it was cut, or is damaged",
                       path_base(s->path), s->count + 1, n, s->size - s->at);
    }
    if (!streamlines_room(s, (size_t)n, err)) {
        return false;
    }
    for (size_t j = 0; j < (size_t)n; j++) {
        if (!streamlines_bytes(s, bytes, width, "a point", err)) {
            return false;
        }
        double at[3];
        for (size_t k = 0; k < 3; k++) {
            at[k] = (double)streamlines_float(s, bytes + 4 * k);
        }
        for (size_t i = 0; i < 3; i++) {
            s->points[3 * j + i] = (float)(s->turn[i][0] * at[0] + s->turn[i][1] * at[1] +
                                           s->turn[i][2] * at[2] + s->turn[i][3]);
        }
        if (!isfinite(s->points[3 * j]) || !isfinite(s->points[3 * j + 1]) ||
            !isfinite(s->points[3 * j + 2])) {
            return err_set(err, ERR_FORMAT, "%s: point %zu of streamline %" PRId64 " is no place",
                           path_base(s->path), j + 1, s->count + 1);
        }
    }
    *ret_n = (size_t)n;
    return s->info.properties == 0 ||
        streamlines_bytes(s, bytes, 4 * (size_t)s->info.properties, "a streamline's properties",
                          err);
}
