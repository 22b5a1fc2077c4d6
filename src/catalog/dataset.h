/*
 * Data sets: named collections of image series within one project (tables dataset, series,
 * dataset_item). A scan (cli/dataset-scan) walks, reads headers of what is new or has changed, and
 * applies what it found in pieces. Series belong to the project and may be shared by data sets.
 * Everything here but the readers runs inside an operation.
 */
#ifndef GANTRY_CATALOG_DATASET_H
#define GANTRY_CATALOG_DATASET_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/* May a new data set be called so? ERR_USAGE or ERR_EXISTS says why not. */
bool dataset_name_check(struct store *s, const char *name, struct err *err) CHECK_RESULT;

/* {"project", "name", "description"?, "places": [...], "modality"?, "user"?}. ERR_EXISTS when the
 * name is taken (names are told apart without regard to case). */
bool dataset_add(struct store *s, const json_t *args, int64_t *ret_id,
                 struct err *err) CHECK_RESULT;

/* {"dataset", "name"?, "description"?, "modality"?}. The modality counts for those of its series
 * whose own headers do not say it. */
bool dataset_change(struct store *s, const json_t *args, struct err *err) CHECK_RESULT;

/* Its files stay, and so do predictions. Series that no other data set has, and nobody has worked
 * on, are forgotten. */
bool dataset_remove(struct store *s, int64_t dataset, struct err *err) CHECK_RESULT;

/*
 * A piece of what a scan found: {"dataset", "series": [rows], "keep": [ids], "gone": [ids],
 * "pieces": [ids], "done"?}. A row is a line of `gantry-imaging series` (docs/formats/series.md)
 * with its path made relative, and "size", "mtime_ns" of its unit, "many": true when its unit holds
 * several series. "keep": known and unchanged, but perhaps new to this data set. "pieces": went
 * into a series of the folder above (cli/dataset-merge.h); they leave the lists like those that are
 * gone. "done": the scan is over. `counts` gets "new", "changed" (of the rows).
 */
bool dataset_apply(struct store *s, const json_t *args, json_t *counts,
                   struct err *err) CHECK_RESULT;

/* item.name of a series: its path, for DICOM with # and a digest of its UID behind it. */
char *dataset_item_name(const char *path, const char *uid, struct err *err) CHECK_RESULT;

/* By name (or id:N); ERR_NOTHING names those that there are. *ret_project may be NULL. */
bool dataset_find(struct store *s, const char *name, int64_t *ret_id, int64_t *ret_project,
                  struct err *err) CHECK_RESULT;
/* Of what project is it? ERR_NOTHING when there is none. */
bool dataset_project(struct store *s, int64_t dataset, int64_t *ret_project,
                     struct err *err) CHECK_RESULT;

#endif
