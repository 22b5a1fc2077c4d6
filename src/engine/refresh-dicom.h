/*
 * Layout dicom: which files are which study's, by their headers. A folder is looked at once: what
 * it said is kept (table dicom_folder) until files come or go. A study is the folder that holds all
 * its series and no other study's; one that shares its folders, or lies in a ZIP, is parted from
 * the others: it has the files that are its own (struct found_place, members).
 *
 * Of a folder some headers are read (FOUND_SAMPLES), evenly spread over its names; where these are
 * of several studies, all are.
 *
 * Order: dicom_refresh_begin, dicom_refresh_step until done, dicom_refresh_take, dicom_refresh_end.
 */
#ifndef GANTRY_ENGINE_REFRESH_DICOM_H
#define GANTRY_ENGINE_REFRESH_DICOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "engine/refresh-cohort.h"
#include "model/found.h"

struct dicom_refresh;

struct dicom_places {
    struct found_place *list; /* sorted by name */
    size_t n;
};
struct dicom_refresh *dicom_refresh_begin(const struct cohort_refresh_args *how,
                                          struct found_list *items, struct err *err) CHECK_RESULT;
/* Work for about so long (0: to the end), and wait no longer for the process that reads headers.
 * What cannot be told apart is a line of how->warnings. */
bool dicom_refresh_step(struct dicom_refresh *d, int64_t for_us, bool *ret_done,
                        struct err *err) CHECK_RESULT;
void dicom_refresh_take(struct dicom_refresh *d, struct dicom_places *ret);
void dicom_refresh_end(struct dicom_refresh *d);
void dicom_places_fini(struct dicom_places *p);

#endif
