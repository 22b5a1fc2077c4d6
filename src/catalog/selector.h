/*
 * Selectors for scans: paths, shell globs, id:17, series:NAME, scan:12-45,50 (trailing indices),
 * status:failed, error:2 (members of that cause), tag:x. Several are a union; none means all.
 * A name that exists literally wins over its reading as a glob or as a prefix.
 */
#ifndef GANTRY_CATALOG_SELECTOR_H
#define GANTRY_CATALOG_SELECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "store/store.h"

enum selector_kind {
    SEL_NAME, /* path, name, stem or glob */
    SEL_ID,
    SEL_SERIES,
    SEL_SCAN,
    SEL_STATUS,
    SEL_ERROR,
    SEL_TAG
};
struct selector {
    enum selector_kind kind;
    const char *value; /* behind the prefix; points into the argument */
};

/* One argument. ERR_USAGE when what stands behind a known prefix cannot be read. */
bool selector_parse(const char *arg, struct selector *ret, struct err *err) CHECK_RESULT;
/* Shell glob over whole texts: * ? [a-z] [!x] and \x; * also crosses slashes. */
bool selector_glob(const char *pattern, const char *text);
/* Does a status word answer to status:WORD? Letter case does not matter; whole words of the status
 * count ("failed" answers for "Try failed", "skipped" for "Skipped (small)"); so does the state of
 * the item's newest task ("waiting", "done"). */
bool selector_status(const char *word, const char *status, const char *state);

enum selector_scope {
    SELECT_SCANS = 0,  /* scans on disk that were not forgotten */
    SELECT_HIDDEN = 1, /* forgotten ones too */
    SELECT_GONE = 2,   /* and those no longer on disk */
    SELECT_FILES = 4,  /* other files too, not only scans */
    SELECT_STUDIES = 8 /* and studies of a cohort, by their folders */
};

/* Ids of the rows that `args` select, ordered by series, index and name, each once. Relative paths
 * count from the current folder, then from the project's root. A selector that matches nothing is
 * ERR_NOTHING and named; no selector at all gives all (perhaps none). Caller frees *ret_ids. */
bool selector_items(struct store *s, int64_t project, char *const *args, size_t n, int scope,
                    int64_t **ret_ids, size_t *ret_n, struct err *err) CHECK_RESULT;

#endif
