/* Folders that may hold DICOM: every folder with files that are of no other kind we know. Which
 * study they belong to is in the files' headers, of which two a folder are named here. */
#ifndef GANTRY_DISCOVER_DICOM_FOLDERS_H
#define GANTRY_DISCOVER_DICOM_FOLDERS_H

#include <stdbool.h>
#include "base/err.h"
#include "model/found.h"

/* Sorted by name. Acquisitions and archives (HDF5, ZIP) go to `items`, and so do folders that
 * cannot be read. Free with dicom_folders_fini. */
bool dicom_folders(const char *root, struct found_list *items, struct found_folders *ret,
                   struct err *err) CHECK_RESULT;
void dicom_folders_fini(struct found_folders *f);

/* May a file of this name be DICOM? */
bool dicom_may_be(const char *name);

#endif
