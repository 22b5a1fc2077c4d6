/*
 * What differs between a cohort's folder and its rows, study by study, as arguments of the
 * operation "cohort.apply": pieces of a few thousand rows, so that each transaction stays short.
 *
 * Order of calls: begin; for every study found: study, then piece until it gives NULL; finish, then
 * piece again until it gives NULL; report; end.
 */
#ifndef GANTRY_CATALOG_COHORT_SCAN_H
#define GANTRY_CATALOG_COHORT_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "catalog/project.h"
#include "codec/json.h"
#include "model/found.h"
#include "store/store.h"

struct cohort_scan;
struct cohort_scan_report {
    int64_t subjects, studies, files; /* there now */
    int64_t new_studies, gone_studies;
    int64_t added, changed, gone; /* files */
};

/* `s` and `project` are borrowed. Reads participants.tsv too; a table that cannot be understood is
 * a line for `warnings`. */
struct cohort_scan *cohort_scan_begin(struct store *s, const struct project *project,
                                      json_t *warnings, struct err *err) CHECK_RESULT;
bool cohort_scan_study(struct cohort_scan *c, const struct found_study *study,
                       struct err *err) CHECK_RESULT;
/* Studies that were not met are gone, unless they lie in a folder that could not be read
 * (items->unread). */
bool cohort_scan_finish(struct cohort_scan *c, const struct found_list *items,
                        struct err *err) CHECK_RESULT;
/* The arguments of an operation, when enough for one has gathered (after finish: while anything is
 * left); *ret = NULL otherwise. */
bool cohort_scan_piece(struct cohort_scan *c, json_t **ret, struct err *err) CHECK_RESULT;
void cohort_scan_report(const struct cohort_scan *c, struct cohort_scan_report *ret);
void cohort_scan_end(struct cohort_scan *c);

/*
 * What "cohort.apply" takes, besides "project":
 *
 * - "studies": [{"name", "pid", "sid", "date"?, "stirred_us", "files"?: [texts], "gone"?: [ids of
 *   files], "attrs"?, "subject_attrs"?, "sdesc"?, "id"?}]. A text is "SIZE MTIME_NS
 *   PLACE//SUB//NAME" of a file that is new or changed; one text a file, because a first scan
 *   brings a million. "id" is the row of a study that may have another folder now.
 *
 * - "gone": [ids of studies].
 *
 * - "dicom": [{"name", "mtime_ns", "pid", "uid", "date", "sdesc"}]: folders whose headers were
 * read.
 *
 * - "layout": what was found.
 */
bool cohort_apply(struct store *s, const json_t *args, struct err *err) CHECK_RESULT;

#endif
