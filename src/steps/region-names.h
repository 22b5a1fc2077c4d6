/*
 * Names of an atlas' labels: from a table beside it (BIDS' *_dseg.tsv, FreeSurfer's colour table),
 * and from what a job asks for ("17=left_hippocampus 53").
 */
#ifndef GANTRY_STEPS_REGION_NAMES_H
#define GANTRY_STEPS_REGION_NAMES_H

#include "math/regions.h"

#define REGION_NAME 80

struct region_names {
    struct region_label {
        int32_t label;
        char name[REGION_NAME];
    } * list;
    size_t n, room;
};

/* Rows of a whole number and a name: parted by tabs under a heading with "index" (or "label") and
 * "name", or by blanks, where '#' begins a remark. */
bool region_names_file(struct region_names *names, const char *path, struct err *err) CHECK_RESULT;
/* Labels parted by blanks or commas, each with its name behind '=' if one is wanted; a name that
 * the file has is understood as well. They are put into `regions`. */
bool region_names_wanted(struct region_names *names, const char *text, struct regions *regions,
                         struct err *err) CHECK_RESULT;
/* The label's name, "label17" when it has none. What would break a table's cell is '_'. */
void region_name(const struct region_names *names, int32_t label, char ret[REGION_NAME]);
void region_names_fini(struct region_names *names);

#endif
