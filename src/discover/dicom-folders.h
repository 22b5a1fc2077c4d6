/*
 * Folders that may hold DICOM: every folder with files that are of no other kind we know, and every
 * ZIP. Which study they belong to is in the files' headers, of which some a folder are named here.
 *
 * Order: dicom_walk_begin, dicom_walk_step until done (a folder a step, so that whoever else has to
 * do something may), dicom_walk_take, dicom_walk_end.
 */
#ifndef GANTRY_DISCOVER_DICOM_FOLDERS_H
#define GANTRY_DISCOVER_DICOM_FOLDERS_H

#include <stdbool.h>
#include "base/err.h"
#include "model/found.h"

struct dicom_walk;

/* `root` and `items` are borrowed. Acquisitions and archives (HDF5, ZIP) go to `items`, and so do
 * folders that cannot be read. */
struct dicom_walk *dicom_walk_begin(const char *root, struct found_list *items,
                                    struct err *err) CHECK_RESULT;
bool dicom_walk_step(struct dicom_walk *w, bool *ret_done, struct err *err) CHECK_RESULT;
/* Sorted by name. Free with dicom_folders_fini. */
void dicom_walk_take(struct dicom_walk *w, struct found_folders *ret);
void dicom_walk_end(struct dicom_walk *w);
void dicom_folders_fini(struct found_folders *f);

/* The names of all files of one folder that may be DICOM, sorted; none when it cannot be read. */
bool dicom_folder_names(const char *root, const char *folder, char ***ret_names, size_t *ret_n,
                        struct err *err) CHECK_RESULT;
void dicom_names_free(char **names, size_t n);

/* May a file of this name be DICOM? */
bool dicom_may_be(const char *name);

#endif
