/* The picture of one CT study for people who ask "why 1?": three slices with their lungs outlined,
 * the profile over all slices, the decision and what led to it. */
#ifndef GANTRY_DRAW_TRIAGE_PAGE_H
#define GANTRY_DRAW_TRIAGE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define TRIAGE_PAGE_SLICES 3
#define TRIAGE_PAGE_LINES 12
#define TRIAGE_PAGE_MARKS 12

/* A finding on a slice: edges in pixels. */
struct triage_mark {
    double x0, y0, x1, y1, score;
};

struct triage_page_slice {
    size_t number;        /* of the slice, from 0 */
    const uint8_t *grey;  /* [rows][columns] */
    const uint8_t *lungs; /* the same of 0 and 1 */
    struct triage_mark mark[TRIAGE_PAGE_MARKS];
    size_t marks;
};

struct triage_page {
    const char *title;   /* the study */
    const char *verdict; /* "1 (PATHOLOGY), probability 0.532" */
    bool positive;
    const char *line[TRIAGE_PAGE_LINES]; /* why, in words; ends at NULL */
    const char *footer;
    size_t columns, rows;
    struct triage_page_slice slice[TRIAGE_PAGE_SLICES];
    size_t slices;
    const double *area, *dense, *emphysema; /* [slices]; NaN = no lungs there */
    double aspect;                          /* height of a pixel / its width */
};

/* A PNG of 1200 x 800. */
bool triage_page_save(const struct triage_page *page, const char *path,
                      struct err *err) CHECK_RESULT;

/* The three curves alone: a PNG of 1000 x 500. */
bool triage_profile_save(const struct triage_page *page, const char *path,
                         struct err *err) CHECK_RESULT;

#endif
