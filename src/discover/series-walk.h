/*
 * Walk a project's folder, or places in it, for what may hold image series: NIfTI files, ZIPs, and
 * folders with files that may be DICOM. Each is a unit: what is read again when it has changed. A
 * folder's unit is about its own files; the folders below are units of their own. Left out are what
 * walk.h leaves out, and, unless they were named themselves, folders that hold no images but what
 * was made of them: derivatives (BIDS), labelsTr and labelsTs (nnU-Net).
 */
#ifndef GANTRY_DISCOVER_SERIES_WALK_H
#define GANTRY_DISCOVER_SERIES_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "model/found.h"

struct series_unit {
    char *path;       /* relative to the root; "." = the root itself */
    const char *kind; /* "nifti", "file" (ZIP or DICOM), "folder" */
    int64_t size;     /* bytes; of a folder, of all its files that may be DICOM */
    int64_t mtime_ns; /* the newest of them */
};

struct series_units {
    struct series_unit *list; /* sorted by path, each once */
    size_t n, cap;
    struct found_list troubles; /* unread, left, bad_names; no files */
};

/* `places` are relative to `root` ("." = all of it). One that is not there is named among the
 * unread. Free with series_units_fini. */
bool series_walk(const char *root, const char *const *places, size_t n, struct series_units *ret,
                 struct err *err) CHECK_RESULT;
void series_units_fini(struct series_units *u);

#endif
