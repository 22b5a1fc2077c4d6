/* Layout dicom: which folders are studies, by their headers. A folder is looked at once: what it
 * said is kept (table dicom_folder) until files come or go. A study is the folder that holds all
 * its series and no other study's. */
#ifndef GANTRY_ENGINE_REFRESH_DICOM_H
#define GANTRY_ENGINE_REFRESH_DICOM_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "engine/refresh-cohort.h"
#include "model/found.h"

struct dicom_places {
    struct found_place *list; /* sorted by folder */
    size_t n;
};
/* Reads headers in a process of gantry-imaging, and waits for it. What cannot be told apart is a
 * line of how->warnings. */
bool dicom_places_find(const struct cohort_refresh_args *how, struct found_list *items,
                       struct dicom_places *ret, struct err *err) CHECK_RESULT;
void dicom_places_fini(struct dicom_places *p);

#endif
