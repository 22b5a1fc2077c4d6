/* Inside of the readers of tractograms. */
#ifndef GANTRY_IMAGE_STREAMLINES_OWN_H
#define GANTRY_IMAGE_STREAMLINES_OWN_H

#include <stdio.h>
#include "image/streamlines.h"

struct streamlines {
    FILE *file;
    char *path;
    int64_t size, at; /* of the file; of what was read */
    struct streamlines_info info;
    bool swapped, wide; /* byte order; TCK: doubles */
    double turn[3][4];  /* TRK: stored -> millimetres */
    float *points;
    size_t room;
    int64_t count;
    bool ended;
    char complaint[160];
};

/* `n` bytes; ERR_FORMAT "... ends at byte N, in the middle of <what>". */
bool streamlines_bytes(struct streamlines *s, void *ret, size_t n, const char *what,
                       struct err *err) CHECK_RESULT;
/* Room for so many points. */
bool streamlines_room(struct streamlines *s, size_t points, struct err *err) CHECK_RESULT;
uint32_t streamlines_u32(const struct streamlines *s, const unsigned char *bytes);
float streamlines_float(const struct streamlines *s, const unsigned char *bytes);

bool tck_head(struct streamlines *s, struct err *err) CHECK_RESULT;
bool tck_next(struct streamlines *s, size_t *ret_n, bool *ret_more, struct err *err) CHECK_RESULT;
bool trk_head(struct streamlines *s, struct err *err) CHECK_RESULT;
bool trk_next(struct streamlines *s, size_t *ret_n, bool *ret_more, struct err *err) CHECK_RESULT;

#endif
