/*
 * Cohorts: subjects, studies and the files in them (tables item, study, file). Who a file belongs
 * to follows from the project's layout:
 *
 *   {subject}/{study}   the first folder is the subject, the second the study (the default of auto)
 *   {subject}           one study a subject; its sid is ''
 *   bids                sub-X[/ses-Y]; derivatives/NAME/sub-X[/ses-Y] are files of the same study
 *                       with place derivatives/NAME
 *   scans               no cohort: HDF5 acquisitions
 *
 * A project's names: PID is the subject's name, SID the study's, PSID is PID#SID.
 */
#ifndef GANTRY_CATALOG_COHORT_H
#define GANTRY_CATALOG_COHORT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/* A file that a task has published, or that `nora --add` names: its row is made or renewed, and
 * `tags` (words parted by commas; NULL = none) are added. `path` is absolute; what lies in no study
 * of the project is left alone (*ret_file = 0). Inside an operation. */
bool cohort_take(struct store *s, int64_t project, const char *path, const char *tags,
                 int64_t *ret_file, struct err *err) CHECK_RESULT;

/* The same for a file that is not there yet: its tags wait for cohort_take(); until then no
 * selector finds it. Inside an operation. */
bool cohort_promise(struct store *s, int64_t project, const char *path, const char *tags,
                    int64_t *ret_file, struct err *err) CHECK_RESULT;
/* Takes a file's row off the list (the disk is not touched; a scan finds it again). *ret_was: it
 * was there. Inside an operation. */
bool cohort_drop(struct store *s, int64_t project, int64_t file, bool *ret_was,
                 struct err *err) CHECK_RESULT;

/* The file of the catalog at an absolute path; *ret_file = 0 when there is none. */
bool cohort_find(struct store *s, int64_t project, const char *path, int64_t *ret_file,
                 struct err *err) CHECK_RESULT;

/* Where a study's output goes: <root>/<folder>/ or, in a BIDS tree,
 * <root>/derivatives/<batch>/<folder>/ . Of a subject: that of the study that came first, as every
 * file belongs to a study: beside the studies it would be taken for one. Absolute, caller frees. */
char *cohort_out_folder(struct store *s, int64_t item, const char *batch,
                        struct err *err) CHECK_RESULT;

/* PID, SID and PSID of a study (of a subject: its PID, "" and its PID), each owned by the caller in
 * a JSON object {"pid","sid","psid"}. */
json_t *cohort_names(struct store *s, int64_t item, struct err *err) CHECK_RESULT;

/* Changes of tags: {"project", "domain": "file"|"study"|"subject", "ids": [...], "tags": ["a"],
 * "add": bool}. Ids of domain file are of the table file. */
bool cohort_tag(struct store *s, const json_t *args, int64_t *ret_changed,
                struct err *err) CHECK_RESULT;

#endif
