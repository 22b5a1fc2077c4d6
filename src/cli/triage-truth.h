/*
 * The known labels of --truth: a CSV with a file and a label a line (0 or 1, NORMAL or PATHOLOGY).
 * Read before the work begins; put to the rows when they are known. Order: triage_truth_read,
 * triage_truth_put, triage_truth_fini.
 */
#ifndef GANTRY_CLI_TRIAGE_TRUTH_H
#define GANTRY_CLI_TRIAGE_TRUTH_H

#include <stddef.h>
#include "base/err.h"
#include "cli/triage-rows.h"

struct triage_label {
    char *file;
    int label;  /* 0 or 1 */
    size_t row; /* of the CSV, from 1 */
};

struct triage_truth {
    struct triage_label *labels;
    size_t n;
};

/* Columns are separated by commas, semicolons or tabs; a heading may name them (file or
 * path_to_study, label or pathology), else they are the first two. ERR_USAGE names the row, also of
 * a file that is named with both labels; ERR_IO, ERR_PERM when it cannot be read. */
bool triage_truth_read(const char *path, struct triage_truth *ret, struct err *err) CHECK_RESULT;
/* Files may lack ".zip", and folders in front as far as those that both sides name agree; a file
 * that is named without folders is meant in all of them. Returns how many are not among the rows.
 */
size_t triage_truth_put(const struct triage_truth *truth, struct triage_rows *rows);
void triage_truth_fini(struct triage_truth *truth);

#endif
