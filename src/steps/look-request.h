/*
 * One request to the picture helper (cmd-look.c), from its line of JSON. The paths come from the
 * engine's catalog, never from a browser; they are checked all the same.
 *
 * {"id", "what": slice|stack|histogram|profile|metadata|pictures, "root", "rec", "name": the scan
 * relative to root, "staging": [names of staging folders of running attempts], "kind":
 * try|full|raw|sinogram, "index", "row", "centre", "lo", "hi", "format": png|raw|raw8, "level":
 * 0|1, "map", "max", "flat", "shift", "x0", "y0", "x1", "y1", "text", "etag"} or "kind": "file"
 * with "path" in place of root, rec and name.
 */
#ifndef GANTRY_STEPS_LOOK_REQUEST_H
#define GANTRY_STEPS_LOOK_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"

enum look_what {
    LOOK_SLICE,
    LOOK_STACK,
    LOOK_HISTOGRAM,
    LOOK_PROFILE,
    LOOK_METADATA,
    LOOK_PICTURES
};
enum look_kind { LOOK_TRY, LOOK_FULL, LOOK_RAW, LOOK_SINOGRAM, LOOK_FILE };
enum look_format { LOOK_PNG, LOOK_FLOATS, LOOK_BYTES };

#define LOOK_ANY INT64_MIN /* index, row: not said */

struct look_request {
    json_t *json; /* owns the texts below */
    int64_t id;   /* 0 when even that could not be read */
    enum look_what what;
    enum look_kind kind;
    const char *root, *rec, *name; /* name relative to root */
    const char *path;              /* kind file */
    const json_t *staging;         /* NULL or an array of names */
    int64_t index;                 /* absolute slice, projection, or row of a sinogram; LOOK_ANY */
    int64_t row;                   /* detector row of try slices; -1: names without one; LOOK_ANY */
    double centre;                 /* NaN: the best one */
    double lo, hi;                 /* NaN: 5-95 % */
    enum look_format format;
    int level;       /* of a PNG; -1: as suits its size */
    const char *map; /* of a PNG; NULL: grey */
    size_t max;      /* longest side; 0: as it is */
    bool flat;
    int64_t shift;         /* columns by which the flat field is moved to the right */
    double from[2], to[2]; /* profile: x, y */
    const char *text;      /* metadata: only what has this in it; NULL: all */
    const char *etag;      /* what the asker has already; NULL: nothing */
};

/* Fill `ret` from a line. On failure ret->id is what the line said, if that much could be read;
 * look_request_fini in either case. */
bool look_request_parse(const char *line, size_t length, struct look_request *ret,
                        struct err *err) CHECK_RESULT;
void look_request_fini(struct look_request *q);

#endif
