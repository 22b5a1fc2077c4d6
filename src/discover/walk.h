/*
 * Walk a project's folder and list the files that may be input. What Gantry and its like wrote is
 * never input: folders named *_rec or try_center, files named *_rec.h5 or *.prov.json, and hidden
 * names (.gantry*). Links are not followed to folders, and to files only when they stay below the
 * root. What is left out for that, or because its name is not UTF-8, is named (ret->left).
 */
#ifndef GANTRY_DISCOVER_WALK_H
#define GANTRY_DISCOVER_WALK_H

#include <stdbool.h>
#include "base/err.h"
#include "model/found.h"

/* Files below `root` (absolute, links resolved), sorted by name. A folder that cannot be read is
 * named in ret->unread; only the root itself is an error. Free with found_list_fini. */
bool walk_folder(const char *root, struct found_list *ret, struct err *err) CHECK_RESULT;
void found_list_fini(struct found_list *list);

/* Kind that a file's name promises ("hdf5", "nifti", "dicom-zip", "tractogram"), or NULL when it is
 * no input. */
const char *walk_kind(const char *name);
/* Is this folder's name one of ours (or hidden)? */
bool walk_skips_folder(const char *name);

#endif
