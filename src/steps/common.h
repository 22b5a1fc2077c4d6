/* What the reconstruction steps have in common: FFT wisdom of the home, and the words about
 * repaired pixels. */
#ifndef GANTRY_STEPS_COMMON_H
#define GANTRY_STEPS_COMMON_H

#include <stdbool.h>
#include "base/err.h"
#include "steps/job.h"
#include "steps/source.h"

/* Wisdom lives in <home>/wisdom; it is a cache, so trouble with it is said in the log and stops
 * nothing. */
void common_wisdom_load(struct job *job);
/* When something new was planned. */
void common_wisdom_save(struct job *job);

/* A line for each kind of pixel that had to be repaired; when most of what was judged
 * (source_judge) had to be, the value "warning" says so too, for people who do not read logs. */
bool common_tell_repairs(struct job *job, const struct source *source,
                         struct err *err) CHECK_RESULT;
/* {"dead_pixels", "dead_rows", "nan_samples", "negative_samples"}; NULL without memory. */
json_t *common_repairs(const struct source *source);

/* The folder that a file goes into, made when missing. */
bool common_folder_of(const char *path, struct err *err) CHECK_RESULT;

/* The model of `folder` for this job: the one that this process has kept, or loaded now
 * (infer/keep.h). The log says which, where it computes, and why not on the GPU that was given. */
struct keep_model;
bool common_model_open(struct job *job, const char *folder, const char *without,
                       struct keep_model *ret, struct err *err) CHECK_RESULT;

/* Text as one word of a POSIX shell: quoted when it has to be. Appends to `out`. */
struct str;
void common_shell_word(struct str *out, const char *text);

#endif
