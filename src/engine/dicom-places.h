/* From what folders of DICOM and ZIPs say to the studies that they make: nobody but refresh-dicom.c
 * includes it. */
#ifndef GANTRY_ENGINE_DICOM_PLACES_H
#define GANTRY_ENGINE_DICOM_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "codec/json.h"
#include "engine/refresh-dicom.h"

/* What one folder, or one ZIP, has of one study. Borrowed texts. */
struct dicom_about {
    const char *name; /* the folder, or the ZIP */
    size_t folder;    /* bytes of `name` that are the folder: all, or those in front of the ZIP */
    const json_t *names; /* only these of its files; NULL: all, or it is a ZIP */
    bool zip;
    const char *pid, *uid, *date, *sdesc;
};

/* `list` is sorted anew. Lines for people go to `warnings`. */
bool dicom_places_make(const char *root, struct dicom_about *list, size_t n, json_t *warnings,
                       struct dicom_places *ret, struct err *err) CHECK_RESULT;

#endif
