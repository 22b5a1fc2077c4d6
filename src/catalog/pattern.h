/*
 * NORA's selectors (REQUIREMENTS Q3-Q6): one parser for the command line, job arguments, the API
 * and the page.
 *
 * Wildcards as in SQL LIKE: * is any run of characters, also an empty one, _ exactly one character;
 * ASCII letters match in either case; \_ \* \\ stand for themselves, % is an ordinary character.
 *
 * A subject selector: *  12*  PID#SID  PID#LATEST[n]  PID#OLDEST[n]  stag:T  notstag:T  ptag:T
 * (tag:T)  notptag:T  #tag:T  PID#tag:T  PIDLIST:a,b  PSIDLIST:a#1,b#2 . SQL: is refused by name.
 * File selectors, several parted by blanks (quotes keep blanks): NAME  SUB/NAME  ABS:/path  tag:T
 * (ftag:T)  reading:F  [info], and the modifiers SORT SORTASC SORTDESC NTH(n).
 */
#ifndef GANTRY_CATALOG_PATTERN_H
#define GANTRY_CATALOG_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/* Does `text` match? */
bool pattern_match(const char *pattern, const char *text);
/* Does it hold a wildcard (an unescaped * or _)? */
bool pattern_wild(const char *pattern);

/* Ids of the studies (items of level study) that a subject selector finds, ordered by subject, date
 * and sid. None found is no error. Caller frees. */
bool pattern_studies(struct store *s, int64_t project, const char *selector, int64_t **ret_ids,
                     size_t *ret_n, struct err *err) CHECK_RESULT;

/* The study or studies that `of` of a FILE argument means for an item (a study or a subject):
 * NULL, "", "STUDY" = the item itself; SUBJECT = all studies of the item's subject; LATEST[n],
 * OLDEST[n]; ANALYSIS#name; #tag:x; any subject selector; [selectionpatient] and
 * [selection] stand for the item's PID and PSID. */
bool pattern_reference(struct store *s, int64_t project, int64_t item, const char *of,
                       int64_t **ret_ids, size_t *ret_n, struct err *err) CHECK_RESULT;

/* Files that `selectors` (one text, several parted by blanks) find in these studies: called for each
 * in the order of studies, then sub and name, or as SORT and NTH say. fn returns false to stop. */
struct pattern_file {
    int64_t id, study, size, mtime_ns;
    const char *path; /* absolute */
    const char *place, *sub, *name, *tags;
};
typedef bool pattern_file_fn(void *arg, const struct pattern_file *file, struct err *err);
bool pattern_files(struct store *s, int64_t project, const int64_t *studies, size_t n,
                   const char *selectors, pattern_file_fn *fn, void *arg,
                   struct err *err) CHECK_RESULT;

#endif
