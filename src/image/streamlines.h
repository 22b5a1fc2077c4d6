/*
 * Tractograms, one streamline at a time: TCK (MRtrix) and TRK (TrackVis, versions 1 and 2, either
 * byte order). streamlines_open, streamlines_next until there is no more, streamlines_close. Points
 * are in RAS+ millimetres, as in struct volume.
 *
 * What a header claims is held against the file: a file that ends too early is refused when its end
 * is reached, not before; a wrong count is a complaint.
 */
#ifndef GANTRY_IMAGE_STREAMLINES_H
#define GANTRY_IMAGE_STREAMLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct streamlines;

struct streamlines_info {
    const char *format; /* "tck" or "trk" */
    int64_t claimed;    /* streamlines, by the header; -1 = it does not say */
    char stored[16];    /* "Float32LE", ... */
    bool has_grid;      /* TRK: the voxels of the image that it was made on */
    size_t n[3];
    double affine[3][4];
    int scalars, properties; /* TRK: further numbers a point, a streamline; they are read over */
};

/* A streamline of more points is refused. */
#define STREAMLINES_MOST_POINTS ((size_t)1 << 24)

/* Do the first bytes look like one of the two? False too when the file cannot be read. */
bool streamlines_sniff(const char *path);
/* ERR_FORMAT says what is wrong with the header; `ret` may be NULL. */
struct streamlines *streamlines_open(const char *path, struct streamlines_info *ret,
                                     struct err *err) CHECK_RESULT;
/* The next one: x, y, z of `*ret_n` points (0 is possible), until the next call. `*ret_more` is
 * false at the end. */
bool streamlines_next(struct streamlines *s, const float **ret_points, size_t *ret_n,
                      bool *ret_more, struct err *err) CHECK_RESULT;
/* After the last one: what the header had said otherwise; "" when all is well. */
const char *streamlines_complaint(const struct streamlines *s);
void streamlines_close(struct streamlines *s);

/* ---- writing TCK ---- */

struct streamlines_writer;
/* `remark` stands in the header (one line). Caller ends with streamlines_write_end(), which closes
 * the file also on failure, or with streamlines_write_drop(). */
struct streamlines_writer *streamlines_write_begin(const char *path, const char *remark,
                                                   struct err *err) CHECK_RESULT;
bool streamlines_write(struct streamlines_writer *w, const float *points, size_t n,
                       struct err *err) CHECK_RESULT;
bool streamlines_write_end(struct streamlines_writer *w, struct err *err) CHECK_RESULT;
void streamlines_write_drop(struct streamlines_writer *w);

#endif
