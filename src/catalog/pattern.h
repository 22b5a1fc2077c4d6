/*
 * NORA's selectors (REQUIREMENTS Q3-Q6, L2-L4): one parser for the command line, job arguments, the
 * API and the page.
 *
 * Wildcards as in SQL LIKE: * is any run of characters, also an empty one and also across slashes,
 * _ exactly one character (of UTF-8); ASCII letters match in either case; \ takes what follows it
 * literally (\_ \* \\), % is an ordinary character. Tags are compared whole and exactly.
 *
 * A subject selector: *  12*  PID#SID  PID#LATEST[n]  PID#OLDEST[n]  stag:T  notstag:T  ptag:T
 * (tag:T)  notptag:T  #tag:T  PID#tag:T  PIDLIST:a,b  PSIDLIST:a#1,b#2 . SQL: is refused by name.
 * - PID alone: all studies of these subjects. Nothing in front of the #: of any subject.
 * - LATEST is the newest study of each subject (by date, then by SID), LATEST1 the one before it;
 *   OLDEST the first, OLDEST1 the one after it.
 * - A PID or SID that is there literally wins over its reading as a pattern (P_1 is not PA1 when
 *   there is a P_1).
 *
 * File selectors, several parted by blanks = union (quotes keep blanks): NAME  SUB/NAME  SUB/
 * ABS:/path  /path  tag:T (ftag:T)  reading:F  [info], and the modifiers SORT SORTASC SORTDESC
 * NTH(n).
 * - NAME without a slash lies in the study's own folder. SUB/NAME: the last slash parts folder and
 *   name; * as folder also means the study's own. SUB/ is everything in SUB.
 * - In a BIDS tree a selector means the data; where a study's data have no match, what lies in
 *   derivatives (so that a job finds what an earlier job wrote). derivatives/NAME/SUB/NAME names
 *   the place. Tags find files in both.
 * - ABS: is exact, and looks in the whole project, whatever the studies are.
 * - reading:F are files F.reading and F_*.reading in any folder.
 * - [info] is the study itself: one row with id 0, whose path is the study's folder.
 * - The modifiers hold for the union within each study: SORTDESC turns the order round, NTH(n)
 * keeps the n-th file of each study, from 1; NTH(-1) the last.
 */
#ifndef GANTRY_CATALOG_PATTERN_H
#define GANTRY_CATALOG_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"
#include "codec/json.h"
#include "store/store.h"

/* Does `text` match? */
bool pattern_match(const char *pattern, const char *text);
/* Does it hold a wildcard (an unescaped * or _)? */
bool pattern_wild(const char *pattern);
/* Is `tag` a member of `tags` (/a/b/)? */
bool pattern_tagged(const char *tags, const char *tag);
/* Append a selector that means exactly this text: wildcards and backslashes escaped. */
void pattern_escape(struct str *out, const char *text);
/* Append a file selector that means this absolute path, with a blank in front when `out` is not
 * empty. */
void pattern_add_path(struct str *out, const char *path);
/* The words of a text parted by blanks; quotes (at the start of a word, behind a colon or a slash)
 * keep blanks and go. Caller frees each and the array. ERR_USAGE: a quote is not closed. */
bool pattern_words(const char *text, char ***ret_words, size_t *ret_n,
                   struct err *err) CHECK_RESULT;
void pattern_words_free(char **words, size_t n);

/* Can the selector be read? ERR_USAGE says what is wrong. */
bool pattern_check_subject(const char *selector, struct err *err) CHECK_RESULT;
bool pattern_check_files(const char *selectors, struct err *err) CHECK_RESULT;

/* Ids of the studies (items of level study) that a subject selector finds, ordered by subject, date
 * and sid. None found is no error. Caller frees. */
bool pattern_studies(struct store *s, int64_t project, const char *selector, int64_t **ret_ids,
                     size_t *ret_n, struct err *err) CHECK_RESULT;
/* The subjects of these studies, each once, in the same order. */
bool pattern_subjects(struct store *s, int64_t project, const char *selector, int64_t **ret_ids,
                      size_t *ret_n, struct err *err) CHECK_RESULT;

/* The study or studies that `of` of a FILE argument means for an item (a study or a subject):
 * NULL, "", "STUDY" = the item itself (a subject: its studies); SUBJECT (PATIENT) = all studies of
 * the item's subject; LATEST[n], OLDEST[n], #SID, #tag:x = of the item's subject; any other text is
 * a subject selector (ANALYSIS#MNI), in which [selectionpatient] and [selection] stand for the
 * item's PID and PSID. */
bool pattern_reference(struct store *s, int64_t project, int64_t item, const char *of,
                       int64_t **ret_ids, size_t *ret_n, struct err *err) CHECK_RESULT;

/* Files that `selectors` (one text, several parted by blanks) find in these studies: called for
 * each in the order of studies, then sub and name, or as SORT and NTH say. fn returns false to
 * stop: with err filled that is a failure, without it all is well. fn must not call pattern_files.
 */
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
