/* Series of DICOM whose files lie in several folders: below one folder, or in a folder and those
 * below it. Each folder is read by itself (discover/series-walk.h), so that such a series is found
 * in pieces; here the pieces become one series of the folder that holds them. Two copies of a
 * series stay two. */
#ifndef GANTRY_CLI_DATASET_MERGE_H
#define GANTRY_CLI_DATASET_MERGE_H

#include "base/err.h"
#include "codec/json.h"
#include "discover/series-walk.h"
#include "store/store.h"

/* item.kind of a piece that went into a whole; it is gone from the lists. */
#define DATASET_PIECE "piece"

/* Of what is in the store now: rows for dataset.apply into `rows`, ids of pieces into `pieces`. */
bool dataset_merge(struct store *s, int64_t dataset, const char *root,
                   const struct series_units *units, json_t *rows, json_t *pieces,
                   struct err *err) CHECK_RESULT;

/* What was merged before, by `known` (path -> rows with "uid", "kind", "size", "mtime_ns", "gone"):
 * wholes of which all is as it was into `whole` (uid -> path), the paths of others into `again`. */
bool dataset_merged(const json_t *known, const struct series_units *units, json_t *whole,
                    json_t *again, struct err *err) CHECK_RESULT;

/* The unit of that path; NULL when there is none. */
const struct series_unit *dataset_unit(const struct series_units *units, const char *path);

#endif
