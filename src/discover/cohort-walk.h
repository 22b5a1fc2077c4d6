/*
 * Walk a cohort study by study, in the order of their folders' names: every regular file below a
 * study's folder, whatever its ending, but hidden ones, *.prov.json and folders that Gantry and its
 * like wrote. A study is held only until the next is asked for, so that a million files need no
 * more room than the largest study. Acquisitions and archives (HDF5, ZIP) that are met anywhere go
 * to the list of the usual walk as well (discover/walk.h).
 *
 * Order of calls: cohort_walk_begin, cohort_walk_next until *ret_study is NULL, cohort_walk_end.
 */
#ifndef GANTRY_DISCOVER_COHORT_WALK_H
#define GANTRY_DISCOVER_COHORT_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "model/found.h"
#include "model/layout.h"

struct cohort_walk;

/* `root`, `layout` and `items` are borrowed until the end; `items` is sorted when the last study
 * was given. */
struct cohort_walk *cohort_walk_begin(const char *root, const struct layout *layout,
                                      struct found_list *items, struct err *err) CHECK_RESULT;
/* The studies are these instead, in this order (layout dicom); nothing beside them is looked at,
 * and nothing goes to `items` but what cannot be read. */
struct cohort_walk *cohort_walk_places(const char *root, const struct found_place *places, size_t n,
                                       struct found_list *items, struct err *err) CHECK_RESULT;
bool cohort_walk_next(struct cohort_walk *w, const struct found_study **ret_study,
                      struct err *err) CHECK_RESULT;
/* Images that lie in no study (a file where a study's folder should be): how many, and one of them.
 */
size_t cohort_walk_strays(const struct cohort_walk *w, const char **ret_example);
void cohort_walk_end(struct cohort_walk *w);

/* What the files of the usual walk look like: a layout of model/layout.h, LAYOUT_SCANS when they
 * are no cohort. */
const char *cohort_guess(const char *root, const struct found_list *found);

#endif
