/*
 * Studies and their files as the command line names them (REQUIREMENTS Q3-Q5): the first word is a
 * subject selector, the others are file selectors. One word alone is both when it has a blank
 * ('stag:baseline T1.nii.gz'), and an absolute path when it begins with a slash. For `gantry ls
 * -s`, `gantry tag -s` and `nora`.
 */
#ifndef GANTRY_CLI_CHOOSE_H
#define GANTRY_CLI_CHOOSE_H

#include "catalog/pattern.h"
#include "catalog/project.h"
#include "cli/command.h"

struct choice {
    struct project project;
    int64_t *studies;
    size_t n;
    struct str files; /* file selectors; empty = none were given */
    json_t *staged;   /* absolute paths that a task is still writing: no selector finds them yet */
};

/* The project (-p, or of the current folder) and the studies. The store is open afterwards. No
 * study found is no error. choice_fini() in any case. */
bool choose(struct cli *c, const char *const *words, size_t n, struct choice *ret,
            struct err *err) CHECK_RESULT;
/* The project alone, found or ERR_NOTHING. */
bool choose_project(struct cli *c, struct project *ret, struct err *err) CHECK_RESULT;
void choice_fini(struct choice *ch);

/* Ids of the files found, as a JSON array. */
json_t *choice_files(struct cli *c, const struct choice *ch, struct err *err) CHECK_RESULT;
/* Ids of the studies, or of their subjects. */
json_t *choice_studies(const struct choice *ch, struct err *err) CHECK_RESULT;
json_t *choice_subjects(struct cli *c, const struct choice *ch, struct err *err) CHECK_RESULT;

/* What was found: a path a line, --json an array of rows. `by_filename`: JSON {PSID: {name:
 * [rows]}}. Without file selectors the studies, a PSID a line. *ret_n rows were written. */
bool choice_print(struct cli *c, const struct choice *ch, bool by_filename, size_t *ret_n,
                  struct err *err) CHECK_RESULT;

#endif
