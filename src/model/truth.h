/*
 * Where the truth about series stands: a folder of masks, or a table (CSV) of labels; and which
 * mask or label belongs to which series. truth_open(), truth_find() for each, truth_free().
 *
 * A mask belongs to a series when its path below the folder, without .nii or .nii.gz, is the
 * series' path or stem, that with '_' for '/', its SeriesInstanceUID, or its bare file name where
 * no other series has the same (such a mask may lie in any folder, if it is the only one of that
 * name); with "_seg", "_mask", "_label", "_labels", "_truth" or "_gt" behind
 * it, as a file "mask", "seg" or "label" in a folder of that name, and (nnU-Net) without the
 * "_0000" of the image. The series' own file is never its truth.
 *
 * A row of a table belongs to a series by the same names, in a column series, name, file, path,
 * stem or uid; or by its number in a column id. The label stands in a column label, truth, class,
 * diagnosis or target. Without such a heading: name, label.
 */
#ifndef GANTRY_MODEL_TRUTH_H
#define GANTRY_MODEL_TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct truth;

/* ERR_USAGE for a table without rows or a folder without NIfTI; ERR_IO when it cannot be read. */
struct truth *truth_open(const char *path, struct err *err) CHECK_RESULT;
/* The same from text in memory. */
struct truth *truth_parse(const char *text, size_t length, const char *what,
                          struct err *err) CHECK_RESULT;
void truth_free(struct truth *t);
bool truth_is_table(const struct truth *t);
/* Masks or rows that there are. */
size_t truth_count(const struct truth *t);

struct truth_key {
    int64_t id;
    const char *path, *stem, *uid; /* path and stem: relative; uid "" = none */
    const char *own;               /* the series' file, absolute */
};

/* Note a series, so that names that two have are no one's. Before the first truth_find(). */
bool truth_note(struct truth *t, const struct truth_key *key, struct err *err) CHECK_RESULT;

#define TRUTH_WHY 200
/* The mask's path or the label; NULL, and why in words. Valid until truth_free(). */
const char *truth_find(struct truth *t, const struct truth_key *key, char why[TRUTH_WHY]);

#endif
